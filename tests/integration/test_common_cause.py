"""A gateway is lost: a thousand sensors fall silent at once, on real brokers, and the operator hears of it once."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.alarm_query import AlarmQueries
from controlroom.config import load_settings
from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.model import NO_DATA_KIND, Label
from controlroom.local import Endpoints
from controlroom.wire import AlarmEvent, Location, Metadata, Reading, encode_reading
from tests.conftest import MakeTopic
from tests.integration.test_detection import Place, query

SENSORS = 1000
INTERVAL_S = 1.0


def readings(sensors: range, number: int, at: float) -> list[tuple[bytes, bytes]]:
    made = []
    for index in sensors:
        name = f"temp-{index:04d}"
        where = Location("production", f"machine-{index // 10:03d}", "zone-a" if index < SENSORS else "zone-b")
        value = 25.0 + ((index + number) % 7) / 10
        reading = Reading(
            datetime.fromtimestamp(at, UTC), name, "temperature", where, value, "°C", "normal", 1.0,
            Metadata(number, 35.0, 40.0),
        )  # fmt: skip
        made.append((name.encode(), encode_reading(reading)))
    return made


async def publish_as_of(place: Place, batches: list[tuple[float, list[tuple[bytes, bytes]]]]) -> None:
    """Publish with the time of each batch as the broker's time."""
    producer = AIOKafkaProducer(bootstrap_servers=place.endpoints.brokers, acks="all", linger_ms=5)
    await producer.start()
    try:
        for at, records in batches:
            stamp = round(at * 1000)
            sent = [
                await producer.send(place.settings.sensor_topic, key=key, value=value, timestamp_ms=stamp)
                for key, value in records
            ]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def work_through(place: Place, records: int) -> list[AlarmEvent]:
    """One worker until so many records of the topic are committed; what it announced."""
    announced: list[AlarmEvent] = []
    stop = asyncio.Event()
    worker = DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None), on_events=announced.extend)
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(150):
        while await query(place, "SELECT 1 FROM watermark HAVING sum(next_offset) = " + str(records)) == []:
            assert not running.done()
            await asyncio.sleep(0.1)
        stop.set()
        await running
    return announced


async def test_a_lost_gateway_of_a_thousand_sensors_rings_once_and_its_children_can_be_asked_for(
    endpoints: Endpoints, topics: MakeTopic, database: str
) -> None:
    data = await topics("sensor-data", partitions=3)  # the producer's time counts: hours pass in seconds
    alerts = await topics("alerts", partitions=2)
    settings = load_settings(
        brokers=endpoints.brokers, dsn=database, sensor_topic=data, alerts_topic=alerts, group=f"group-{data}"
    )
    here = Place(endpoints, database, settings)
    lost, others = range(SENSORS), range(SENSORS, SENSORS + 30)
    start = time.time() + 600  # ahead of the worker's clock: the readings alone tell how time passes
    batches = [
        (start + number, [*readings(lost, number, start + number), *readings(others, number, start + number)])
        for number in range(1, 21)
    ]
    # The other zone goes on, and its readings tell how time passes.
    batches += [(start + number, readings(others, number, start + number)) for number in range(21, 181)]
    await publish_as_of(here, batches)
    published = sum(len(records) for _, records in batches)
    told = await work_through(here, published)
    rings = [event for event in told if event.annunciated]
    assert 1 <= len(rings) <= 10
    assert {event.kind for event in rings} == {GROUP_KIND}
    async with AlarmQueries(here.dsn) as queries:
        listed = [alarm for alarm in await queries.find() if alarm.kind in (GROUP_KIND, NO_DATA_KIND)]
        assert {alarm.kind for alarm in listed} == {GROUP_KIND}
        children = [child for parent in listed for child in await queries.children(parent.occurrence_id)]
    assert sorted(child.sensor_id for child in children) == [f"temp-{index:04d}" for index in lost]
    assert {child.label for child in children} == {Label.BY_DESIGN}

    # The gateway is back: everything clears by itself, and nothing rings again.
    back = start + 181
    again: list[AlarmEvent] = []
    for seconds in (range(40), range(40, 60)):
        batches = [
            (back + n, [*readings(lost, 21 + n, back + n), *readings(others, 181 + n, back + n)]) for n in seconds
        ]
        await publish_as_of(here, batches)
        published += sum(len(records) for _, records in batches)
        again += await work_through(here, published)
    assert [event for event in again if event.annunciated and event.kind in (GROUP_KIND, NO_DATA_KIND)] == []
    standing = "SELECT count(*) FROM alarms WHERE live AND kind = 'dropout'"
    assert await query(here, standing) == [(0,)]
