"""A broker dies that alone had a partition of the readings: one alarm says so, and stands for the sensors in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.alarm_query import AlarmQueries
from controlroom.config import load_settings
from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.model import NO_DATA_KIND, Label
from controlroom.local import Endpoints, LocalPlant
from controlroom.wire import AlarmEvent, Location, Metadata, Reading, encode_reading
from tests.conftest import MakeTopic
from tests.integration.test_detection import Place, query

LOST_BROKER = 3
SENSORS = 6


@pytest.fixture
async def place(endpoints: Endpoints, topics: MakeTopic, database: str) -> AsyncIterator[Place]:
    """Readings in three partitions, each on one broker alone."""
    alerts = await topics("alerts", partitions=2)
    data = alerts.replace("alerts", "lonely-data")
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.brokers)
    await admin.start()
    where = {number: [number + 1] for number in range(3)}
    config = {"message.timestamp.type": "LogAppendTime", "min.insync.replicas": "1"}
    await admin.create_topics([NewTopic(data, -1, -1, replica_assignments=where, topic_configs=config)])
    settings = load_settings(
        brokers=endpoints.brokers, dsn=database, sensor_topic=data, alerts_topic=alerts, group=f"group-{data}"
    )
    yield Place(endpoints, database, settings)
    await admin.delete_topics([data])
    await admin.close()


async def speak(place: Place, partition: int, sensors: Sequence[str], every: float) -> None:
    """Readings of these sensors into one partition, until cancelled; what its broker does not take is lost."""
    options = {"bootstrap_servers": place.endpoints.brokers, "acks": 1, "request_timeout_ms": 3000}
    producer = AIOKafkaProducer(**options)
    await producer.start()
    number = 0
    try:
        while True:
            number += 1
            for index, name in enumerate(sensors):
                where = Location("production", f"machine-{index}", f"zone-{'abc'[index % 3]}")
                value = 25.0 + (number + index) % 7 / 10
                reading = Reading(
                    datetime.now(UTC), name, "temperature", where, value, "°C", metadata=Metadata(number, 35.0, 40.0)
                )
                with contextlib.suppress(Exception):  # the broker is away
                    async with asyncio.timeout(1.0):
                        await producer.send_and_wait(
                            place.settings.sensor_topic, encode_reading(reading), name.encode(), partition
                        )
            await asyncio.sleep(every)
    finally:
        with contextlib.suppress(Exception, asyncio.CancelledError):
            async with asyncio.timeout(5.0):
                await producer.stop()


async def until_rows(place: Place, sql: str, count: int, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while len(await query(place, sql)) != count:
            await asyncio.sleep(0.1)


async def test_a_partition_that_lost_its_only_broker_is_one_alarm_with_its_sensors_as_children(
    place: Place, plant: LocalPlant
) -> None:
    lost = [f"lost-{number}" for number in range(SENSORS)]
    told: list[AlarmEvent] = []
    stop = asyncio.Event()
    worker = DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None), on_events=told.extend)
    running = asyncio.create_task(worker.run(stop))
    feeds = [
        asyncio.create_task(speak(place, 2, lost, 0.2)),
        # Always something from these two: nothing ever waits for the worker to be idle.
        asyncio.create_task(speak(place, 0, ["busy-0"], 0.02)),
        asyncio.create_task(speak(place, 1, ["busy-1"], 0.02)),
    ]
    try:
        await until_rows(
            place, "SELECT 1 FROM readings WHERE part = 2 GROUP BY sensor_id HAVING count(*) > 40", SENSORS
        )
        await asyncio.to_thread(plant.broker(LOST_BROKER).kill)
        children = f"SELECT 1 FROM alarms WHERE kind = '{NO_DATA_KIND}' AND state = 'BY_DESIGN'"
        await until_rows(place, children, SENSORS)
        rings = [event for event in told if event.annunciated and event.kind in (GROUP_KIND, NO_DATA_KIND)]
        assert [(ring.sensor_id, ring.kind) for ring in rings] == [("partition:2", GROUP_KIND)]
        assert "has no leader" in rings[0].message
        async with AlarmQueries(place.dsn) as queries:
            found = await queries.children(rings[0].occurrence_id)
        assert sorted(child.sensor_id for child in found) == lost
        assert {child.label for child in found} == {Label.BY_DESIGN}
    finally:
        await asyncio.to_thread(plant.broker(LOST_BROKER).start)
    try:
        # It is back: its sensors speak, and all is well by itself.
        await until_rows(place, f"SELECT 1 FROM alarms WHERE kind = '{NO_DATA_KIND}' AND live", 0)
        await until_rows(place, f"SELECT 1 FROM alarms WHERE kind = '{GROUP_KIND}' AND state = 'RTN-UNACK'", 1)
        rings = [event for event in told if event.annunciated and event.kind in (GROUP_KIND, NO_DATA_KIND)]
        assert len(rings) == 1
    finally:
        for feed in feeds:
            feed.cancel()
        await asyncio.wait(feeds)
        stop.set()
        await asyncio.wait_for(running, 30)
