"""How far the partitions of a Kafka source are: taken, on disk, committed; and a note of it for the next process.

An offset is committed to the source's cluster when all before it is on disk. So after a kill records come again, and
are recognised by their topic, partition and offset. What is on disk is also noted in the spool: a group whose offsets
the cluster has forgotten (it does so seven days after the last member has left) goes on where it was all the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition


@dataclass(slots=True, eq=False)
class Part:
    """One partition for as long as it is ours; given back and got again it is another one."""

    tp: TopicPartition
    #: the next offset to be taken
    taken: int
    #: all before it is on disk
    stored: int
    #: all before it is committed to the cluster; None: nothing yet
    committed: int | None = None
    #: whether it is ours still
    ours: bool = True
    #: when records were last taken, monotonic seconds
    moved_at: float = 0.0

    @classmethod
    def at(cls, tp: TopicPartition, offset: int) -> Part:
        """A partition that is ours from now on."""
        return cls(tp, offset, offset, moved_at=time.monotonic())

    @property
    def idle(self) -> bool:
        """Whether all that was taken is on disk."""
        return self.stored >= self.taken

    def reset(self, offset: int) -> None:
        """Go on elsewhere: the records here are gone."""
        self.taken = self.stored = offset
        self.moved_at = time.monotonic()


#: of a record: its partition, and the offset after it
Token = tuple[Part, int]


def store(tokens: Sequence[object]) -> None:
    """These records are on disk. What is told of a partition that was given back is heard by nobody."""
    for token in tokens:
        if isinstance(token, tuple):
            part, offset = token
            if offset > part.stored:
                part.stored = offset


class Note:
    """What a process leaves for the next one: cluster and group, topics that it waits for, and its positions.

    >>> note = Note("c1", "g")
    >>> note.positions[TopicPartition("a", 3)] = 17
    >>> note.awaited.add("b")
    >>> found = Note.of("c1", "g", note.words)
    >>> found.positions, found.awaited
    ({TopicPartition(topic='a', partition=3): 17}, {'b'})
    >>> Note.of("c2", "g", note.words).positions
    {}
    """

    def __init__(self, cluster: str, group: str) -> None:
        self._head = f"of {cluster} {group}"
        #: partition -> all before this offset is on disk
        self.positions: dict[TopicPartition, int] = {}
        #: topics that the file names and that were not there: they are read from their beginning when they come
        self.awaited: set[str] = set()

    @classmethod
    def of(cls, cluster: str, group: str, words: Sequence[str]) -> Note:
        """The note that was left, if it is of this cluster and group."""
        note = cls(cluster, group)
        if words[:1] == [note._head]:
            for word in words[1:]:
                kind, topic, *rest = word.split(" ")
                if kind == "at":
                    note.positions[TopicPartition(topic, int(rest[0]))] = int(rest[1])
                else:
                    note.awaited.add(topic)
        return note

    @property
    def words(self) -> list[str]:
        """As it is kept."""
        at = [f"at {tp.topic} {tp.partition} {offset}" for tp, offset in sorted(self.positions.items())]
        return [self._head, *at, *(f"awaits {topic}" for topic in sorted(self.awaited))]

    def take(self, parts: Iterable[Part]) -> None:
        """Note where these are."""
        for part in parts:
            self.positions[part.tp] = part.stored
