"""At the rail: the value stands at an end of what the instrument can say."""

from __future__ import annotations

import math

import msgspec

from detectors.plain import plain_stores

HOLD = 2


@plain_stores
class Rail(msgspec.Struct, gc=False, array_like=True):
    """Two readings in a row at an end of the physical range (or within a millionth of its span).

    A sensor that is often at an end by nature (a rain gauge at 0) teaches that while it warms up: `usual_*` ends are
    never an alarm.

    >>> rail = Rail.of(0.0, 100.0)
    >>> [rail.update(x, learn=False) for x in (50.0, 100.0, 100.0, 100.0, 50.0)]
    [False, False, True, True, False]
    """

    low: float = -math.inf
    high: float = math.inf
    run: int = 0
    usual_low: bool = False
    usual_high: bool = False

    @classmethod
    def of(cls, low: float | None, high: float | None) -> Rail:
        """The range's ends in the sensor's unit; None: unknown, and no rail there."""
        lo = -math.inf if low is None else low
        hi = math.inf if high is None else high
        slack = 1e-6 * (hi - lo) if hi - lo < math.inf else 0.0
        return cls(lo + slack, hi - slack)

    def after(self, old: Rail) -> Rail:
        """These ends, with what was learned at `old` ones."""
        return Rail(self.low, self.high, old.run, old.usual_low, old.usual_high)

    def update(self, x: float, *, learn: bool) -> bool:
        """Take a value; True while it is at the rail."""
        if self.low < x < self.high:
            self.run = 0
            return False
        at_low = x <= self.low
        if learn:
            if at_low:
                self.usual_low = True
            else:
                self.usual_high = True
        if self.usual_low if at_low else self.usual_high:
            return False
        self.run += 1
        return self.run >= HOLD
