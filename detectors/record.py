"""Record: how far a value is from its long mean, over the furthest that it has been."""

from __future__ import annotations

from math import sqrt

import msgspec

from detectors.plain import plain_stores

WARM = 100
RATE = 1.0 / 500.0
FORGET = 1.0 - 1.0 / 20_000.0
SPREADS = 2.0
MOST = 5.0


@plain_stores
class Record(msgspec.Struct, gc=False, array_like=True):
    """The deviation over the largest earlier one on the same side, at least two standard deviations; above 1: a record.

    Records are forgotten slowly, so that a single large fault does not hide later ones for ever.

    >>> record = Record()
    >>> usual = [record.update(20.0 + i * 7919 % 101 / 101) for i in range(2000)]
    >>> max(usual[-500:]) < 1.0, round(record.update(22.0), 1)
    (True, 2.6)
    """

    n: int = 0
    mean: float = 0.0
    variance: float = 0.0
    high: float = 0.0
    low: float = 0.0

    def update(self, x: float, learn: bool = True) -> float:  # noqa: FBT001, FBT002 - called for every reading
        """Take a value, and learn it if it may be; its record ratio, 0 while little is known, at most `MOST`."""
        n = self.n + 1
        if n == 1:
            self.mean = x
            self.n = 1
            return 0.0
        d = x - self.mean
        high = self.high * FORGET
        low = self.low * FORGET
        variance = self.variance
        ratio = 0.0
        if n > WARM + 1:
            reach = SPREADS * sqrt(variance)
            if d >= 0.0:
                if high > reach:
                    reach = high
                size = d
            else:
                if low > reach:
                    reach = low
                size = -d
            if reach > 0.0:
                ratio = size / reach
                if ratio > MOST:
                    ratio = MOST
        if not learn:
            return ratio
        self.n = n
        self.high = max(high, d)
        self.low = max(low, -d)
        rate = RATE if n * RATE > 1.0 else 1.0 / n
        self.mean += rate * d
        self.variance = (1.0 - rate) * (variance + rate * d * d)
        return ratio
