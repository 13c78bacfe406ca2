"""A console's side of the summary: follows the topic that workers write once a second."""

from __future__ import annotations

import asyncio
import logging
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.core.summary.book import SummaryBook
from controlroom.wire import BadMessage
from controlroom.wire.summary import decode_summary
from kafka_clients.closing import close_consumer

log = logging.getLogger(__name__)

POLL_MS = 200
MAX_POLL_RECORDS = 500
START_S = 15.0
RETRY_S = 2.0
#: A topic that is missing, or got more partitions, is looked for so often.
LOOK_S = 10.0
#: The summary is loaded within so long when a console opens; readings are not read one by one before that.
LOAD_S = 5.0
#: Older than this, the readings of a partition are read one by one until the summary is fresh again.
MOST_AGE_S = 5.0
FRESH_AGE_S = 2.0


class SummaryFollower:
    """Runs in one event loop. `begin` once the past has been read: then all that follows is newer."""

    def __init__(self, kafka: KafkaConnection, topic: str, book: SummaryBook) -> None:
        self._kafka = kafka
        self._topic = topic
        self._book = book
        self._began = asyncio.Event()
        #: until when it is waited for, by the monotonic clock; None: not begun
        self._deadline: float | None = None
        #: partitions whose readings the summary stands for
        self._covers: set[int] = set()
        #: where reading goes on after an error
        self._next: dict[TopicPartition, int] = {}
        self.rejected = 0

    def begin(self) -> None:
        """Follow from now on."""
        if self._deadline is None:
            self._deadline = time.monotonic() + LOAD_S
            self._began.set()

    def covers(self, partition: int) -> bool:
        """Whether the summary stands for the readings of a partition; it is also given the time to be loaded."""
        now = time.monotonic()
        age = self._book.age(partition, now)
        if age is None:
            self._covers.discard(partition)
            return self._deadline is not None and now < self._deadline
        if age > MOST_AGE_S:
            self._covers.discard(partition)
        elif age <= FRESH_AGE_S:
            self._covers.add(partition)
        return partition in self._covers

    def age_s(self, partition: int) -> float:
        """How old what is shown of a partition is, seconds."""
        return self._book.age(partition, time.monotonic()) or 0.0

    def through(self, partition: int) -> int:
        """From which offset on readings are not in the summary."""
        return self._book.through(partition)

    async def run(self) -> None:
        """Follow until cancelled; brokers that are away, and a topic that is missing, are waited for."""
        await self._began.wait()
        while True:
            wait = RETRY_S
            try:
                if not await self._follow():
                    self._deadline, wait = 0.0, LOOK_S
            except (KafkaError, TimeoutError, OSError) as error:
                log.debug("%s is not read: %s", self._topic, error or type(error).__name__)
            await asyncio.sleep(wait)

    async def _follow(self) -> bool:
        """Read on until something fails or partitions are added; whether the topic is there."""
        consumer = AIOKafkaConsumer(
            **self._kafka.reading,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=MAX_POLL_RECORDS,
        )
        try:
            async with asyncio.timeout(START_S):
                await consumer.start()
                tps = await self._partitions(consumer)
                if not tps:
                    return False
                consumer.assign(tps)
                first, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
            for tp in tps:
                known = self._next.get(tp, -1)
                consumer.seek(tp, known if first[tp] <= known <= end[tp] else first[tp])
            look_at = time.monotonic() + LOOK_S
            while True:
                for tp, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                    for record in records:
                        self._hear(record.value, record.timestamp)
                    self._next[tp] = records[-1].offset + 1
                    # Also while much is read at the start, the screen's orders get their turn.
                    await asyncio.sleep(0)
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_S
                    if len(await self._partitions(consumer)) != len(tps):
                        return True
        finally:
            await close_consumer(consumer)

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        # Private: the public `topics` tells names alone, and who asks for one that is missing waits for it.
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001
        return [TopicPartition(self._topic, part) for part in cluster.partitions_for_topic(self._topic) or ()]

    def _hear(self, value: bytes | None, told_ms: int) -> None:
        try:
            record = decode_summary(value)
        except BadMessage:
            self.rejected += 1
            return
        # A record that was written long ago did not come just now. Clocks of hosts differ by less than the bound.
        age = time.time() - told_ms / 1000
        came = time.monotonic() - (age if age > MOST_AGE_S else 0.0)
        self._book.hear(record, told_ms, came, counted=record.partition in self._covers)
