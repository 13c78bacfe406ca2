"""Late readings and wrong clocks: event time against arrival, compared with what is usual for the sensor."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

FLOOR_S = 5.0
FARTHEST_S = 1e12
RATE = 0.02
GROWN = 50  # from here on 1 / n is the slower rate


@plain_stores
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
        n = self.n
        if not self.low < lateness < self.high:
            if n:
                return 1 if lateness >= self.high else -1
            self.usual = lateness = max(-FARTHEST_S, min(FARTHEST_S, lateness))
        elif not learn:
            return 0
        n = self.n = n + 1
        if n & 3 and n >= GROWN:
            return 0
        usual, spread = self.usual, self.spread
        d = lateness - usual
        rate = RATE if n >= GROWN else 1.0 / n
        usual += rate * d
        spread += rate * ((d if d >= 0.0 else -d) - spread)
        margin = 8.0 * spread
        if margin < 2.0 * interval:
            margin = 2.0 * interval
        if margin < FLOOR_S:
            margin = FLOOR_S
        self.usual = usual
        self.spread = spread
        self.low = usual - margin
        self.high = usual + margin
        return 0
