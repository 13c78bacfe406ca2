"""Stuck: the same value again and again, for longer than this sensor ever repeats itself."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

PRIOR_RUN = 3
MIN_RUN = 12


@plain_stores
class Stuck(msgspec.Struct, gc=False, array_like=True):
    """Counts equal readings; the limit is three times the longest run ever seen (slowly learned), plus ten.

    A sensor that often repeats itself (coarse, or a constant by nature) teaches its own limit while it warms up.

    >>> stuck = Stuck()
    >>> any(stuck.update(x, learn=True) for x in [1.0, 2.0, 2.0, 3.0] * 100)
    False
    >>> [stuck.update(7.0, learn=False) for _ in range(20)].index(True)
    19
    """

    last: float = 0.0
    run: int = 0
    longest: int = PRIOR_RUN
    limit: int = 3 * PRIOR_RUN + 10

    def teach(self) -> None:
        """A run that was called stuck was none."""
        self.longest += max(1, self.longest // 4)
        self.limit = 3 * self.longest + 10

    def update(self, x: float, *, learn: bool) -> bool:
        """Take a value; True while it is stuck."""
        if x != self.last:
            self.last = x
            self.run = 0
            return False
        self.run += 1
        if learn and self.run > self.longest:
            self.longest = self.run
            self.limit = 3 * self.longest + 10
        return self.run >= self.limit
