"""A topic full of readings to measure with: 1,000 sensors, limits, a deterministic series for each."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from controlroom.wire import Location, Metadata, Reading, encode_reading

BATCH_BYTES = 16 * 1024


def readings(count: int, sensors: int = 1000, seed: int = 1, first: int = 0) -> list[tuple[bytes, bytes]]:
    """`count` records (key, value): each sensor once a second, around 25 °C; of 1,000 readings five over its limit.

    `first` is how many readings were made before.
    """
    rng = random.Random(seed)
    names = [f"temp-sensor-{index:05d}" for index in range(sensors)]
    places = [Location("production", f"machine-{index // 10:04d}", f"zone-{index % 4}") for index in range(sensors)]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made: list[tuple[bytes, bytes]] = []
    for index in range(first, first + count):
        sensor, turn = index % sensors, index // sensors
        value = round(25 + 2.2 * rng.gauss(0, 1), 3) if (turn + 37 * sensor) % 1000 >= 5 else 36.5
        reading = Reading(
            start + timedelta(seconds=turn),
            names[sensor],
            "temperature",
            places[sensor],
            value,
            "°C",
            "normal",
            1.0,
            Metadata(turn + 1, 35.0, 40.0),
        )
        made.append((names[sensor].encode(), encode_reading(reading)))
    return made


async def fill(brokers: str, topic: str, partitions: int, records: list[tuple[bytes, bytes]]) -> None:
    """Write `records` to `topic` in batches of 16 KB, as sensors' producers would, acknowledged by all replicas."""
    partitioner = DefaultPartitioner()
    everything = list(range(partitions))
    producer = AIOKafkaProducer(bootstrap_servers=brokers, max_batch_size=BATCH_BYTES, acks="all", linger_ms=5)
    await producer.start()
    try:
        batches = {partition: producer.create_batch() for partition in everything}
        pending: list[asyncio.Future[object]] = []
        for key, value in records:
            partition = partitioner(key, everything, everything)
            batch = batches[partition]
            if batch.append(key=key, value=value, timestamp=None) is None:
                pending.append(await producer.send_batch(batch, topic, partition=partition))
                batches[partition] = batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        for partition, batch in batches.items():
            if batch.record_count():
                pending.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*pending)
    finally:
        await producer.stop()


def partitions_of(topic: str, count: int) -> list[TopicPartition]:
    """All partitions of a topic."""
    return [TopicPartition(topic, partition) for partition in range(count)]
