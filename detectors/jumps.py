"""Jumps: a machine that is switched between levels, and how far its values jump then."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

#: Deviations beyond so many scatters are no noise's tail: the machine was switched, or the fault is gross.
WILD = 100.0
OFTEN, OFTEN_AS_ALARM = 2, 8
RECORD = 2.0


@plain_stores
class Jumps(msgspec.Struct, gc=False, array_like=True):
    """The largest jump each way, and how many there were.

    A jump is usual when there were two before it that way and it is at most twice the largest. One that was an alarm
    counts a quarter. Of a young sensor every wild jump is usual until then, nobody knows yet whether it is switched; and so are
    smaller ones after it.

    >>> jumps = Jumps()
    >>> [jumps.usual(5.0, wild=True, young=i < 1) for i in range(12)].index(True, 1)
    5
    >>> jumps.usual(1.0, wild=False, young=False), jumps.usual(11.0, wild=True, young=True)
    (True, False)
    """

    up: float = 0.0
    ups: int = 0
    down: float = 0.0
    downs: int = 0

    def usual(self, size: float, *, wild: bool, young: bool, learn: bool = True) -> bool:
        """Take a jump of `size`, in the unit of the values; whether it is usual here.

        Args:
            wild: whether it is far beyond what noise does; others are not learned.
            young: whether little is known of the sensor.
            learn: whether it is learned.
        """
        count, record, far = (self.ups, self.up, size) if size > 0.0 else (self.downs, self.down, -size)
        known = count >= OFTEN_AS_ALARM
        if known:
            usual = far <= RECORD * record
        else:
            usual = young and (wild or far <= max(self.up, self.down))
        if wild and learn and (usual or not known):
            count = min(count + (OFTEN_AS_ALARM // OFTEN if usual else 1), OFTEN_AS_ALARM)
            if size > 0.0:
                self.ups, self.up = count, max(record, far)
            else:
                self.downs, self.down = count, max(record, far)
        return usual
