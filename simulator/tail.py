"""The last sequence numbers on the data topic, for a simulator that takes sensors over.

What the one before it had sent when it died, it did not live to say: the topic itself tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from kafka_clients.closing import close_consumer

_RETRY_S = 1.0


class _Metadata(msgspec.Struct, gc=False):
    reading_count: int = 0


class _Counted(msgspec.Struct, gc=False):
    """The part of a reading that matters here."""

    metadata: _Metadata


_decode = msgspec.json.Decoder(_Counted).decode


async def last_counts(
    options: Mapping[str, Any], topic: str, partitions: Iterable[int], since: int, wanted: Iterable[str]
) -> dict[str, int]:
    """The highest sequence number of each sensor among the readings written since `since`.

    Tries until the brokers answer.

    Args:
        options: arguments for aiokafka's consumer.
        topic: the topic of the readings.
        partitions: its partitions.
        since: milliseconds since 1970, Kafka's time of the records.
        wanted: sensor ids; others are passed over.
    """
    tps = [TopicPartition(topic, partition) for partition in partitions]
    keys = {sensor_id.encode(): sensor_id for sensor_id in wanted}
    while True:
        try:
            return await _read(options, tps, since, keys)
        except (KafkaError, TimeoutError):
            await asyncio.sleep(_RETRY_S)


async def _read(
    options: Mapping[str, Any], tps: list[TopicPartition], since: int, keys: Mapping[bytes, str]
) -> dict[str, int]:
    consumer = AIOKafkaConsumer(
        **options, enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    counts: dict[str, int] = {}
    try:
        await consumer.start()
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        starts = await consumer.offsets_for_times(dict.fromkeys(tps, since))
        left = set()
        for tp in tps:
            start = starts[tp]
            if start is not None and start.offset < ends[tp]:
                consumer.seek(tp, start.offset)
                left.add(tp)
            else:
                consumer.pause(tp)
        while left:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=5000)).values():
                for record in records:
                    sensor_id = keys.get(record.key)
                    if sensor_id is not None:
                        counts[sensor_id] = max(counts.get(sensor_id, 0), _count_in(record.value))
            # Also where nothing came: the last records may be marks of transactions, which nobody is handed.
            for tp in [tp for tp in left if await consumer.position(tp) >= ends[tp]]:
                left.discard(tp)
                consumer.pause(tp)
    finally:
        await close_consumer(consumer)
    return counts


def _count_in(raw: bytes | None) -> int:
    """The sequence number in a payload; 0 if it has none, as one that a fault has damaged."""
    try:
        return _decode(raw or b"").metadata.reading_count
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
