"""A ring of floats: the last N values of something, in constant memory.

>>> ring = Ring(3)
>>> for value in (1.0, 2.0, 3.0, 4.0):
...     ring.append(value)
>>> ring.last(2), ring.last(9), len(ring)
([3.0, 4.0], [2.0, 3.0, 4.0], 3)
"""

from __future__ import annotations

from array import array


class Ring:
    """The last `capacity` floats. One thread may append while another reads: a reader may miss the newest value."""

    __slots__ = ("_head", "_size", "_values")

    def __init__(self, capacity: int) -> None:
        self._values = array("d", bytes(8 * capacity))
        self._head = 0
        self._size = 0

    def append(self, value: float) -> None:
        """Add a value; the oldest goes when the ring is full."""
        values = self._values
        values[self._head] = value
        self._head = (self._head + 1) % len(values)
        if self._size < len(values):
            self._size += 1

    def last(self, count: int) -> list[float]:
        """The newest `count` values, oldest first; fewer if there are fewer."""
        head, values = self._head, self._values
        count = min(count, self._size)
        start = head - count
        if start >= 0:
            return values[start:head].tolist()
        return values[start:].tolist() + values[:head].tolist()

    def clear(self) -> None:
        """Forget all."""
        self._head = self._size = 0

    def __len__(self) -> int:
        return self._size
