"""Step: the last few readings against those just before them."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores
from detectors.tail import Tail

SHORT, LONG = 6, 40
FAST, SLOW = 1.0 / SHORT, 1.0 / LONG
RETURN = 0.5
MAX_STAT = 1e6


@plain_stores
class Step(msgspec.Struct, gc=False, array_like=True):
    """A short mean minus a longer one, in scatters. A step that was found is held until the value comes back.

    `base` is the longer mean when the step was found, `size` the step. It has come back when the short mean is within
    half of the step of `base`, or when a step of the other sign and at least half the size was made (a machine that
    changes its load meanwhile never comes to the same `base`).

    >>> step = Step()
    >>> for i in range(3000):
    ...     _ = step.update((i * 7919 % 101) / 101, 0.25)
    ...     if i % 100 == 99: step.close(0.001)
    >>> max(step.update(3.0 + (i * 7919 % 101) / 101, 0.25) for i in range(60)), step.held
    (1, True)
    >>> [step.update((i * 7919 % 101) / 101, 0.25) for i in range(200)][-1], step.held
    (0, False)
    """

    n: int = 0
    fast: float = 0.0
    slow: float = 0.0
    base: float = 0.0
    size: float = 0.0
    held: bool = False
    up: Tail = msgspec.field(default_factory=Tail)
    down: Tail = msgspec.field(default_factory=Tail)

    def update(self, x: float, scatter: float) -> int:
        """Take a value and the scatter usual at this level; 1: a step up is held, -1: one down, 0: none."""
        fast, slow, n = self.fast, self.slow, self.n
        if n >= LONG:
            fast += FAST * (x - fast)
            slow += SLOW * (x - slow)
        elif n == 0:
            self.n = LONG
            fast = slow = x
        else:
            # After a jump both are the plain mean at first, since one reading does not tell where it went.
            n = self.n = n + 1
            fast += (FAST if n > SHORT else 1.0 / n) * (x - fast)
            slow += (x - slow) / n
        self.fast = fast
        self.slow = slow
        if scatter <= 0.0:
            return 0
        d = fast - slow
        stat = d / scatter
        if stat >= 0.0:
            tail = self.up
        else:
            tail = self.down
            stat = -stat
        if stat > tail.peak:
            if stat > MAX_STAT:
                stat = MAX_STAT
            tail.peak = stat
        if self.held:
            return self._hold(x, d)
        if stat > tail.limit:
            self.held = True
            self.base = slow
            self.size = d
            return 1 if d > 0.0 else -1
        return 0

    def _hold(self, x: float, d: float) -> int:
        size = self.size
        side = 1 if size > 0.0 else -1
        if d * side > size * side:
            self.size = size = d
        away = (self.fast - self.base) * side
        back = away < RETURN * size * side
        if back or -d * side > RETURN * size * side:
            self.held = False
            if not back:
                self.restart(x)
            elif -d * side > RETURN * away:
                # The way back is not another step.
                self.restart(self.base)
            else:
                # It came back by and by, and may stay where it is.
                self.jump(x)
            return 0
        return side

    def restart(self, x: float) -> None:
        """Begin anew from `x`, after a silence or a return: what lies between is no step."""
        self.fast = self.slow = x

    def jump(self, x: float) -> None:
        """Begin anew from `x`, the first reading after a jump of the machine."""
        self.restart(x)
        self.n = 1

    def accept(self) -> None:
        """What is held is normal from now on."""
        self.held = False
        self.restart(self.fast)

    def close(self, target: float, margin: float = 1.0) -> None:
        """End a block of readings, see `Tail.close`."""
        if not self.held or margin > 1.0:
            self.up.close(target, margin)
            self.down.close(target, margin)
