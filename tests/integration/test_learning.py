"""What operators tell the detectors reaches the worker that watches the sensor, once, and survives it."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controlroom.adapters.fsck.audit import AuditOptions, audit
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.learning import LearningStore, read_facts
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.learning import LearningAction
from controlroom.errors import ActionRefused
from controlroom.wire import AlarmEvent
from detectors import Profile, SensorBank
from tests.command import run_here
from tests.integration.test_detection import (
    Place,
    connection,
    detect_process,
    place,  # noqa: F401 - a fixture
    publish,
    query,
    reading,
)

SENSOR = "temp-000"
APPLIED = "SELECT order_id, off FROM learning_applied ORDER BY order_id"
# A step is found as a spike first, and its level joins that alarm.
LEVELS = """
SELECT event FROM alarm_events WHERE doc -> 'kinds' ? 'level' AND event IN ('raised', 'joined', 'recurred')
ORDER BY at, version"""


def readings(first: int, count: int, level: float) -> list[tuple[bytes, bytes]]:
    rng = random.Random(first)
    return [
        (SENSOR.encode(), reading(SENSOR, number, round(level + rng.gauss(0, 0.15), 4)))
        for number in range(first, first + count)
    ]


@asynccontextmanager
async def working(place: Place) -> AsyncIterator[list[AlarmEvent]]:  # noqa: F811
    """A worker in this process, which ends cleanly."""
    announced: list[AlarmEvent] = []
    stop = asyncio.Event()
    worker = DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None), on_events=announced.extend)
    task = asyncio.create_task(worker.run(stop))
    try:
        yield announced
    finally:
        stop.set()
        await task


async def until(place: Place, sql: str, wanted: object) -> None:  # noqa: F811
    async with asyncio.timeout(60):
        while (found := await query(place, sql)) != wanted:
            await asyncio.sleep(0.1)
            assert found is not None


def learning_store(place: Place) -> LearningStore:  # noqa: F811
    return LearningStore(place.dsn, who="olga", whence="console-1")


async def test_a_held_level_is_never_learned_until_an_operator_accepts_it(place: Place) -> None:  # noqa: F811
    await publish(place, readings(1, 3000, 25.0) + readings(3001, 300, 31.0))
    async with working(place):
        await until(place, LEVELS, [("joined",)])
    # Another worker takes over, and much later it is still an alarm.
    await publish(place, readings(3301, 4000, 31.0))
    async with working(place):
        await until(place, "SELECT count(*) FROM readings", [(7300,)])
        assert await query(place, LEVELS) == [("joined",)]
        async with learning_store(place) as operator:
            (order,) = await operator.order([SENSOR], LearningAction.ACCEPT, reason="new recipe")
        async with actions(place) as store:
            await store.ack_now(SENSOR, "level")
        # No reading is needed for it: its offset is that of the next one.
        await until(place, APPLIED, [(order, 7300)])
    # It is carried out once, also when the next worker looks; and where it is held is normal from then on.
    await publish(place, readings(7301, 1000, 31.0))
    async with working(place):
        await until(place, "SELECT count(*) FROM readings", [(8300,)])
        await until(place, "SELECT count(*) FROM alarms WHERE kind = 'spike' AND state = 'NORMAL'", [(1,)])
    assert await query(place, APPLIED) == [(order, 7300)]
    assert (await query(place, LEVELS)).count(("joined",)) == 1
    # What the sensor's screen says of its detectors comes from their state.
    async with connection(place) as opened:
        facts = await read_facts(opened, place.settings.group, place.settings.sensor_topic, SENSOR)
    assert (facts.signal, facts.waiting) == ("noisy", ())
    assert all(factor > 1.0 for _, factor in facts.raised_limits)
    # An uninterrupted run that is told where the order was carried out comes to the same states, and to the same
    # alarms as far as nobody had acted on them.
    found = await audit(place.kafka, place.dsn, place.options(), AuditOptions(every_reading=True, alarms=True))
    assert not found.findings, found
    assert (found.states, found.acted) == (1, 1)
    assert await query(place, "SELECT who, whence, action, request->>'reason' FROM audit ORDER BY id") == [
        ("olga", "console-1", "AcceptLevel", "new recipe"),
        ("olga", "console-1", "Ack", None),
    ]


async def test_a_frozen_sensor_stays_frozen_over_a_crash(place: Place, tmp_path: Path) -> None:  # noqa: F811
    await publish(place, readings(1, 400, 25.0))
    async with working(place):
        await until(place, "SELECT count(*) FROM detector_state WHERE sensor_id <> '' AND state <> ''", [(1,)])
    async with learning_store(place) as operator:
        with pytest.raises(ActionRefused, match="no sensor 'temp-9'"):
            await operator.order([SENSOR, "temp-9"], LearningAction.FREEZE)
        assert await query(place, "SELECT count(*) FROM audit") == [(0,)]
        (order,) = await operator.order([SENSOR], LearningAction.FREEZE)
        # Nobody works now; then somebody does, and the sensor has yet to speak.
        assert await operator.applied(place.settings.group, [order]) == 0
        await publish(place, readings(401, 1, 25.0))
        victim = detect_process(place, log=tmp_path / "log")
        try:
            await until(place, APPLIED, [(order, 401)])
        finally:
            victim.kill()
            await asyncio.to_thread(victim.communicate)
        assert [(o.action, o.off) for o in await operator.list(place.settings.group, "temp-*")] == [
            (LearningAction.FREEZE, 401)
        ]
    assert (await bank_of(place)).frozen
    await publish(place, readings(402, 100, 25.0))
    async with working(place):
        await until(place, "SELECT count(*) FROM readings", [(501,)])
    assert (await bank_of(place)).frozen


async def bank_of(place: Place) -> SensorBank:  # noqa: F811
    ((state,),) = await query(place, f"SELECT state FROM detector_state WHERE sensor_id = '{SENSOR}'")
    return SensorBank.load(Profile(), state)


async def test_an_alarm_that_is_marked_as_false_reaches_the_detectors(place: Place) -> None:  # noqa: F811
    await publish(place, readings(1, 3000, 25.0) + readings(3001, 300, 31.0))
    async with working(place):
        await until(place, LEVELS, [("joined",)])
        await until(place, "SELECT count(*) FROM detector_state WHERE sensor_id <> '' AND state <> ''", [(1,)])
        before = (await bank_of(place))._state.values.step.up
        async with actions(place) as store:
            await store.mark_false(SENSOR, "level", "the recipe changed")
        await until(place, "SELECT count(*) FROM learning_applied", [(1,)])
    assert (await bank_of(place))._state.values.step.up.limit > 1.2 * before.limit


@asynccontextmanager
async def actions(place: Place) -> AsyncIterator[AlarmActionStore]:  # noqa: F811
    store = AlarmActionStore(place.dsn, Definitions(), who="olga", whence="console-1", by_any_kind=True)
    try:
        yield store
    finally:
        await store.close()


def controlroom(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:  # noqa: F811
    options = [] if arguments[-1] == "--help" else ["--dsn", place.dsn, "--group", place.settings.group]
    return run_here("learning", *arguments, *options)


async def test_the_commands(place: Place) -> None:  # noqa: F811
    await publish(place, readings(1, 400, 25.0))
    async with working(place):
        await until(place, "SELECT count(*) FROM detector_state WHERE sensor_id <> '' AND state <> ''", [(1,)])
        done = await asyncio.to_thread(
            controlroom, place, "maintenance", SENSOR, "--for", "2h", "--reason", "oil", "--wait", "30"
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("temp-000: nothing is learned from ")
    listed = await asyncio.to_thread(controlroom, place, "list", "--json")
    (document,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (document["action"], document["offset"], document["request"]["reason"]) == ("maintenance", 400, "oil")
    assert len((await bank_of(place))._state.pauses) == 1
    late = await asyncio.to_thread(controlroom, place, "thaw", SENSOR, "--wait", "0.3")
    assert late.returncode == 7
    assert "no worker of group" in late.stderr
    unknown = await asyncio.to_thread(controlroom, place, "freeze", "temp-9")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (8, 1)
    assert "no sensor 'temp-9'" in unknown.stderr
    crooked = await asyncio.to_thread(controlroom, place, "maintenance", SENSOR, "--reason", "oil")
    assert (crooked.returncode, "--for or --until" in crooked.stderr) == (4, True)
