"""A worker's part in the summary: once a second it tells the last readings of the partitions that are its own.

Nothing of a worker waits for it. If the topic is missing, or the brokers refuse or do not answer, consoles read every
reading instead, and the publisher tries again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.partition import Partition
from controlroom.wire.summary import encode_summary, summary_key
from kafka_clients.closing import close_producer

log = logging.getLogger(__name__)

BEAT_S = 1.0
#: A beat that the brokers have not confirmed by then is given up, with its producer.
SEND_S = 5.0
#: How soon it is tried again after an error, and how often a topic that is missing is looked for.
RETRY_S = 2.0
MISSING_S = 10.0
STOP_S = 3.0
#: A leader that has nothing to tell answers twice a second (`fetch_max_wait_ms`).
ASKED_S = 1.0
#: Records that are decoded before the worker gets a turn.
DIGEST = 2000


class SummaryPublisher:
    """Runs in the worker's loop.

    Args:
        topic: of the summary.
        partitions: those of the worker.
        end_of: (when the leader last answered, milliseconds; the offset after the last reading), of a partition.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        topic: str,
        partitions: Mapping[TopicPartition, Partition],
        end_of: Callable[[TopicPartition], tuple[int | None, int | None]],
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._partitions = partitions
        self._end_of = end_of
        self._ends: dict[TopicPartition, _Ends] = {}
        self._told = ""

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            wait = RETRY_S
            try:
                if not await self._publish():
                    wait = MISSING_S
                    self._tell(f"there is no topic {self._topic}: consoles read every reading (`controlroom setup`)")
            except (KafkaError, TimeoutError, OSError) as error:
                self._tell(f"{self._topic} cannot be written: {str(error) or type(error).__name__}")
            await asyncio.sleep(wait)

    async def _publish(self) -> bool:
        """Publish until something fails; whether the topic is there."""
        producer = AIOKafkaProducer(
            **self._kafka.options, acks=1, linger_ms=5, max_batch_size=256 * 1024, compression_type="lz4"
        )
        try:
            async with asyncio.timeout(SEND_S):
                await producer.start()
                # Private: who asks for one topic that is missing may have it made with the brokers' defaults.
                cluster = await producer.client.fetch_all_metadata()
            count = len(cluster.partitions_for_topic(self._topic) or ())
            if not count:
                return False
            for part in self._partitions.values():
                if part.summary is not None:
                    part.summary.tell_everything()
            while True:
                began = time.monotonic()
                async with asyncio.timeout(SEND_S):
                    await self._beat(producer, count)
                self._told = ""
                await asyncio.sleep(max(0.05, BEAT_S - (time.monotonic() - began)))
        finally:
            await close_producer(producer, STOP_S)

    async def _beat(self, producer: AIOKafkaProducer, count: int) -> None:
        futures = []
        for tp in self._ends.keys() - self._partitions.keys():
            del self._ends[tp]
        for tp, part in list(self._partitions.items()):
            if not part.ready or part.summary is None:
                continue
            through = part.next_offset
            more = True
            while more:
                more = part.summary.digest(DIGEST)
                # The worker reads in the same loop.
                await asyncio.sleep(0)
            ends = self._ends.setdefault(tp, _Ends())
            answered_ms, end = self._end_of(tp)
            ends.seen((answered_ms or 0) / 1000, end)
            place = tp.partition % count
            futures += [
                await producer.send(self._topic, encode_summary(record), summary_key(record), partition=place)
                for record in part.summary.beat(through, ends.behind_s(through, time.time()))
            ]
        await asyncio.gather(*futures)

    def _tell(self, what: str) -> None:
        if what != self._told:
            log.info("%s", what)
        self._told = what


class _Ends:
    """Where a partition ended at which time, as the leader's answers told.

    It says since when there have been readings that the worker has not read. All by one clock: no other host's matters.
    """

    def __init__(self) -> None:
        self._ends: deque[tuple[float, int]] = deque(maxlen=600)

    def seen(self, at: float, end: int | None) -> None:
        if at and end is not None and (not self._ends or at > self._ends[-1][0]):
            self._ends.append((at, end))

    def behind_s(self, through: int, now: float) -> float:
        """Seconds since the latest known time up to which everything has been read."""
        while len(self._ends) > 1 and self._ends[1][1] <= through:
            self._ends.popleft()
        if not self._ends:
            return 0.0
        at, end = self._ends[0]
        # The next question is with the leader, which answers at once when a reading comes.
        if end <= through and len(self._ends) == 1 and now - at < ASKED_S:
            return 0.0
        return max(0.0, now - at)
