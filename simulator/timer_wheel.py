"""What is due when: a calendar of milliseconds.

A heap of 50,000 sensors costs sixteen comparisons a reading. Here sensors due in the same millisecond share a slot, and
the heap holds the slots alone.

>>> wheel = TimerWheel[str]()
>>> for due, item in ((30, "a"), (10, "b"), (30, "c")):
...     wheel.add(due, item)
>>> wheel.next_due
10
>>> wheel.take(), wheel.take(), wheel.next_due
((10, ['b']), (30, ['a', 'c']), None)
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


class TimerWheel(Generic[T]):
    """Items by due time (integer milliseconds); those of one moment in the order in which they were added."""

    __slots__ = ("_due", "_slots")

    def __init__(self) -> None:
        self._slots: dict[int, list[T]] = {}
        self._due: list[int] = []

    @property
    def next_due(self) -> int | None:
        """When the next slot is due; None when nothing is."""
        return self._due[0] if self._due else None

    def add(self, due: int, item: T) -> None:
        """Put an item in."""
        slot = self._slots.get(due)
        if slot is None:
            self._slots[due] = [item]
            heappush(self._due, due)
        else:
            slot.append(item)

    def take(self) -> tuple[int, list[T]]:
        """Take the next slot out.

        Raises:
            IndexError: there is none.
        """
        due = heappop(self._due)
        return due, self._slots.pop(due)

    def clear(self) -> None:
        """Take everything out."""
        self._slots.clear()
        self._due.clear()
