"""Partitions that are added to a topic while a worker reads it: shown at once, and read within half a minute."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from controlroom.adapters.console.link import Link
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.core.plant_state import PlantState
from controlroom.wire import TopicSpec
from tests.integration.test_detection import Place, place, publish, query, reading, series

__all__ = ["place"]

SHOWN_S, READ_S = 10.0, 30.0


async def add_partitions(place: Place, total: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=place.endpoints.brokers)
    await admin.start()
    try:
        await admin.create_partitions({place.settings.sensor_topic: NewPartitions(total)})
    finally:
        await admin.close()


async def publish_to(place: Place, partition: int, sensor: str, count: int) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=place.endpoints.brokers, acks="all", metadata_max_age_ms=500
    ) as producer:
        async with asyncio.timeout(30):
            while partition not in (await producer.partitions_for(place.settings.sensor_topic)):
                await asyncio.sleep(0.1)
        for number in range(1, count + 1):
            value = reading(sensor, number, 25.0)
            await producer.send_and_wait(place.settings.sensor_topic, value, sensor.encode(), partition)


@pytest.mark.timeout(180)
async def test_added_partitions_are_shown_and_then_read(place: Place) -> None:
    await publish(place, series(6, 20))
    state = PlantState()
    link = Link(place.kafka, place.dsn, place.settings.topics, place.settings.group, state, operator="tester")
    worker = DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None))
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    linking = asyncio.create_task(link.run(stop))
    try:
        async with asyncio.timeout(60):
            while len(worker.partitions) < 3 or state.pipeline is None or not state.pipeline.lag:
                await asyncio.sleep(0.1)
        await add_partitions(place, 5)
        added = time.monotonic()
        await publish_to(place, 3, "temp-new-3", 10)
        await publish_to(place, 4, "temp-new-4", 10)
        async with asyncio.timeout(SHOWN_S + 5):
            while {3, 4} - state.pipeline.lag.keys():
                await asyncio.sleep(0.1)
        shown = time.monotonic() - added
        stored = "SELECT count(*) FROM readings WHERE sensor_id LIKE 'temp-new-%'"
        async with asyncio.timeout(READ_S + 15):
            while await query(place, stored) != [(20,)] or state.pipeline.unclaimed:
                await asyncio.sleep(0.2)
        read = time.monotonic() - added
        assert set(worker.partitions) == {0, 1, 2, 3, 4}
        assert (shown < SHOWN_S, read < READ_S) == (True, True), (shown, read)
    finally:
        stop.set()
        await asyncio.gather(linking, working)


async def delete_topic(place: Place) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=place.endpoints.brokers)
    await admin.start()
    try:
        await admin.delete_topics([place.settings.sensor_topic])
        async with asyncio.timeout(30):
            while place.settings.sensor_topic in await admin.list_topics():
                await asyncio.sleep(0.2)
    finally:
        await admin.close()


async def has_members(place: Place) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=place.endpoints.brokers)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([place.settings.group])
        return bool(answer.groups[0][5])
    finally:
        await admin.close()


async def make_topic(place: Place) -> None:
    config = {"message.timestamp.type": "LogAppendTime"}
    await ensure_topics(place.endpoints.brokers, [TopicSpec(place.settings.sensor_topic, 3, config)])


@pytest.mark.timeout(180)
async def test_a_topic_that_comes_later_or_anew_is_read_without_a_restart(place: Place) -> None:
    await delete_topic(place)
    worker = DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None))
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    count = "SELECT count(*) FROM readings"
    try:
        async with asyncio.timeout(30):
            while not await has_members(place):  # it has joined its group, and there is no topic
                await asyncio.sleep(0.1)
        assert not working.done()
        await make_topic(place)
        await publish(place, series(6, 20))
        async with asyncio.timeout(READ_S + 15):
            while await query(place, count) != [(120,)]:
                await asyncio.sleep(0.2)
        await delete_topic(place)
        await make_topic(place)
        await publish(place, series(6, 10))
        async with asyncio.timeout(READ_S + 30):
            while await query(place, count) != [(180,)]:
                await asyncio.sleep(0.2)
        gaps = await query(place, "SELECT DISTINCT kind FROM alarm_events WHERE kind = 'gap'")
        assert gaps == [("gap",)]
    finally:
        stop.set()
        await working
