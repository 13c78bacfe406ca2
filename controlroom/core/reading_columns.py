"""The last readings of a block of sensors, as columns: what a worker tells of up to 256 sensors in one record.

A console of 100,000 sensors is told 100,000 readings a second, and draws some fifty of them. So a reading is not copied
into its sensor's view when it comes: the columns are kept as they came, and a view looks up its own place in them when
it is read. The columns of the last seconds are kept as well. A view copies its part of them into its own history when
that is read, and at the latest when `ROWS` of them are kept.

The thread that reads the topic writes (`tell`, `add`), the screen's thread reads.
"""

from __future__ import annotations

from array import array
from struct import Struct
from threading import Lock
from typing import Protocol

from controlroom.wire.summary import BLOCK, SummaryBlock

#: columns that are kept before every member copies its part
ROWS = 60
#: no reading is called late before this, seconds: brokers that elect a new leader take as long
LEAST_STALE_S = 15.0

_GAP_MS = LEAST_STALE_S * 1000
_NONE = SummaryBlock(group="-", partition=0, epoch=0, first=0, at=[], seen=[], value=[], count=[])


class Member(Protocol):
    """A sensor that has a place in the columns."""

    sensor_id: str

    def catch_up(self) -> None:
        """Copy what the columns have of it."""


class ReadingColumns:
    """The columns of one block, and the sensors that they are of.

    Attributes:
        newest: the last record; it may have no values yet for places at its end.
        lock: held while rows are added, and while they are read.
    """

    __slots__ = (
        "_at",
        "_limit",
        "_members",
        "_packing",
        "_recheck",
        "_rows",
        "_seen",
        "_value",
        "_width",
        "lock",
        "newest",
    )

    def __init__(self, number: int) -> None:
        """`number` of the block: blocks come at the same time, and shall not all have `ROWS` rows at the same time."""
        self.newest = _NONE
        self.lock = Lock()
        self._members: list[Member | None] = [None] * BLOCK
        #: places whose sensor was also read directly
        self._recheck: set[int] = set()
        self._limit = number % ROWS + 1
        self._begin(0)

    def _begin(self, width: int) -> None:
        self._width, self._rows = width, 0
        self._packing = Struct(f"{width}d")
        self._seen, self._at, self._value = array("d"), array("d"), array("d")

    def add(self, place: int, member: Member) -> Member | None:
        """Give a place to a sensor; who had it before."""
        before, self._members[place] = self._members[place], member
        return before if before is not member else None

    def leave(self, place: int, member: Member) -> None:
        """A sensor has a place elsewhere, or is gone."""
        if self._members[place] is member:
            self._members[place] = None

    def recheck(self, place: int) -> None:
        """A sensor was read directly: what the next record says of it may be new."""
        self._recheck.add(place)

    def tell(self, block: SummaryBlock) -> list[str]:
        """Take the next record of the block; the sensors of which more than a value may have changed."""
        if len(block.seen) != self._width:
            self._hand_out(len(block.seen))
        before = self.newest
        with self.lock:
            for kept, told in ((self._seen, block.seen), (self._at, block.at), (self._value, block.value)):
                kept.frombytes(self._packing.pack(*told))
            self._rows += 1
            self.newest = block
        if self._rows >= self._limit:
            self._hand_out(self._width)
            self._limit = ROWS
        places = _turned(before, block)
        if self._recheck:
            places |= self._recheck
            self._recheck = set()
        members = self._members
        return [member.sensor_id for place in places if (member := members[place]) is not None]

    def since(self, place: int, after: float) -> tuple[array[float], array[float]]:
        """Times and values of the kept readings of a place that the broker had later than `after`; hold the lock."""
        if not self._rows:
            # Whoever was there has copied them; the newest record is still there for a sensor that comes now.
            newest = self.newest
            known = place < len(newest.seen) and newest.seen[place] / 1000 > after
            return (
                (array("d", [newest.at[place]]), array("d", [newest.value[place]]))
                if known
                else (array("d"), array("d"))
            )
        width = self._width
        seen = self._seen[place::width].tolist()
        at, value = self._at[place::width], self._value[place::width]
        if seen and seen[0] / 1000 > after and seen == sorted(set(seen)):
            return at, value
        # In some of these seconds the sensor has sent nothing: its last reading stands there again.
        times, values = array("d"), array("d")
        for row, told in enumerate(seen):
            if told / 1000 > after:
                times.append(at[row])
                values.append(value[row])
                after = told / 1000
        return times, values

    def _hand_out(self, width: int) -> None:
        """Have every member copy its part, and keep no rows any more."""
        for member in self._members[: self._width]:
            if member is not None:
                member.catch_up()
        with self.lock:
            self._begin(width)


def _turned(before: SummaryBlock, block: SummaryBlock) -> set[int]:
    """The places that are heard again after a gap, for the first time, or with another mark of quality."""
    seen, earlier = block.seen, before.seen
    turned = set(range(len(earlier), len(seen)))
    # Nearly always no sensor of a block was silent for so long, and that is found out at the least cost.
    if earlier and max(seen) - min(earlier) > _GAP_MS:
        turned.update(
            place for place, (now, then) in enumerate(zip(seen, earlier, strict=False)) if now - then > _GAP_MS
        )
    if block.bad or before.bad:
        turned.update(place for place in block.bad.keys() ^ before.bad.keys() if place < len(seen))
    return turned
