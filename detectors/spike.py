"""Spike: a reading far from where both a fast and a slow predictor expected it."""

from __future__ import annotations

import math

import msgspec

from detectors.plain import plain_stores
from detectors.tail import LEAST, Tail

EARLY = 14.0
MAX_Z = 1e6


@plain_stores
class Spike(msgspec.Struct, gc=False, array_like=True):
    """Deviations in scatters (see `Local`), upward and downward each with a tail of its own.

    Two tails, because what is usual one way (the fall of a saw-tooth) is a fault the other way.

    >>> spike = Spike()
    >>> [spike.update(z) for z in (0.5, -3.0, 20.0, -15.0)], spike.limit(-1.0)
    ([False, False, True, True], 14.0)
    """

    up: Tail = msgspec.field(default_factory=lambda: Tail(limit=EARLY))
    down: Tail = msgspec.field(default_factory=lambda: Tail(limit=EARLY))

    def update(self, z: float) -> bool:
        """Take a deviation; whether it is beyond the limit."""
        tail = self.up
        if z < 0.0:
            tail = self.down
            z = -z
        if z > tail.peak:
            if z > MAX_Z:
                z = MAX_Z
            tail.peak = z
        return z > tail.limit

    def close(self, target: float, margin: float = 1.0, early: float = 0.0) -> None:
        """End a block of readings, see `Tail.close`; while a tail is young, `early` times the largest is no alarm."""
        for tail in (self.up, self.down):
            tail.close(target, margin, EARLY)
            if tail.blocks < LEAST or tail.base <= 0.0:
                tail.limit = max(tail.limit, early * tail.record)

    def limit(self, z: float) -> float:
        """The limit on the side of `z`."""
        return self.up.limit if z >= 0.0 else self.down.limit

    def ratio(self, z: float) -> float:
        """The deviation over its limit; 1.0 is an alarm."""
        limit = self.limit(z)
        return abs(z) / limit if limit < math.inf else 0.0
