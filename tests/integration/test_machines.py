"""A machine's sensors, spread over partitions and workers, are watched together."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta

from controlroom.adapters.postgres.learning import LearningStore
from controlroom.adapters.postgres.machines import MachineStage
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.learning import LearningAction
from controlroom.wire import Location, Metadata, Reading, encode_reading
from tests.integration.test_detection import (
    Place,
    connection,
    on_alerts,
    place,  # noqa: F401 - a fixture
    publish,
    query,
)
from tests.integration.test_learning import until, working

START = datetime(2026, 3, 1, tzinfo=UTC)
SENSORS = ("energy-7", "temp-7", "vib-7")
MINUTES = 3000


def means(minute: int, rng: random.Random) -> tuple[float, float, float]:
    """Load moves all three together."""
    load = (0.2, 0.5, 0.9)[minute // 20 * 7919 % 3]
    return 100 * load + rng.gauss(0, 1), 40 + 10 * load + rng.gauss(0, 0.1), 2 * load + rng.gauss(0, 0.02)


async def store_minutes(place: Place, first: int, count: int, fault: float = 0.0) -> None:  # noqa: F811
    """Roll-ups as the partitions' transactions write them; `fault` is an offset of the vibration."""
    rng = random.Random(first)
    rows = []
    for minute in range(first, first + count):
        for sensor, mean in zip(SENSORS, means(minute, rng), strict=True):
            value = mean + (fault if sensor == "vib-7" else 0.0)
            at = START + timedelta(minutes=minute)
            rows.append((sensor, at, 20, 0, value, value, value, 0.0, value, at))
    async with connection(place) as opened:
        await opened.copy_records_to_table("rollup_minute", records=rows)


async def know_sensors(place: Place) -> None:  # noqa: F811
    async with connection(place) as opened:
        await opened.executemany(
            "INSERT INTO sensors (sensor_id, sensor_type, unit, factory_section, machine_id, zone, simulated)"
            " VALUES ($1, 'x', $2, 'hall', 'mill-7', 'zone-a', false)",
            list(zip(SENSORS, ("kW", "°C", "mm/s"), strict=True)),
        )


def stage(place: Place) -> MachineStage:  # noqa: F811
    return MachineStage(place.dsn, "test", place.settings.group, place.settings.sensor_topic, Definitions())


async def look(place: Place) -> int:  # noqa: F811
    found = stage(place)
    try:
        return await found.turn()
    finally:
        await found._session.close()


EVENTS = "SELECT event, kind, sensor_id FROM alarm_events WHERE event IN ('raised', 'returned') ORDER BY at, version"


async def test_an_offset_that_only_the_other_sensors_tell_is_an_alarm_of_the_machine(place: Place) -> None:  # noqa: F811
    await know_sensors(place)
    await store_minutes(place, 0, MINUTES)
    # Of the last minute nobody knows yet whether it is over.
    assert await look(place) == MINUTES - 1
    assert await query(place, EVENTS) == []
    # Far within what the vibration says at other loads, ten times what the others leave open.
    await store_minutes(place, MINUTES, 30, fault=0.2)
    assert await look(place) == 30
    assert await query(place, EVENTS) == [("raised", "machine", "machine:mill-7")]
    ((document,),) = await query(place, "SELECT doc FROM alarms WHERE kind = 'machine'")
    seen = json.loads(document)["detection"]
    assert seen["message"].startswith("its sensors do not go together as usual: vib-7 is at ")
    assert "mm/s where the others speak for" in seen["message"]
    assert "moved: vib-7" in seen["message"]
    assert seen["value"] - seen["expected"] > 0.1
    # Held: it is not learned by waiting, also by the next worker; an operator says that it is normal.
    await store_minutes(place, MINUTES + 30, 2000, fault=0.2)
    await look(place)
    assert await query(place, EVENTS) == [("raised", "machine", "machine:mill-7")]
    async with LearningStore(place.dsn, who="olga", whence="console-1") as store:
        (order,) = await store.order(["machine:mill-7"], LearningAction.ACCEPT, reason="new bearing")
    await store_minutes(place, MINUTES + 2030, 10, fault=0.2)
    await look(place)
    assert [event for event, _, _ in await query(place, EVENTS)] == ["raised", "returned"]
    assert await query(place, "SELECT order_id, part FROM learning_applied") == [(order, -1)]
    # Its events are on the alerts topic when a worker owns the partition.
    async with working(place):
        await until(place, "SELECT count(*) FROM outbox", [(0,)])
    assert {(event.event, event.kind) for event in await on_alerts(place)} >= {("raised", "machine")}


async def test_whoever_looks_and_however_often_the_same_follows(place: Place) -> None:  # noqa: F811
    await know_sensors(place)
    for first in range(0, 1500, 500):
        await store_minutes(place, first, 500)
        # Two at once: one holds the lock, the other passes by.
        one, other = stage(place), stage(place)
        looked = await asyncio.gather(one.turn(), other.turn())
        await asyncio.gather(one._session.close(), other._session.close())
        assert sum(looked) >= 499
        assert 0 in looked
    interrupted = await query(place, "SELECT state FROM machine_state")
    async with connection(place) as opened:
        await opened.execute("DELETE FROM machine_state")
    await look(place)
    assert await query(place, "SELECT state FROM machine_state") == interrupted


def as_reading(sensor: str, minute: int, half: int, value: float) -> tuple[bytes, bytes]:
    at = START + timedelta(minutes=minute, seconds=30 * half)
    spot = Location("hall", "mill-7", "zone-a")
    number = 2 * minute + half + 1
    return sensor.encode(), encode_reading(Reading(at, sensor, "x", spot, value, metadata=Metadata(number)))


async def test_readings_in_several_partitions_come_to_one_alarm_of_the_machine(place: Place) -> None:  # noqa: F811
    rng = random.Random(9)
    records = []
    for minute in range(700):
        for sensor, mean in zip(SENSORS, means(minute, rng), strict=True):
            wrong = 0.5 if sensor == "vib-7" and minute >= 640 else 0.0
            records += [as_reading(sensor, minute, half, mean + wrong) for half in (0, 1)]
    await publish(place, records)
    async with working(place):
        await until(place, "SELECT count(*) FROM readings", [(4200,)])
        await until(place, "SELECT count(*) FROM alarm_events WHERE kind = 'machine' AND event = 'raised'", [(1,)])
        await until(place, "SELECT count(*) FROM outbox", [(0,)])
    assert len(await query(place, "SELECT DISTINCT part FROM readings")) > 1
    told = [event for event in await on_alerts(place) if event.kind == "machine" and event.event == "raised"]
    assert [(event.sensor_id, event.detector) for event in told] == [("machine:mill-7", "relation")]
    assert "vib-7 is at" in told[0].message
