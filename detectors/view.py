"""View: how unlike all that it did before is a series now? By its record ratio and by its rarity."""

from __future__ import annotations

from math import log

import msgspec

from detectors.plain import plain_stores

# Of the largest deviation so far a value a tenth beyond it counts one; of rarity, a value once in 700.
RECORD_UNIT, RARITY_UNIT = 1.1, 6.5
PER_RECORD, PER_RARITY = 1.0 / RECORD_UNIT, 1.0 / RARITY_UNIT
CAP = 1.1
MOST = CAP**8
# Below half of its unit an eighth power is nothing beside the others': 1/256.
NOTABLE_RECORD, NOTABLE_SHARE = 0.5 * RECORD_UNIT, 0.0388
FORGET = 1.0 - 1.0 / 2000.0
BINS = 32
HALF = BINS // 2
LAST = BINS - 1
TINY = 1e-150


@plain_stores
class View(msgspec.Struct, gc=False, array_like=True):
    """Two measures that need no scale and no distribution.

    The record ratio is the deviation from a slow mean over the largest one so far the same way (which is slowly
    forgotten): 1.0 is "as far as ever". The rarity is minus the log of the share of values seen near this one, from a
    histogram whose range doubles when a value falls outside; neighbouring bins count half, so that an edge between two
    bins is no cliff.

    >>> view = View(warm_up=10)
    >>> scores = [view.update(n, 1.0 / n, float(n % 7), float(n % 7)) for n in range(1, 701)]
    >>> max(scores[20:]) < 0.5, view.update(701, 0.006, 9.0, 9.0) > 1.0
    (True, True)
    """

    warm_up: int
    mean: float = 0.0
    up: float = 0.0
    down: float = 0.0
    low: float = 0.0
    width: float = 0.0
    bins: list[int] = []

    def update(self, n: int, rate: float, smooth: float, x: float) -> float:
        """Take the next value; the sum of the eighth powers of both measures, each in its unit and capped.

        Args:
            n: the how-manieth value it is.
            rate: at which the slow mean follows.
            smooth: what the record is kept of.
            x: whose rarity is looked at.
        """
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
        if i > LAST:  # of a value just below the end the division may round up to it
            i = LAST
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
