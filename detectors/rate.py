"""Rate of change: faster than the sensor's surroundings can be."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores


@plain_stores
class Rate(msgspec.Struct, gc=False, array_like=True):
    """The change between two readings over the time between them, in the unit per second.

    >>> rate = Rate()
    >>> [rate.update(t, x) for t, x in ((0.0, 1.0), (10.0, 2.0), (11.0, 2.5), (11.0, 9.0))]
    [0.0, 0.1, 0.5, 0.0]
    """

    n: int = 0
    t: float = 0.0
    x: float = 0.0

    def update(self, t: float, x: float) -> float:
        """Take a reading at event time `t` (seconds); its rate, signed; 0.0 for the first and for no time passed."""
        dt = t - self.t
        rate = (x - self.x) / dt if self.n and dt > 1e-6 else 0.0
        self.n = 1
        self.t = t
        self.x = x
        return rate
