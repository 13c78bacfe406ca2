"""What bridges tell, through real brokers and into a real PostgreSQL: told, read, forgotten, and made alarms of."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import time
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from bridges.teller import Teller
from controlroom.adapters.console.link import Link
from controlroom.adapters.kafka.bridge_follower import BridgeFollower
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.postgres.bridge_alarms import HOLDER, BridgeAlarms
from controlroom.config import load_settings
from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.definitions import parse_definitions
from controlroom.core.alarms.model import DROPPED_KIND, Alarm, Label, decode_alarm
from controlroom.core.plant_state import PlantState
from controlroom.local import Endpoints
from controlroom.wire.bridge import encode_bridge_report
from tests.command import run_beside
from tests.conftest import MakeTopic
from tests.fakes.bridges import bridge

COMPACTED = {"cleanup.policy": "compact"}
#: What is cleared is over a second later.
DEFINITIONS = parse_definitions(f'[[alarm]]\nkind = "{GROUP_KIND}"\noff_delay_s = 1')


async def until(condition: Callable[[], bool], patience: float = 30.0) -> None:
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def kafka(endpoints: Endpoints) -> KafkaConnection:
    return KafkaConnection.of(endpoints.brokers, load_settings(brokers=endpoints.brokers))


async def test_a_bridge_tells_its_newest_report_and_its_last_word(kafka: KafkaConnection, topics: MakeTopic) -> None:
    topic = await topics("bridges", config=COMPACTED)
    teller, follower = Teller(kafka.options, topic), BridgeFollower(kafka, topic)
    telling, following = asyncio.create_task(teller.run()), asyncio.create_task(follower.run())
    now = time.time()
    try:
        for number in range(50):
            teller.tell(bridge("b", now, sent=number))
        await until(lambda: [view.report.sent for view in follower.views() or ()] == [49])
        assert (follower.views() or ())[0].state == "runs"
        # Whether a bridge is lost is not known before it had the time to tell something.
        assert follower.alarms() is None
        teller.tell(bridge("b", now, stopped=True))
        await teller.end(telling)
        await until(lambda: [view.state for view in follower.views() or ()] == ["stopped"])
        await until(lambda: follower.alarms() == {})
    finally:
        following.cancel()
        await asyncio.wait([following])


async def test_a_topic_that_is_missing_is_said_once_and_ends_nothing(
    kafka: KafkaConnection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bridges.teller")
    missing = Teller(kafka.options, "no-such-topic")
    telling = asyncio.create_task(missing.run())
    missing.tell(bridge("b", time.time()))
    await until(lambda: bool(caplog.records))
    # Further attempts have begun and failed.
    attempts = 0
    connect = Teller._connected

    async def counted(self: Teller) -> None:
        nonlocal attempts
        try:
            await connect(self)
        finally:
            attempts += 1

    monkeypatch.setattr(Teller, "_connected", counted)
    await until(lambda: attempts >= 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "there is no topic 'no-such-topic'" in caplog.text
    began = time.monotonic()
    await missing.end(telling)
    assert time.monotonic() - began < 10
    follower = BridgeFollower(kafka, "no-such-topic")
    assert await follower.look() is None


async def test_who_looks_once_tells_a_lost_bridge_from_one_that_runs(kafka: KafkaConnection, topics: MakeTopic) -> None:
    topic = await topics("bridges", config=COMPACTED)
    teller = Teller(kafka.options, topic)
    telling = asyncio.create_task(teller.run())
    producer = AIOKafkaProducer(**kafka.options, acks="all")
    await producer.start()
    now = time.time()
    try:
        for name, age in (("gone", 30.0), ("here", 30.0)):
            raw = encode_bridge_report(bridge(name, now - age))
            await producer.send_and_wait(topic, raw, key=name.encode(), timestamp_ms=round((now - age) * 1000))
        for poison in (b"", b"{", b"\xff" * 100_000):
            await producer.send_and_wait(topic, poison, key=b"here")
        looking = asyncio.create_task(BridgeFollower(kafka, topic).look())
        while not looking.done():
            teller.tell(bridge("here", time.time()))
            await asyncio.sleep(0.2)
        views = await looking
    finally:
        await producer.stop()
        await teller.end(telling)
    assert [(view.name, view.state) for view in views or ()] == [("gone", "lost"), ("here", "runs")]


async def test_a_bridge_is_forgotten_by_command_and_by_the_screens(
    endpoints: Endpoints, kafka: KafkaConnection, topics: MakeTopic, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await topics("bridges", config=COMPACTED)
    settings = load_settings(brokers=endpoints.brokers, dsn=database, bridges_topic=topic)
    state = PlantState()
    link = Link(kafka, database, settings.topics, "nobody", state, operator="tester")
    stop = asyncio.Event()
    running = asyncio.create_task(link.run(stop))
    teller = Teller(kafka.options, topic)
    telling = asyncio.create_task(teller.run())
    monkeypatch.setenv("CONTROLROOM_BRIDGES_TOPIC", topic)

    async def forget(name: str) -> subprocess.CompletedProcess[str]:
        return await run_beside("bridge", "forget", name, "--brokers", endpoints.brokers)

    def shown() -> list[str]:
        return [view.name for view in state.bridges.bridges] if state.bridges is not None else []

    try:
        teller.tell(bridge("old", time.time()))
        await until(lambda: shown() == ["old"])
        unknown = await forget("other")
        assert (unknown.returncode, "no bridge 'other' has told anything" in unknown.stderr) == (4, True)
        done = await forget("old")
        assert (done.returncode, done.stdout) == (0, "old is forgotten\n"), done.stderr
        await until(lambda: shown() == [])
    finally:
        await teller.end(telling)
        stop.set()
        await running


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(database)
    yield made
    await made.close()


async def stored(connection: asyncpg.Connection) -> dict[tuple[str, str], Alarm]:
    rows = await connection.fetch("SELECT sensor_id, kind, doc FROM alarms")
    return {(row["sensor_id"], row["kind"]): decode_alarm(row["doc"]) for row in rows}


async def test_alarms_are_raised_once_and_end_also_by_another_worker(
    database: str, connection: asyncpg.Connection
) -> None:
    wanted: dict[tuple[str, str], str] | None = {("bridge:b", GROUP_KIND): "lost", ("bridge:b", DROPPED_KIND): "full"}
    first = BridgeAlarms(lambda: wanted, DEFINITIONS, "readings")
    for _ in range(3):
        await first.turn(connection)
    alarms = await stored(connection)
    assert {key: (alarm.label, alarm.holders) for key, alarm in alarms.items()} == {
        ("bridge:b", GROUP_KIND): (Label.UNACK, (HOLDER,)),
        ("bridge:b", DROPPED_KIND): (Label.UNACK, (HOLDER,)),
    }
    assert {alarm.detection.message for alarm in alarms.values() if alarm.detection} == {"lost", "full"}
    second = await asyncpg.connect(database)
    try:
        other = BridgeAlarms(lambda: wanted, DEFINITIONS, "readings")
        wanted = None  # it does not know yet how bridges are
        await other.turn(second)
        assert {alarm.label for alarm in (await stored(second)).values()} == {Label.UNACK}
        wanted = {}
        async with asyncio.timeout(20):
            while {alarm.label for alarm in (await stored(second)).values()} != {Label.RTN_UNACK}:
                await other.turn(second)
                await asyncio.sleep(0.05)
        events = await second.fetch("SELECT kind, event FROM alarm_events ORDER BY kind, version")
        assert [tuple(row) for row in events] == [
            (GROUP_KIND, "raised"),
            (GROUP_KIND, "clearing"),
            (GROUP_KIND, "returned"),
            (DROPPED_KIND, "raised"),
            (DROPPED_KIND, "clearing"),
            (DROPPED_KIND, "returned"),
        ]
    finally:
        await second.close()
