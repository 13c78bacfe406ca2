"""Which things have changed, for a reader that keeps up with a writer on another thread.

The writer notes a key after it has changed what the key stands for. Each reader keeps a position of its own, and asks
for what has changed since. The log is bounded: a reader that has fallen too far behind is told so, and looks at all.

>>> changes = Changes(capacity=2)
>>> position, _ = changes.since(0)
>>> changes.note("a")
>>> changes.since(position)
(1, ['a'])
>>> for key in "bcd":
...     changes.note(key)
>>> changes.since(position)
(4, None)
"""

from __future__ import annotations

from collections import deque


class Changes:
    """A bounded log of keys. One thread notes, any thread reads.

    Args:
        capacity: keys that are kept.
    """

    def __init__(self, capacity: int) -> None:
        self._log: deque[tuple[int, str]] = deque(maxlen=capacity)
        self._count = 0

    def note(self, key: str) -> None:
        """What the key stands for has changed."""
        self._count += 1
        self._log.append((self._count, key))

    def since(self, position: int) -> tuple[int, list[str] | None]:
        """The position now, and the keys that were noted after `position`; None: some of them are not kept any more."""
        if self._count == position:
            return position, []
        # The writer may append meanwhile. `list` of a deque is one step for other threads; a loop over it would not be.
        kept = list(self._log)
        if not kept or kept[-1][0] <= position:
            return position, []  # counted, and not appended yet
        first = kept[0][0]
        found = None if first > position + 1 else [key for _, key in kept[position + 1 - first :]]
        return kept[-1][0], found
