"""Jumps: a machine that is switched between levels, and how far its values jump then."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

#: Deviations beyond so many scatters are no noise's tail: the machine was switched, or the fault is gross.
WILD = 100.0
HABIT = 2
RECORD = 2.0
#: What jumped once jumps as far again: a counter that wraps.
AGAIN = 1.25


@plain_stores
class Jumps(msgspec.Struct, gc=False, array_like=True):
    """The largest jump that was usual, and how many there were, up to `HABIT`.

    Of a young sensor wild jumps are no alarm, since nobody knows yet whether it is switched, nor are smaller ones after
    them. When there was one, another of its size is usual; when there were two, one that is at most twice the largest.
    An alarm teaches nothing.

    >>> jumps = Jumps()
    >>> [jumps.usual(size, wild=True, young=i < 3) for i, size in enumerate((5.0, -4.0, 15.0, -29.0, 70.0))]
    [True, True, True, True, False]
    >>> jumps.usual(1.0, wild=False, young=False), Jumps().usual(1.0, wild=True, young=False)
    (True, False)
    """

    size: float = 0.0
    count: int = 0

    @property
    def known(self) -> bool:
        """Whether the machine is one that is switched."""
        return self.count >= HABIT

    def usual(self, size: float, *, wild: bool, young: bool, learn: bool = True) -> bool:
        """Take a jump; whether it is usual here.

        Args:
            size: from where to where, in the unit of the values.
            wild: whether it is far beyond what noise does; others are not learned.
            young: whether little is known of the sensor.
            learn: whether it is learned.
        """
        size = abs(size)
        again = self.count > 0 and self.size / AGAIN <= size <= self.size * AGAIN
        usual = (young and wild) or again or size <= (RECORD if self.known else young) * self.size
        if usual and wild and learn:
            self.count = min(HABIT, self.count + 1)
            self.size = max(self.size, size)
        return usual

    def covers(self, size: float) -> bool:
        """Whether a change of `size` is within what the machine is switched by."""
        return self.known and abs(size) <= RECORD * self.size
