"""The files of definitions and of detectors change while a real worker runs: it counts at once, and nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.core.alarms.definitions import Definitions
from controlroom.wire import AlarmEvent
from tests.integration.test_detection import Place, place, query, reading  # noqa: F401 - `place` is a fixture
from tests.integration.test_partition_gone import until_rows

SENSORS = ("temp-1", "temp-2")
STANDING = "SELECT 1 FROM alarms WHERE kind = 'limit' AND state = '{}' AND sensor_id = '{}'"


async def speak(place: Place, values: dict[str, float]) -> None:  # noqa: F811
    producer = AIOKafkaProducer(bootstrap_servers=place.endpoints.brokers, acks="all")
    await producer.start()
    number = 0
    try:
        while True:
            number += 1
            for sensor, value in values.items():
                record = reading(sensor, number, value + number % 5 / 20)
                await producer.send(place.settings.sensor_topic, key=sensor.encode(), value=record)
            await asyncio.sleep(0.1)
    finally:
        await producer.stop()


async def until_logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(60):
        while text not in caplog.text:
            await asyncio.sleep(0.1)


async def test_limits_and_delays_change_under_standing_alarms(
    place: Place,  # noqa: F811
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text("[defaults]\noff_delay_s = 3\n")
    detectors = tmp_path / "detectors.toml"
    detectors.write_text("[temperature]\nrange_high = 200.0\n")
    files = {"alarms_file": path, "detectors_file": detectors}
    here = Place(place.endpoints, place.dsn, place.settings.model_copy(update=files))
    told: list[AlarmEvent] = []
    stop = asyncio.Event()
    worker = DetectionWorker(here.kafka, here.dsn, here.options(until_idle=None), on_events=told.extend)
    running = asyncio.create_task(worker.run(stop))
    values = dict.fromkeys(SENSORS, 36.0)
    feeding = asyncio.create_task(speak(here, values))
    alice = AlarmActionStore(here.dsn, Definitions(), who="alice", whence="test")
    try:
        for sensor in SENSORS:
            await until_rows(here, STANDING.format("UNACK", sensor), 1)
        acked = await alice.ack_now("temp-1", "limit")
        shelved = await alice.shelve("temp-2", "limit", 600, "noisy")
        # Another limit for one of them: its alarm ends; the other one stands as it was, shelf and all.
        path.write_text("[defaults]\noff_delay_s = 3\n[[alarm]]\nsensor = 'temp-1'\nlimits = { warning_high = 38 }\n")
        await until_rows(here, STANDING.format("NORMAL", "temp-1"), 1)
        await until_rows(here, STANDING.format("SHELVED", "temp-2"), 1)
        still = await alice.read("temp-2", "limit")
        assert (still.occurrence_id, still.shelf) == (shelved.occurrence_id, shelved.shelf)
        assert (await alice.read("temp-1", "limit")).occurrence_id == acked.occurrence_id
        # It fires by the new limit.
        values["temp-1"] = 38.5
        await until_rows(here, STANDING.format("UNACK", "temp-1"), 1)
        limits = {event.limit for event in told if event.sensor_id == "temp-1" and event.event == "raised"}
        assert limits == {35.0, 38.0}
        # A file that is wrong changes nothing.
        path.write_text("[defaults]\noff_delay_s = 'soon'\n")
        values["temp-1"] = 25.0
        await until_rows(here, STANDING.format("RTN-UNACK", "temp-1"), 1)
        rings = [(event.sensor_id, event.event) for event in told if event.annunciated and event.kind == "limit"]
        # The instrument of this type cannot say what one of them says: that is told, and what was learned stays.
        seen = "SELECT sensor_id FROM alarms WHERE kind = 'corrupt' AND state = 'UNACK'"
        assert await query(here, seen) == []
        detectors.write_text("[temperature]\nrange_high = 30.0\n")
        await until_rows(here, seen, 1)
        assert await query(here, seen) == [("temp-2",)]
        detectors.write_text("[temperature]\nrange_hihg = 200.0\n")
        await until_logged(caplog, "the settings of detectors stay as they were")
        assert sorted(rings) == [("temp-1", "raised"), ("temp-1", "raised"), ("temp-2", "raised")]
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
        await alice.close()
        stop.set()
        await asyncio.wait_for(running, 30)
