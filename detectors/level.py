"""Level: a mean has left the range in which it usually moves around the long mean."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores
from detectors.tail import Tail

RETURN = 0.8
BEYOND = 0.05
FORGET = 1.0 / 2400.0


@plain_stores
class Level(msgspec.Struct, gc=False, array_like=True):
    """An exponential mean against a much slower one; how far they part is calibrated, each way for itself.

    The mean must also be where it has not been before (`low` to `high`, slowly forgotten): a machine that goes from
    full load to none is far from its last hour's mean, and yet where it often is. While the deviation is beyond its
    limit (until it is back below `RETURN` of it) the slow mean stands still: a held offset is not learned. Nothing is
    judged before the slow mean has seen its own time constant.

    >>> level = Level(rate=0.05, center_rate=0.001)
    >>> for i in range(5000):
    ...     _ = level.update(10.0 + (i * 7919 % 101) / 101)
    ...     if i % 100 == 99: level.close(0.001)
    >>> [level.update(14.0) for _ in range(60)][-1], [level.update(10.5) for _ in range(100)][-1]
    (1, 0)
    """

    rate: float
    center_rate: float
    n: int = 0
    side: int = 0
    young: bool = True
    back: float = 0.0
    mean: float = 0.0
    center: float = 0.0
    high: float = 0.0
    low: float = 0.0
    up: Tail = msgspec.field(default_factory=Tail)
    down: Tail = msgspec.field(default_factory=Tail)

    def update(self, x: float, learn: bool = True) -> int:  # noqa: FBT001, FBT002 - called for every reading
        """Take a value; 1: the mean is too high, -1: too low, 0: as usual."""
        rate, center_rate = self.rate, self.center_rate
        if self.n * center_rate < 1.0:
            return self._start(x)
        mean = self.mean
        mean += rate * (x - mean)
        self.mean = mean
        center = self.center
        d = mean - center
        if self.side:
            self._held(d)
            if not self.young:
                return self.side
            # Of a day that was not yet seen nothing is known: it is learned, though it is an alarm.
        elif d > 0.0:
            tail = self.up
            if d > tail.peak:
                tail.peak = d
                if d > tail.limit and mean > self.high + BEYOND * (self.high - self.low):
                    self.side = 1
                    self.back = RETURN * tail.limit
                    return 1
        else:
            tail = self.down
            if -d > tail.peak:
                tail.peak = -d
                if -d > tail.limit and mean < self.low - BEYOND * (self.high - self.low):
                    self.side = -1
                    self.back = RETURN * tail.limit
                    return -1
        if not learn:
            return self.side
        self.center = center + center_rate * d
        if mean > self.high:
            self.high = mean
        elif mean < self.low:
            self.low = mean
        return self.side

    def _start(self, x: float) -> int:
        n = self.n = self.n + 1
        # At first both are the plain mean.
        rate = 1.0 / n
        center = self.center
        self.center = center + rate * (x - center)
        if rate < self.rate:
            rate = self.rate
        mean = self.high = self.low = self.mean
        self.mean = mean + rate * (x - mean)
        return 0

    def _held(self, d: float) -> None:
        tail = self.up if d > 0.0 else self.down
        if abs(d) > tail.peak:
            tail.peak = abs(d)
        if d * self.side < self.back:
            self.side = 0

    def shift(self, size: float) -> None:
        """The machine was switched to another level: what is usual goes with it."""
        self.mean += size
        self.center += size
        self.low += size
        self.high += size

    def accept(self) -> None:
        """Where the mean is now is normal from now on."""
        self.side = 0
        self.center = self.mean
        self.high = max(self.high, self.mean)
        self.low = min(self.low, self.mean)

    def ratio(self) -> float:
        """The deviation over its limit; 1.0 is an alarm."""
        d = self.mean - self.center
        return abs(d) / (self.up.limit if d > 0.0 else self.down.limit)

    def close(self, target: float, margin: float = 1.0) -> None:
        """End a block of readings, see `Tail.close`."""
        self.young = margin > 1.0
        if (not self.side or self.young) and self.n * self.center_rate >= 1.0:
            self.high -= FORGET * (self.high - self.center)
            self.low -= FORGET * (self.low - self.center)
            self.up.close(target, margin)
            self.down.close(target, margin)
