"""Noise: the scatter around the local level has grown."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores
from detectors.tail import Tail

CLIP = 6.0
RATE, LONG_RATE = 1.0 / 15.0, 1.0 / 60.0
RETURN = 0.7


@plain_stores
class Noise(msgspec.Struct, gc=False, array_like=True):
    """Two exponential means of the roughness (see `Local`) in usual scatters, clipped so that no spike counts alone.

    1.0 is usual. The caller does not learn the scatter while this is held.

    >>> noise = Noise()
    >>> for i in range(3000):
    ...     _ = noise.update(0.5 + (i * 7919 % 11) / 11)
    ...     if i % 100 == 99: noise.close(0.001)
    >>> [noise.update(4.0) for _ in range(20)][-1]
    True
    """

    mean: float = 1.0
    long: float = 1.0
    held: bool = False
    tail: Tail = msgspec.field(default_factory=Tail)
    long_tail: Tail = msgspec.field(default_factory=Tail)

    def update(self, roughness: float) -> bool:
        """Take a roughness in scatters; whether one of the means is beyond its limit."""
        if roughness > CLIP:
            roughness = CLIP
        mean, long = self.mean, self.long
        mean += RATE * (roughness - mean)
        long += LONG_RATE * (roughness - long)
        self.mean = mean
        self.long = long
        tail, long_tail = self.tail, self.long_tail
        if mean > tail.peak:
            tail.peak = mean
        if long > long_tail.peak:
            long_tail.peak = long
        if self.held:
            self.held = mean > RETURN * tail.limit or long > RETURN * long_tail.limit
        else:
            self.held = mean > tail.limit or long > long_tail.limit
        return self.held

    def close(self, target: float, margin: float = 1.0) -> None:
        """End a block of readings, see `Tail.close`."""
        if not self.held or margin > 1.0:
            self.tail.close(target, margin)
            self.long_tail.close(target, margin)
