"""What most scenes have in common: readings that keep coming, and the look at what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from tests.faults.scene import Scene


@asynccontextmanager
async def load(scene: Scene) -> AsyncIterator[None]:
    """Readings keep coming while the block runs."""
    stop = asyncio.Event()
    feeding = asyncio.create_task(scene.feed(stop))
    try:
        yield
    finally:
        stop.set()
        await feeding


async def as_if_nothing_had_happened(scene: Scene) -> None:
    """Everything is committed once, and the alarms are those of a single run without interruption."""
    await scene.drain()
    found = await scene.audited()
    assert not found.findings, "\n".join([*found.findings, scene.log.read_text()[-3000:]])
    assert found.readings == found.records
    assert found.readings >= scene.sent - scene.sensors * 10 > 0
    assert found.alarm_events > 0
    assert found.states > 0 or found.silent == scene.sensors


async def rows(scene: Scene, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(scene.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def on_alerts(scene: Scene) -> list[ConsumerRecord]:
    """Everything on the alerts topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=scene.settings.brokers)
    await consumer.start()
    try:
        tps = [TopicPartition(scene.settings.alerts_topic, part) for part in range(2)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        left = sum((await consumer.end_offsets(tps)).values())
        found: list[ConsumerRecord] = []
        while len(found) < left:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await consumer.stop()
