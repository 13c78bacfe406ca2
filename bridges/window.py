"""Which messages of a source were accepted lately, so that one that is sent again is recognised.

>>> window = Window(3)
>>> window.add([fingerprint(7, "a", b"1"), fingerprint(8, "a", b"1")])
>>> window.has(fingerprint(7, "a", b"1")), window.has(fingerprint(9, "a", b"1"))
(True, False)
>>> window.add([fingerprint(n, "a", b"1") for n in (9, 10)])
>>> window.has(fingerprint(7, "a", b"1"))
False
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Sequence

#: Bytes of a fingerprint: two messages of a window have the same one by chance once in 10^13.
SIZE = 12
#: More than a broker can have under way to one client: packet ids end at 65,535. mosquitto was seen to send 20,000
#: again when its connection ended in the middle of a burst, with max_inflight_messages at 1,000.
MOST = 70_000


def fingerprint(packet_id: int, topic: str, payload: bytes) -> bytes:
    """What tells a message from another: by its topic and payload, and the number that its packet has (0: none)."""
    name = topic.encode()
    head = packet_id.to_bytes(2, "big") + len(name).to_bytes(4, "big")
    return hashlib.blake2b(head + name + payload, digest_size=SIZE).digest()


class Window:
    """The fingerprints of the messages that were accepted last."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._order: deque[bytes] = deque()
        self._counts: Counter[bytes] = Counter()
        self._since = 0
        #: as many were added as are kept: on disk they can be written anew, as one
        self.due = False

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._order)

    def add(self, prints: Sequence[bytes]) -> None:
        """Remember these, and forget the oldest."""
        self._order.extend(prints)
        counts = self._counts
        for one in prints:
            counts[one] += 1
        while len(self._order) > self._most:
            old = self._order.popleft()
            if counts[old] == 1:
                del counts[old]
            else:
                counts[old] -= 1
        self._since += len(prints)
        if self._since >= self._most:
            self._since, self.due = 0, True

    def has(self, one: bytes) -> bool:
        """Whether it is remembered."""
        return one in self._counts

    def dump(self) -> bytes:
        """All of them, oldest first."""
        return b"".join(self._order)

    def load(self, prints: bytes) -> None:
        """Remember what was dumped."""
        self.add([prints[at : at + SIZE] for at in range(0, len(prints), SIZE)])
        self.due = False
