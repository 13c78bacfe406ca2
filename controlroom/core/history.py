"""The last readings of a sensor: when they were taken, and what they were, in constant memory.

>>> history = History(3)
>>> for number in range(4):
...     history.append(10.0 + number, float(number))
>>> history.times(2), history.values(9), len(history)
([12.0, 13.0], [1.0, 2.0, 3.0], 3)
"""

from __future__ import annotations

from array import array


class History:
    """The last `capacity` readings. One thread may append while another reads: a reader may miss the newest one."""

    __slots__ = ("_capacity", "_head", "_size", "_times", "_values")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._times = array("d", bytes(8 * capacity))
        self._values = array("d", bytes(8 * capacity))
        self._head = 0
        self._size = 0

    def append(self, at: float, value: float) -> None:
        """Add a reading; the oldest goes when there is no more room."""
        head = self._head
        self._times[head] = at
        self._values[head] = value
        self._head = (head + 1) % self._capacity
        if self._size < self._capacity:
            self._size += 1

    def extend(self, times: array[float], values: array[float]) -> None:
        """Add many readings, oldest first.

        >>> history = History(4)
        >>> for count in (3, 2, 9):
        ...     history.extend(array("d", range(count)), array("d", range(count)))
        ...     history.times(4)
        [0.0, 1.0, 2.0]
        [1.0, 2.0, 0.0, 1.0]
        [5.0, 6.0, 7.0, 8.0]
        >>> history.times(4) == history.values(4)
        True
        """
        count, capacity, head = len(times), self._capacity, self._head
        if head + count < capacity:
            self._times[head : head + count] = times
            self._values[head : head + count] = values
            self._head = head + count
            self._size = min(capacity, self._size + count)
        else:
            for at, value in zip(times, values, strict=True):
                self.append(at, value)

    def times(self, count: int | None = None) -> list[float]:
        """When the newest `count` readings were taken, oldest first; fewer if there are fewer. None: of all."""
        return self._last(self._times, count)

    def values(self, count: int | None = None) -> list[float]:
        """What they were."""
        return self._last(self._values, count)

    def _last(self, kept: array[float], count: int | None) -> list[float]:
        head = self._head
        count = self._size if count is None else min(count, self._size)
        start = head - count
        if start >= 0:
            return kept[start:head].tolist()
        return kept[start:].tolist() + kept[:head].tolist()

    def clear(self) -> None:
        """Forget all."""
        self._head = self._size = 0

    def __len__(self) -> int:
        return self._size
