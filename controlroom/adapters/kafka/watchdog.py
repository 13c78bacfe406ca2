"""The watchdog: lag and a healthy database, but no progress, ends the process with a code of its own.

aiokafka can be stuck after brokers restart and has no way to say so. What is behind is asked of the brokers, not of the
consumer's own high watermarks, which stand still when its fetching does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.partition import Partition
from controlroom.errors import Stalled

log = logging.getLogger(__name__)

PATIENCE_S = 45.0
EVERY_S = 5.0
ANSWER_S = 10.0


async def watch(
    consumer: AIOKafkaConsumer,
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
    while True:
        await asyncio.sleep(every)
        now = time.monotonic()
        ours = dict(partitions())
        for tp in list(moved):
            if tp not in ours:
                del moved[tp]
        still = []
        for tp, part in ours.items():
            before = moved.get(tp)
            if before is None or before[0] != part.committed_offset or part.progress.waiting:
                moved[tp] = (part.committed_offset, now)
            elif now - before[1] >= patience:
                still.append(tp)
        if not still:
            continue
        try:
            ends = await asyncio.wait_for(consumer.end_offsets(still), ANSWER_S)
        except (KafkaError, TimeoutError) as error:
            log.debug("the brokers do not say where partitions end: %s", error)
            ends = {}
        for tp in still:
            behind = ends.get(tp, 0) - ours[tp].committed_offset
            if behind > 0:
                raise Stalled(
                    f"{tp.topic}/{tp.partition} is {behind} records behind and has not moved for {patience:.0f} s",
                    hint="the worker must be started again; `detect --workers` does so by itself",
                )
            moved[tp] = (ours[tp].committed_offset, now)
