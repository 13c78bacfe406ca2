"""Sensors that move to another partition when some are added: what was learned and what stands goes with them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer

from controlroom.adapters.fsck.audit import AuditOptions, audit
from controlroom.adapters.kafka.worker import DetectionWorker
from tests.integration.test_detection import Place, place, query, reading
from tests.integration.test_partitions_added import add_partitions

__all__ = ["place"]

SENSORS = [f"temp-{index:02d}" for index in range(30)]
PERIOD_S = 0.15
#: Where each sensor is, and how many partitions have heard it.
WHERE = "SELECT sensor_id, part FROM detector_state WHERE sensor_id LIKE 'temp-%' ORDER BY 1, 2"
HEARD = "SELECT sensor_id, count(DISTINCT part) FROM readings GROUP BY 1 ORDER BY 1"
#: Sensors between two of whose readings the brokers saw more than two seconds pass.
PAUSED = """
SELECT DISTINCT sensor_id FROM (
    SELECT sensor_id, log_ts - lag(log_ts) OVER (PARTITION BY sensor_id ORDER BY seq) AS gap FROM readings
) gaps WHERE gap > interval '2 seconds'"""
RAISED = """
SELECT sensor_id, count(*) FROM alarm_events WHERE kind = 'limit' AND event IN ('raised', 'recurred') GROUP BY 1"""


class Sensors:
    """Send a reading each, some times a second, through a producer that learns of new partitions within a second."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.number = 0
        #: every third sensor is above its warning limit from here on, until there
        self.above = range(0)

    async def run(self, stop: asyncio.Event) -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=self._place.endpoints.brokers, acks="all", metadata_max_age_ms=1000
        ) as producer:
            while not stop.is_set():
                self.number += 1
                for index, sensor in enumerate(SENSORS):
                    above = index % 3 == 0 and self.number in self.above
                    value = 36.0 if above else 25.0 + (self.number * 7 + index) % 10 / 10
                    record = reading(sensor, self.number, value)
                    await producer.send(self._place.settings.sensor_topic, record, sensor.encode())
                await producer.flush()
                await asyncio.sleep(PERIOD_S)

    async def sent(self, count: int) -> None:
        goal = self.number + count
        while self.number < goal:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def workers(place: Place, count: int) -> AsyncIterator[list[DetectionWorker]]:
    stop = asyncio.Event()
    made = [DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None)) for _ in range(count)]
    running = [asyncio.create_task(worker.run(stop)) for worker in made]
    try:
        yield made
    finally:
        stop.set()
        await asyncio.gather(*running)


async def all_read(place: Place, sensors: Sensors, partitions: int) -> None:
    """Wait until readings of all partitions are stored, and all that was sent by now."""
    goal = sensors.number * len(SENSORS)
    async with asyncio.timeout(60):
        while True:
            count, parts = (await query(place, "SELECT count(*), count(DISTINCT part) FROM readings"))[0]
            if count >= goal and parts == partitions:
                return
            await asyncio.sleep(0.2)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("before", "after"), [(2, 0), (1, 1)], ids=["two workers", "restarted"])
async def test_a_sensor_goes_on_in_its_new_partition(place: Place, before: int, after: int) -> None:
    sensors = Sensors(place)
    stop = asyncio.Event()
    sending = asyncio.create_task(sensors.run(stop))
    try:
        async with workers(place, before):
            await sensors.sent(40)
            # A third of the sensors are in alarm while they move.
            sensors.above = range(sensors.number + 4, sensors.number + 10_000)
            await all_read(place, sensors, 3)
            await sensors.sent(20)
            if not after:
                await add_partitions(place, 5)
                await sensors.sent(20)
                await all_read(place, sensors, 5)
                await sensors.sent(20)
        if after:
            await add_partitions(place, 5)
            await sensors.sent(40)
            async with workers(place, after):
                await all_read(place, sensors, 5)
                await sensors.sent(20)
        sensors.above = range(0)
        async with workers(place, 1):
            await sensors.sent(20)
            await all_read(place, sensors, 5)
            stop.set()
            await sending
            await all_read(place, sensors, 5)
    finally:
        stop.set()
        await sending
    moved = {sensor for sensor, parts in await query(place, HEARD) if parts == 2}
    assert len(moved) > 5, "with five partitions two of three sensors are in another one"
    stored = Counter(sensor for sensor, _ in await query(place, "SELECT sensor_id, seq FROM readings"))
    assert stored == dict.fromkeys(SENSORS, sensors.number)
    # One partition has each sensor's detectors, and it is the one that is sent to.
    assert Counter(sensor for sensor, _ in await query(place, WHERE)) == dict.fromkeys(SENSORS, 1)
    last = "SELECT DISTINCT ON (sensor_id) sensor_id, part FROM readings ORDER BY sensor_id, seq DESC"
    assert await query(place, WHERE) == sorted(await query(place, last))
    # Its alarm is the one that stood before, and nothing rings twice.
    assert dict(await query(place, RAISED)) == dict.fromkeys(SENSORS[::3], 1)
    # Nobody was taken to be silent who was not: on a busy machine the test's own sensors may pause.
    paused = {sensor for (sensor,) in await query(place, PAUSED)}
    others = "SELECT DISTINCT sensor_id, kind FROM alarm_events WHERE kind NOT IN ('limit', 'level')"
    assert {row for row in await query(place, others) if row[0] not in paused} == set()
    found = await audit(place.kafka, place.dsn, place.options(), AuditOptions())
    assert found.findings == [], found
    assert found.silent <= len(paused)
    assert found.states == len(SENSORS) - found.silent
