"""What workers will find on the topics when they go on from a database's watermarks, as after a restore."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.postgres.backup import Watermark
from controlroom.core.records import tail_hash
from kafka_clients.closing import close_consumer

ANSWER_S = 15.0
#: The record before a watermark is waited for so long: where it was taken out, a later one comes at once.
RECORD_MS = 3_000


@dataclass(frozen=True, slots=True)
class Prospect:
    """What becomes of a partition."""

    watermark: Watermark
    #: records that are there to be read from the watermark on
    waiting: int = 0
    #: what is wrong, and what workers do about it; empty: nothing
    problem: str = ""


async def compare(kafka: KafkaConnection, watermarks: Sequence[Watermark]) -> list[Prospect]:
    """Compare watermarks with the topics.

    Raises:
        KafkaUnreachable: no broker answers.
    """
    consumer = AIOKafkaConsumer(**kafka.reading, enable_auto_commit=False, auto_offset_reset="none")
    try:
        try:
            async with asyncio.timeout(ANSWER_S):
                await consumer.start()
                # Private: the public `topics` tells names alone, and who asks for one that is missing waits for it.
                cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001
        except (KafkaError, TimeoutError) as error:
            raise await kafka.why_unreachable(error) from None
        return [
            await _prospect(consumer, mark)
            if mark.partition in (cluster.partitions_for_topic(mark.topic) or ())
            else Prospect(
                mark, problem="is not there; workers wait until it is, and then read it from its first record"
            )
            for mark in watermarks
        ]
    finally:
        await close_consumer(consumer)


async def _prospect(consumer: AIOKafkaConsumer, mark: Watermark) -> Prospect:
    tp = TopicPartition(mark.topic, mark.partition)
    try:
        async with asyncio.timeout(ANSWER_S):
            first = (await consumer.beginning_offsets([tp]))[tp]
            end = (await consumer.end_offsets([tp]))[tp]
            if mark.next_offset < first:
                gone = first - mark.next_offset
                problem = (
                    f"lacks {gone} records after the watermark (retention); workers record a gap and raise an alarm"
                )
                return Prospect(mark, end - first, problem)
            if mark.next_offset <= end and await _is_the_same(consumer, tp, first, mark):
                return Prospect(mark, end - mark.next_offset)
    except (KafkaError, TimeoutError) as error:
        return Prospect(mark, problem=f"cannot be read now ({type(error).__name__})")
    problem = (
        f"ends at {end}, before the watermark {mark.next_offset}" if mark.next_offset > end else
        f"has another record before the watermark {mark.next_offset}"
    )  # fmt: skip
    problem += ": it was made anew or truncated; workers record a gap, raise an alarm, and read all of it"
    return Prospect(mark, end - first, problem)


async def _is_the_same(consumer: AIOKafkaConsumer, tp: TopicPartition, first: int, mark: Watermark) -> bool:
    """Whether the record before the watermark is the one that was committed, as far as that can be told."""
    if mark.tail is None or mark.next_offset <= first:
        return True
    consumer.assign([tp])
    consumer.seek(tp, mark.next_offset - 1)
    records = (await consumer.getmany(tp, timeout_ms=RECORD_MS, max_records=1)).get(tp, [])
    return not records or records[0].offset != mark.next_offset - 1 or tail_hash(records[0]) == mark.tail
