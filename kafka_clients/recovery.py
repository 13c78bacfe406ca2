"""What arrived of a batch whose acknowledgement never came: read from the partition itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from kafka_clients.closing import close_consumer

_RETRY_S = 1.0
#: How far back to look when nothing of ours was ever acknowledged.
_LOOK_BACK = 5_000

Record = tuple[bytes, bytes | None, list[tuple[str, bytes]], int | None]


async def missing_from(
    options: Mapping[str, Any], topic: str, partition: int, start: int | None, records: Sequence[Record]
) -> list[Record]:
    """Those of `records` that are not on the partition from offset `start` on, in their order.

    Tries until the brokers answer. A batch is written as a whole or not at all, but the records are compared one by
    one (key and value), each as often as it is there.
    """
    while True:
        try:
            written = await _written(options, TopicPartition(topic, partition), start)
        except (KafkaError, TimeoutError):
            await asyncio.sleep(_RETRY_S)
            continue
        missing = []
        for record in records:
            if written[record[:2]] > 0:
                written[record[:2]] -= 1
            else:
                missing.append(record)
        return missing


async def _written(
    options: Mapping[str, Any], tp: TopicPartition, start: int | None
) -> Counter[tuple[bytes | None, bytes | None]]:
    consumer = AIOKafkaConsumer(
        **options, enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    found: Counter[tuple[bytes | None, bytes | None]] = Counter()
    try:
        await consumer.start()
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        first = max((await consumer.beginning_offsets([tp]))[tp], end - _LOOK_BACK if start is None else start)
        consumer.seek(tp, min(first, end))
        while await consumer.position(tp) < end:
            for record in (await consumer.getmany(tp, timeout_ms=1000)).get(tp, []):
                found[record.key, record.value] += 1
    finally:
        await close_consumer(consumer)
    return found
