"""Rarity: how seldom a value has been seen, from a histogram in units of the sensor's own first spread."""

from __future__ import annotations

from math import log, sqrt

import msgspec

from detectors.plain import plain_stores

WARM = 150
HALF = 24
BINS = 2 * HALF + 1
LINEAR = 8.0
MEMORY = 16_384
FULL = 8.0
LEAST_SPREAD = 1e-4
# What a bin that was never visited counts, and all such bins together.
UNSEEN, ALL_UNSEEN = 0.5, 0.5 * BINS
LOGS = [log(count + UNSEEN) for count in range(1024)]


@plain_stores
class Rarity(msgspec.Struct, gc=False, array_like=True):
    """Minus the logarithm of a value's share of all values, in units of `FULL`; 1 is one in 3,000.

    The first `WARM` values give the centre and the width of a bin; up to 8 widths the bins are equal, further out each
    is wider than the one before. When `MEMORY` values have been counted all counts are halved: what was usual once
    and has not come back is forgotten.

    Attributes:
        width: of a bin, in standard deviations of the first values.

    >>> rarity = Rarity(width=0.5)
    >>> usual = [rarity.update(20.0 + i * 7919 % 101 / 101) for i in range(2000)]
    >>> usual[-1] < 0.5, rarity.update(25.0) > 0.9
    (True, True)
    """

    width: float
    n: int = 0
    center: float = 0.0
    spread: float = 0.0
    count: int = 0
    counts: list[int] = msgspec.field(default_factory=list)

    def update(self, x: float, learn: bool = True) -> float:  # noqa: FBT001, FBT002 - called for every reading
        """Take a value, and count it if it may be learned; how rare it is, 0 while the spread is not known."""
        if self.n < WARM:
            return self._start(x) if learn else 0.0
        spread = self.spread
        z = (x - self.center) / spread
        size = z if z >= 0.0 else -z
        if size > LINEAR:
            size = LINEAR + 4.0 * log(size / LINEAR)
            if size > HALF:
                size = HALF
        place = HALF + int(size + 0.5) if z >= 0.0 else HALF - int(size + 0.5)
        counts = self.counts
        seen = counts[place]
        total = self.count
        if learn:
            counts[place] = seen + 1
            self.count = total + 1
            if total >= MEMORY:
                counts = self.counts = [count // 2 for count in counts]
                self.count = sum(counts)
        return (log(total + ALL_UNSEEN) - (LOGS[seen] if seen < 1024 else log(seen + UNSEEN))) / FULL

    def _start(self, x: float) -> float:
        # Welford's mean and sum of squares; `spread` is the sum until it is the width of a bin.
        n = self.n = self.n + 1
        d = x - self.center
        self.center += d / n
        self.spread += d * (x - self.center)
        if n >= WARM:
            self.counts = [0] * BINS
            deviation = sqrt(self.spread / n)
            self.spread = max(deviation, LEAST_SPREAD * abs(self.center), 1e-12) * self.width
        return 0.0
