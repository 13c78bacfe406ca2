"""Late readings and wrong clocks: event time against arrival, compared with what is usual for the sensor."""

from __future__ import annotations

import msgspec

FLOOR_S = 5.0
FARTHEST_S = 1e12
RATE = 0.02


class Lateness(msgspec.Struct, gc=False, array_like=True):
    """Learns a sensor's usual lateness (arrival minus event time: transport, batching, a skewed clock).

    `low` and `high` bound what is usual; a caller on the hot path compares with them and calls `update` anyway.
    Beyond them nothing is learned, so that lateness that lasts stays an alarm.

    >>> late = Lateness()
    >>> [late.update(3600.2, 1.0) for _ in range(10)][-1]   # a clock one hour behind is this sensor's usual
    0
    >>> late.update(3640.0, 1.0), late.update(3560.0, 1.0)
    (1, -1)
    """

    n: int = 0
    usual: float = 0.0
    spread: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def update(self, lateness: float, interval: float, learn: bool = True) -> int:  # noqa: FBT001, FBT002
        """Take one reading's lateness in seconds; 1: late, -1: from the future, 0: as usual."""
        lateness = min(FARTHEST_S, max(-FARTHEST_S, lateness))
        if self.n and not self.low < lateness < self.high:
            return 1 if lateness >= self.high else -1
        if not learn and self.n:
            return 0
        self.n += 1
        if self.n == 1:
            self.usual = lateness
        d = lateness - self.usual
        rate = max(RATE, 1.0 / self.n)
        self.usual += rate * d
        self.spread += rate * (abs(d) - self.spread)
        margin = max(FLOOR_S, 2.0 * interval, 8.0 * self.spread)
        self.low = self.usual - margin
        self.high = self.usual + margin
        return 0
