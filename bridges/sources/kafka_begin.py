"""Where the reading of a partition begins: where we were, or at the start or the end of what nobody has read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aiokafka import AIOKafkaConsumer, TopicPartition

from bridges.sources.kafka_positions import Note, Part

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Beginning:
    """Decides where partitions begin."""

    source: str
    #: of partitions that nobody has read and that were there before us
    start: Literal["latest", "earliest"]
    #: hears that records were deleted before they were read: topic, partition, how many
    lost: Callable[[str, int, int], None]
    #: what the process before this one has left
    note: Note = field(default_factory=lambda: Note("", ""))
    #: topics that have come to the cluster while this process looked
    came: set[str] = field(default_factory=set)
    #: all that were there at the last look; None: there was none yet
    _seen: set[str] | None = None

    def see(self, topics: set[str], missing: Collection[str]) -> None:
        """These topics are there, and those that the file names are missing."""
        self.note.awaited |= set(missing)
        if self._seen is not None:
            self.came |= topics - self._seen
        self._seen = topics

    async def of(self, consumer: AIOKafkaConsumer, tps: Sequence[TopicPartition]) -> list[Part]:
        """Partitions that are ours from now on.

        Raises:
            KafkaError: the brokers do not say.
        """
        committed = {tp: await consumer.committed(tp) for tp in tps}
        first = await consumer.beginning_offsets(tps) if tps else {}
        ends = await consumer.end_offsets(tps) if tps else {}
        noted = self.note.positions
        known = {tp.topic for tp in tps if committed[tp] is not None} | {tp.topic for tp in noted}
        parts = []
        for tp in tps:
            if committed[tp] is not None or tp in noted:
                offset = self._at(tp, max(committed[tp] or 0, noted.get(tp, 0)), first[tp], ends[tp])
            else:
                offset = first[tp] if self._from_the_first(tp.topic, known) else ends[tp]
            part = Part.at(tp, offset)
            part.committed = committed[tp]
            parts.append(part)
        return parts

    async def again(self, consumer: AIOKafkaConsumer, parts: Sequence[Part]) -> None:
        """What these were to read next is not there: retention has deleted it, or the topic was made anew.

        Raises:
            KafkaError: the brokers do not say.
        """
        tps = [part.tp for part in parts]
        first, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        for part in parts:
            part.reset(self._at(part.tp, part.taken, first[part.tp], ends[part.tp]))

    def _at(self, tp: TopicPartition, wanted: int, first: int, end: int) -> int:
        if wanted > end:
            log.warning(
                "%s: %s/%d ends at %d, and we were at %d: the topic was made anew; it is read from its beginning",
                self.source, tp.topic, tp.partition, end, wanted,
            )  # fmt: skip
            return first
        if wanted < first:
            self.lost(tp.topic, tp.partition, first - wanted)
        return max(wanted, first)

    def _from_the_first(self, topic: str, known: Collection[str]) -> bool:
        """Whether a partition that nobody has read is read from its first record: it came after us."""
        return self.start == "earliest" or topic in known or topic in self.came or topic in self.note.awaited
