"""The watchdog: lag and a healthy database, but no progress, ends the process with a code of its own.

aiokafka can be stuck after brokers restart and has no way to say so. What is behind is asked of the brokers by a client
that was never stuck: the consumer's own high watermarks stand still when its fetching does, and where it has lost its
way to the brokers its questions fail as its fetches do.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.partition import Partition
from controlroom.errors import Stalled
from kafka_clients.closing import close_consumer

log = logging.getLogger(__name__)

PATIENCE_S = 45.0
EVERY_S = 5.0
ANSWER_S = 10.0


#: (partitions) -> where they end
Ends = Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]


def ends_by(kafka: KafkaConnection) -> Ends:
    """Asks with a new client each time; it raises KafkaError or TimeoutError where the brokers do not answer."""

    async def ends(tps: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        consumer = AIOKafkaConsumer(**kafka.reading)
        try:
            await consumer.start()
            found: Mapping[TopicPartition, int] = await consumer.end_offsets(tps)
            return found
        finally:
            await close_consumer(consumer)

    return ends


async def watch(
    ends_of: Ends,
    partitions: Callable[[], Mapping[TopicPartition, Partition]],
    *,
    patience: float = PATIENCE_S,
    every: float = EVERY_S,
) -> None:
    """Watch until cancelled. `partitions` are those that are ours now.

    Raises:
        Stalled: a partition had lag and made no progress for `patience` seconds while Kafka and PostgreSQL answered.
    """
    #: where each partition was when it last moved or had an excuse, and when that was
    moved: dict[TopicPartition, tuple[int, float]] = {}
    #: behind at the last look: brokers may have come back just then, and the worker finds them in a moment
    suspected: set[TopicPartition] = set()
    while True:
        await asyncio.sleep(every)
        now = time.monotonic()
        ours = dict(partitions())
        for tp in list(moved):
            if tp not in ours:
                del moved[tp]
                suspected.discard(tp)
        still = []
        for tp, part in ours.items():
            before = moved.get(tp)
            if before is None or before[0] != part.committed_offset or part.progress.waiting:
                moved[tp] = (part.committed_offset, now)
                suspected.discard(tp)
            elif now - before[1] >= patience:
                still.append(tp)
        if not still:
            continue
        try:
            # Not `wait_for`: a cancellation that comes with the answer is lost in it (Python 3.11).
            async with asyncio.timeout(ANSWER_S):
                ends = await ends_of(still)
        except (KafkaError, TimeoutError) as error:
            log.debug("the brokers do not say where partitions end: %s", error)
            ends = {}
        for tp in still:
            behind = ends[tp] - ours[tp].committed_offset if tp in ends else 0
            if behind <= 0:
                moved[tp] = (ours[tp].committed_offset, now)
                suspected.discard(tp)
            elif tp not in suspected:
                suspected.add(tp)
            else:
                raise Stalled(
                    f"{tp.topic}/{tp.partition} is {behind} records behind and has not moved for {patience:.0f} s",
                    hint="the worker must be started again; `detect --workers` does so by itself",
                )
