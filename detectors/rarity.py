"""Rarity: how seldom a value of this size was seen."""

from __future__ import annotations

from math import log

import msgspec

from detectors.plain import plain_stores

BINS = 32
HALF = BINS // 2
LAST = BINS - 1
TINY = 1e-150


@plain_stores
class Rarity(msgspec.Struct, gc=False, array_like=True):
    """A histogram whose range doubles when a value falls outside; the score is minus the log of the share seen so far.

    Neighbouring bins count half, so that an edge between two bins is no cliff.

    >>> rarity = Rarity()
    >>> scores = [rarity.update(float(i % 7)) for i in range(700)]
    >>> rarity.update(3.0) < 3 < 6 < rarity.update(40.0)
    True
    """

    n: int = 0
    low: float = 0.0
    width: float = 0.0
    bins: list[int] = []

    def update(self, x: float) -> float:
        """Take a value; its rarity in nats, 0 or more."""
        n = self.n = self.n + 1
        width = self.width
        if width <= 0.0:
            return self._start(x)
        low = self.low
        if not low <= x < low + width * BINS:
            self._stretch(x)
            low = self.low
            width = self.width
        bins = self.bins
        i = int((x - low) / width)
        if 0 < i < LAST:
            near = bins[i - 1] + bins[i + 1]
        elif i:
            i = LAST
            near = bins[LAST - 1]
        else:
            near = bins[1]
        here = bins[i]
        bins[i] = here + 1
        share = (here + 0.5 * near + 0.5) / n
        return -log(share) if share < 1.0 else 0.0

    def _start(self, x: float) -> float:
        """Until two values differ there is nothing to bin."""
        if self.n == 1 or x == self.low:
            self.low = x
            return 0.0
        gap = abs(x - self.low)
        first, seen = self.low, self.n - 1
        self.width = max(2.0 * gap / BINS, 1e-12 * max(abs(x), abs(first)), TINY)
        self.low = min(x, first) - HALF // 2 * self.width
        self.bins = [0] * BINS
        for value, count in ((first, seen), (x, 1)):
            self.bins[min(BINS - 1, max(0, int((value - self.low) / self.width)))] += count
        return 0.0

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
