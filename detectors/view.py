"""View: how far is a series from all that it did before, by two measures?"""

from __future__ import annotations

from math import log

import msgspec

# The record: the deviation from a slow mean over the largest one so far.
FORGET = 1.0 - 1.0 / 2000.0
RECORD_UNIT = 1.1
# The rarity: of the value's bin in a histogram.
BINS = 32
HALF = BINS // 2
LAST = BINS - 1
TINY = 1e-150
RARITY_UNIT = 6.5
# Each measure in its own unit, up to the cap; below half of it its eighth power is nothing beside the others'.
CAP = 1.1
MOST = CAP**8
PER_RECORD = 1.0 / RECORD_UNIT
NOTABLE_RECORD = 0.5 * RECORD_UNIT
PER_RARITY = 1.0 / RARITY_UNIT
NOTABLE_SHARE = 0.0388  # the share whose rarity is half of its unit


class View(msgspec.Struct, gc=False, array_like=True):
    """
    """

    warm_up: int
    mean: float = 0.0
    up: float = 0.0
    down: float = 0.0
    low: float = 0.0
    width: float = 0.0
    bins: list[int] = []

    def update(self, n: int, rate: float, smooth: float, x: float) -> float:
        """Take the `n`-th value, and what its record is kept of; the sum of both measures' eighth powers."""
        width = self.width
        if width <= 0.0:
            self._start(n, rate, smooth, x)
            return 0.0
        total = 0.0
        mean = self.mean
        d = smooth - mean
        self.mean = mean + rate * d
        if d >= 0.0:
            most = self.up
            self.up = d if d > most else most * FORGET
        else:
            d = -d
            most = self.down
            self.down = d if d > most else most * FORGET
        if d > NOTABLE_RECORD * most and most > 0.0 and n > self.warm_up:
            d *= PER_RECORD / most
            if d < CAP:
                d *= d
                d *= d
                total = d * d
            else:
                total = MOST
        low = self.low
        if not low <= x < low + width * BINS:
            self._stretch(x)
            low = self.low
            width = self.width
        i = int((x - low) / width)
        bins = self.bins
        here = bins[i]
        bins[i] = here + 1
        if here > NOTABLE_SHARE * n:
            return total
        near = (bins[i - 1] if i else 0) + (bins[i + 1] if i < LAST else 0)
        share = (here + 0.5 * near + 0.5) / n
        if share < NOTABLE_SHARE:
            d = -log(share) * PER_RARITY
            if d < CAP:
                d *= d
                d *= d
                total += d * d
            else:
                total += MOST
        return total

    def _start(self, n: int, rate: float, smooth: float, x: float) -> None:
        """Until two values differ there is nothing to bin."""
        if n == 1 or x == self.low:
            self.low = x
            self.mean = smooth
            return
        d = smooth - self.mean
        if d >= 0.0:
            self.up = d
        else:
            self.down = -d
        self.mean += rate * d
        gap = abs(x - self.low)
        first, seen = self.low, n - 1
        self.width = max(2.0 * gap / BINS, 1e-12 * max(abs(x), abs(first)), TINY)
        self.low = min(x, first) - HALF // 2 * self.width
        self.bins = [0] * BINS
        for value, count in ((first, seen), (x, 1)):
            self.bins[min(BINS - 1, max(0, int((value - self.low) / self.width)))] += count

    def _stretch(self, x: float) -> None:
        bins = self.bins
        while not self.low <= x < self.low + self.width * BINS:
            merged = [bins[2 * i] + bins[2 * i + 1] for i in range(HALF)]
            if x < self.low:
                self.low -= self.width * BINS
                bins = [0] * HALF + merged
            else:
                bins = merged + [0] * HALF
            self.width *= 2.0
        self.bins = bins
