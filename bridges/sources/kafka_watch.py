"""What the consumer of a Kafka source does not say: whether brokers answer, what is missing, that it stands still."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from bridges.sources.kafka_begin import Beginning
from bridges.sources.kafka_positions import Part
from bridges.sources.kafka_table import KafkaTable
from kafka_clients.errors import ClientError
from kafka_clients.partitions import topics_of

log = logging.getLogger(__name__)

_LOOK_S = 3.0
_ANSWER_S = 10.0
#: Records lie unread for so long, and none was read: another consumer is made.
_STUCK_S = 30.0


class Stuck(ClientError):
    """The client does not read what is there."""


class Watch:
    """Looks every few seconds.

    Args:
        table: what the file says of the source.
        group: the consumer group.
        pattern: its topics.
        names: topics that ought to be there.
        beginning: is told which topics there are.
        parts: the partitions that are ours now.
        busy: whether records are being handed over.
    """

    def __init__(
        self,
        table: KafkaTable,
        group: str | None,
        pattern: re.Pattern[str],
        names: Sequence[str],
        beginning: Beginning,
        parts: Callable[[], Mapping[TopicPartition, Part]],
        busy: Callable[[], bool],
    ) -> None:
        self._source = table.name
        self._shared = table.shared
        self._group = group
        self._pattern = pattern
        self._names = names
        self._beginning = beginning
        self._parts = parts
        self._busy = busy
        #: partitions that had not moved at the last look though something lay there
        self._suspects: set[Part] = set()
        #: whether the brokers answer
        self.answers = True
        #: what is amiss though they do
        self.complaint = ""

    async def run(self, consumer: AIOKafkaConsumer) -> None:
        """Look until cancelled.

        Raises:
            Stuck: the consumer stands still.
        """
        while True:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    topics = await topics_of(consumer._client)  # noqa: SLF001 - aiokafka tells it nowhere else
            except (KafkaError, TimeoutError) as error:
                self.answers = False
                log.debug("%s: %r", self._source, error)
            else:
                self.answers = True
                self.see(topics)
                await self._look_for_unread(consumer)
            await asyncio.sleep(_LOOK_S)

    def see(self, topics: Mapping[str, Collection[int]]) -> None:
        """These topics are on the cluster, with these partitions."""
        missing = [topic for topic in self._names if topic not in topics]
        self._beginning.see(set(topics), missing)
        ours = [topic for topic in topics if self._pattern.fullmatch(topic)]
        all_of_them = sum(len(topics[topic]) for topic in ours)
        mine = len(self._parts())
        self.complaint = ""
        if missing:
            self.complaint = f"there is no topic {missing[0]!r} yet, or we may not see it"
        elif not ours:
            self.complaint = "there is no topic yet that the tags name, or we may not see it"
        elif 0 < mine < all_of_them and not self._shared and self._group is not None:
            self.complaint = (
                f"other members of the group {self._group!r} read {all_of_them - mine} of {all_of_them} partitions:"
                " give this source a group of its own, or shared = true to all of them"
            )

    async def _look_for_unread(self, consumer: AIOKafkaConsumer) -> None:
        parts = [part for part in self._parts().values() if self._stands(part)]
        if not parts:
            return
        try:
            async with asyncio.timeout(_ANSWER_S):
                ends = await consumer.end_offsets([part.tp for part in parts])
                at = {part: await consumer.position(part.tp) for part in parts if part.ours}
        except (KafkaError, TimeoutError) as error:
            # Taken away meanwhile, or one of them has no leader.
            log.debug("%s: %r", self._source, error)
            return
        for part, offset in at.items():
            behind = ends[part.tp] - offset
            if behind <= 0 or not self._stands(part):
                self._suspects.discard(part)
            elif part not in self._suspects:
                self._suspects.add(part)
            else:
                raise Stuck(f"{part.tp.topic}/{part.tp.partition}: {behind} records are not read; connecting anew")

    def _stands(self, part: Part) -> bool:
        return part.ours and time.monotonic() - part.moved_at > _STUCK_S and not self._busy()
