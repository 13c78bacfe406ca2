"""Drift: many small steps the same way, more than chance brings."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores
from detectors.tail import Tail

CLIP = 2.5
# What a jump sums to: two clipped steps, where it falls within a block, and what chance adds; one of a lone reading.
LEAST, LEAST_LONE = 6.5, 4.5
KEEP = 1.0 - 1.0 / 15.0
RETURN = 0.5
SCALE_RATE = 1.0 / 200.0
GROWN = 200  # from here on 1 / n is the slower rate


@plain_stores
class Drift(msgspec.Struct, gc=False, array_like=True):
    """A leaky sum of the steps between means of blocks, each clipped (Huber) in units of the usual step.

    Clipping makes it blind to jumps (a machine's load changes in one or two blocks, whatever the size) and leaves what
    only a drift has: perseverance.

    >>> drift = Drift()
    >>> for i in range(2000):
    ...     _ = drift.update((i * 7919 % 101) / 101)
    ...     if i % 20 == 19: drift.close(0.01)
    >>> max(drift.update(0.5 + 0.3 * i) for i in range(40))
    1
    """

    n: int = 0
    side: int = 0
    back: float = 0.0
    last: float = 0.0
    scale: float = 0.0
    total: float = 0.0
    up: Tail = msgspec.field(default_factory=Tail)
    down: Tail = msgspec.field(default_factory=Tail)

    def update(self, mean: float, learn: bool = True, lone: bool = False) -> int:  # noqa: FBT001, FBT002 - as all detectors
        """Take a block's mean, or a `lone` reading; 1: drifts up, -1: drifts down, 0: neither."""
        least = LEAST_LONE if lone else LEAST
        step = mean - self.last
        self.last = mean
        size = step if step >= 0.0 else -step
        n = self.n = self.n + 1
        scale = self.scale
        if scale <= 0.0:
            if n > 1:
                self.scale = size
            return 0
        if learn:
            if size > 3.0 * scale:
                size = 3.0 * scale
            self.scale = scale + (SCALE_RATE if n >= GROWN else 1.0 / n) * (size - scale)
        step /= scale
        if step > CLIP:
            step = CLIP
        elif step < -CLIP:
            step = -CLIP
        total = self.total = KEEP * self.total + step
        if self.side:
            tail = self.up if self.side > 0 else self.down
            if total * self.side > tail.peak:
                tail.peak = total * self.side
            if total * self.side < self.back:
                self.side = 0
        elif total > 0.0:
            tail = self.up
            if total > tail.peak:
                tail.peak = total
            if total > least and total > tail.limit:
                self.side = 1
                self.back = RETURN * tail.limit
        else:
            tail = self.down
            if -total > tail.peak:
                tail.peak = -total
            if -total > least and -total > tail.limit:
                self.side = -1
                self.back = RETURN * tail.limit
        return self.side

    def accept(self) -> None:
        """What it drifted to is normal from now on."""
        self.side = 0
        self.total = 0.0

    def close(self, target: float, margin: float = 1.0) -> None:
        """End a block of blocks, see `Tail.close`."""
        if not self.side or margin > 1.0:
            self.up.close(target, margin)
            self.down.close(target, margin)
