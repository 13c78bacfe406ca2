"""Detection on real brokers and a real database: every reading once, the same alarms in three places."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.kafka.worker import DetectionWorker, WorkerOptions
from controlroom.config import Settings, load_settings
from controlroom.local import Endpoints
from controlroom.wire import AlarmEvent, Location, Metadata, Reading, TopicSpec, encode_reading
from controlroom.wire.alarm import decode_alarm_event
from tests.conftest import MakeTopic

START = datetime(2026, 3, 1, tzinfo=UTC)
PLACE = Location("production", "machine-001", "zone-a")


@dataclass(frozen=True)
class Place:
    """Topics and a database of the test's own."""

    endpoints: Endpoints
    dsn: str
    settings: Settings

    @property
    def kafka(self) -> KafkaConnection:
        return KafkaConnection.of(self.endpoints.brokers, self.settings)

    def options(self, until_idle: float | None = 1.0) -> WorkerOptions:
        return worker_options(self.settings, until_idle=until_idle)


@pytest.fixture
async def place(endpoints: Endpoints, topics: MakeTopic, database: str) -> Place:
    data = await topics("sensor-data", partitions=3, config={"message.timestamp.type": "LogAppendTime"})
    alerts = await topics("alerts", partitions=2)
    await ensure_topics(endpoints.brokers, [TopicSpec(f"{data}.dlt", 1, {})])
    settings = load_settings(
        brokers=endpoints.brokers, dsn=database, sensor_topic=data, alerts_topic=alerts, group=f"group-{data}"
    )
    return Place(endpoints, database, settings)


def reading(sensor: str, number: int, value: float) -> bytes:
    at = START + timedelta(seconds=number)
    return encode_reading(
        Reading(at, sensor, "temperature", PLACE, value, "°C", "normal", 1.0, Metadata(number, 35.0, 40.0))
    )


def series(sensors: int, length: int) -> list[tuple[bytes, bytes]]:
    """Quiet sensors; each goes over its warning limit for a while, then over the critical one, in its own turn."""
    records = []
    for number in range(1, length + 1):
        for index in range(sensors):
            phase = (number + 7 * index) % 200
            value = 36.0 if 100 <= phase < 120 else 41.0 if 120 <= phase < 130 else 25.0 + (phase % 10) / 10
            name = f"temp-{index:03d}"
            records.append((name.encode(), reading(name, number, value)))
    return records


async def publish(place: Place, records: Sequence[tuple[bytes | None, bytes | None]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=place.endpoints.brokers, acks="all", linger_ms=10)
    await producer.start()
    try:
        sent = [await producer.send(place.settings.sensor_topic, key=key, value=value) for key, value in records]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def work(place: Place) -> list[AlarmEvent]:
    """One worker until it is idle; what it announced."""
    announced: list[AlarmEvent] = []
    worker = DetectionWorker(place.kafka, place.dsn, place.options(), on_events=announced.extend)
    async with asyncio.timeout(90):
        await worker.run(asyncio.Event())
    return announced


@asynccontextmanager
async def connection(place: Place) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(place.dsn)
    try:
        yield opened
    finally:
        await opened.close()


async def query(place: Place, sql: str) -> list[tuple[Any, ...]]:
    async with connection(place) as opened:
        return [tuple(row) for row in await opened.fetch(sql)]


async def on_alerts(place: Place) -> list[AlarmEvent]:
    """Everything on the alerts topic."""
    return [decode_alarm_event(record.value) for record in await on_topic(place, place.settings.alerts_topic, 2)]


async def on_topic(place: Place, topic: str, partitions: int) -> list[ConsumerRecord]:
    """Everything on a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=place.endpoints.brokers)
    await consumer.start()
    try:
        tps = [TopicPartition(topic, partition) for partition in range(partitions)]
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


STORED = "SELECT sensor_id, seq, value FROM readings ORDER BY sensor_id, seq, part, off"
EVENTS = "SELECT event_id FROM alarm_events"


#: Rows in which a roll-up and a direct count over the raw readings disagree.
ROLLUPS_THAT_DIFFER = """
SELECT * FROM (
    SELECT sensor_id, date_trunc('{unit}', event_ts, 'UTC') AS bucket, count(*) AS count, min(value) AS low,
           max(value) AS high, avg(value) AS mean, coalesce(var_samp(value), 0) AS variance,
           (array_agg(value ORDER BY event_ts DESC))[1] AS last
    FROM readings GROUP BY 1, 2) AS direct
FULL JOIN rollup_{unit} AS rolled USING (sensor_id, bucket)
WHERE rolled.count IS DISTINCT FROM direct.count OR rolled.low <> direct.low OR rolled.high <> direct.high
   OR abs(rolled.mean - direct.mean) > 1e-9 OR rolled.last <> direct.last
   OR abs(rolled.m2 / greatest(1, rolled.count - 1) - direct.variance) > 1e-9"""


async def rollups_agree(place: Place) -> bool:
    return not [row for unit in ("minute", "hour") for row in await query(place, ROLLUPS_THAT_DIFFER.format(unit=unit))]


async def test_every_reading_once_and_the_same_alarms_in_three_places(place: Place) -> None:
    await publish(place, series(sensors=12, length=400))
    announced = await work(place)
    assert await query(place, STORED) == [
        (f"temp-{index:03d}", number, json.loads(value)["value"])
        for index in range(12)
        for (number, value) in enumerate((v for k, v in series(12, 400) if k == f"temp-{index:03d}".encode()), start=1)
    ]
    ids = {event.event_id for event in announced}
    assert len(ids) == len(announced) > 24
    assert {row[0] for row in await query(place, EVENTS)} == ids
    assert {event.event_id for event in await on_alerts(place)} == ids
    assert await query(place, "SELECT count(*) FROM outbox") == [(0,)]
    assert await rollups_agree(place)
    assert await query(place, "SELECT count(*), sum(count) FROM rollup_minute") == [(12 * 7, 4800)]
    raised = [event for event in announced if event.event == "raised" and event.kind == "limit"]
    assert {event.sensor_id for event in raised} == {f"temp-{index:03d}" for index in range(12)}
    assert all(event.value is not None and event.limit == 35.0 and "35" in event.message for event in raised)


BAD: list[tuple[bytes | None, bytes | None]] = [
    (b"temp-000", None),
    (b"temp-000", b""),
    (b"temp-000", b'{"half": '),
    (b"temp-000", reading("temp-000", 3, 25.0) + b"tail"),
    (b"temp-000", b"\xef\xbb\xbf" + reading("temp-000", 3, 25.0)),
    (b"temp-000", b"\xff\xfe\x00"),
    (b"temp-000", reading("temp-000", 3, 1234.5).replace(b"1234.5", b"NaN")),
    (b"temp-000", reading("temp-000", 3, 1234.5).replace(b"1234.5", b"1e999")),
    (b"temp-000", reading("temp-000", 3, 1234.5).replace(b"1234.5", b"true")),
    (b"temp-000", b"[" * 60_000),
    (b"temp-000", b"x" * 200_000),
    (b"temp-000", reading("temp\x00000", 3, 25.0)),
    (None, reading("temp-000", 3, 25.0)),
    (b"temp-001", reading("temp-000", 3, 25.0)),
]


async def test_each_bad_record_is_one_reject_and_the_batch_goes_on(place: Place) -> None:
    before = [(b"temp-000", reading("temp-000", number, 25.0)) for number in (1, 2)]
    after = [(b"temp-000", reading("temp-000", number, 25.0)) for number in (3, 4)]
    await publish(place, [*before, *BAD, *after])
    await work(place)
    assert await query(place, "SELECT count(*), count(DISTINCT (part, off)) FROM rejects") == [(len(BAD), len(BAD))]
    assert [row[1] for row in await query(place, STORED)] == [1, 2, 3, 4]
    kept = await query(place, "SELECT raw_size, length(raw), reason FROM rejects ORDER BY raw_size DESC LIMIT 1")
    assert kept == [(200_000, 65_536, "too-large")]
    letters = await on_topic(place, f"{place.settings.sensor_topic}.dlt", 1)
    stored = await query(place, "SELECT part, off, reason, raw FROM rejects ORDER BY part, off")
    told = []
    for letter in letters:
        headers = {name: value.decode() for name, value in letter.headers}
        at = int(headers["__connect.errors.partition"]), int(headers["__connect.errors.offset"])
        told.append((*at, headers["controlroom.reason"], letter.value))
        assert headers["__connect.errors.topic"] == place.settings.sensor_topic
        assert headers["__connect.errors.exception.message"].startswith(headers["controlroom.reason"])
    assert sorted(told, key=lambda row: row[:2]) == stored
    assert [row[:2] for row in told if row[0] == told[0][0]] == [row[:2] for row in stored if row[0] == told[0][0]]
    assert await query(place, "SELECT count(*) FROM outbox") == [(0,)]


async def test_late_readings_correct_their_own_minute(place: Place) -> None:
    order = [*range(1, 200), 401, *range(200, 260)]
    await publish(place, [(b"temp-000", reading("temp-000", number, float(number))) for number in order[:150]])
    await work(place)
    await publish(place, [(b"temp-000", reading("temp-000", number, float(number))) for number in order[150:]])
    await work(place)
    assert await rollups_agree(place)
    assert await query(place, "SELECT sum(count) FROM rollup_minute") == [(len(order),)]


async def test_a_second_run_goes_on_where_the_first_ended(place: Place) -> None:
    records = series(sensors=6, length=300)
    half = len(records) // 2
    await publish(place, records[:half])
    first = await work(place)
    await publish(place, records[half:])
    second = await work(place)
    assert await query(place, "SELECT count(*), count(DISTINCT (part, off)) FROM readings") == [(1800, 1800)]
    assert not {event.event_id for event in first} & {event.event_id for event in second}

    # The oracle: the same topic by a worker that was never interrupted, into a database of its own.
    ids = "SELECT event_id, occurrence_id, version, event, at FROM alarm_events ORDER BY 1"
    alarms = await query(place, ids)
    async with connection(place) as opened:
        await opened.execute("SET session_replication_role = replica")  # the journal lets nobody delete, but for this
        for table in ("watermark", "detector_state", "readings", "alarms", "alarm_events", "sensors"):
            await opened.execute(f"DELETE FROM {table}")
    await work(replace(place, settings=place.settings.model_copy(update={"group": f"{place.settings.group}-oracle"})))
    assert await query(place, ids) == alarms


def detect_process(place: Place, *options: str, log: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "KAFKA_BROKERS": place.endpoints.brokers,
        "CONTROLROOM_DSN": place.dsn,
        "SENSOR_TOPIC": place.settings.sensor_topic,
        "CONTROLROOM_ALERTS_TOPIC": place.settings.alerts_topic,
        "CONTROLROOM_GROUP": place.settings.group,
    }
    command = [sys.executable, "-m", "controlroom", "detect", *options]
    with log.open("ab") as stderr:
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr)


async def count(place: Place) -> int:
    return int((await query(place, "SELECT count(*) FROM readings"))[0][0])


async def test_kill_9_in_the_middle_loses_nothing_and_repeats_nothing(place: Place, tmp_path: Path) -> None:
    records = series(sensors=10, length=600)
    log = tmp_path / "log"
    feeding = asyncio.create_task(_publish_slowly(place, records))
    for turn in range(1, 4):
        victim = detect_process(place, log=log)
        try:
            await _until(place, lambda stored, turn=turn: stored >= 1500 * turn)  # type: ignore[misc]
        finally:
            victim.kill()
            victim.wait()
            assert victim.stdout is not None
            victim.stdout.close()
    await feeding
    # The killed member's session must run out before its partitions are given to the next one.
    last = detect_process(place, "--until-idle", "2", log=log)
    out, _ = await asyncio.to_thread(last.communicate)
    assert last.returncode == 0, log.read_text()
    assert await query(place, "SELECT count(*), count(DISTINCT (part, off)) FROM readings") == [(6000, 6000)]
    assert await rollups_agree(place)
    stored = {row[0] for row in await query(place, EVENTS)}
    assert {event.event_id for event in await on_alerts(place)} == stored
    assert {json.loads(line)["event_id"] for line in out.splitlines()} <= stored


async def _publish_slowly(place: Place, records: list[tuple[bytes, bytes]]) -> None:
    for start in range(0, len(records), 250):
        await publish(place, records[start : start + 250])


async def _until(place: Place, condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition(await count(place)):
            await asyncio.sleep(0.05)


async def test_sigterm_ends_cleanly_with_everything_committed(place: Place, tmp_path: Path) -> None:
    await publish(place, series(sensors=3, length=100))
    log = tmp_path / "log"
    process = detect_process(place, log=log)
    try:
        await _until(place, lambda stored: stored == 300)
        process.send_signal(signal.SIGTERM)
        out, _ = await asyncio.to_thread(process.communicate, timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, log.read_text()
    assert '"readings": 300' in log.read_text()
    ids = {json.loads(line)["event_id"] for line in out.splitlines()}
    assert ids == {row[0] for row in await query(place, EVENTS)}
    assert await query(place, "SELECT sum(next_offset - state_offset) FROM watermark") == [(0,)]


async def test_two_workers_share_the_partitions_and_nothing_is_lost_or_repeated(place: Place) -> None:
    feeding = asyncio.create_task(_publish_slowly(place, series(sensors=10, length=500)))
    stop = asyncio.Event()
    workers = [DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None)) for _ in range(2)]
    running = [asyncio.create_task(workers[0].run(stop))]
    await _until(place, lambda stored: stored > 500)
    running.append(asyncio.create_task(workers[1].run(stop)))
    async with asyncio.timeout(60):
        # Each partition is brought up in its own time: one may be ready while another is still being claimed.
        while sorted((*workers[0].partitions, *workers[1].partitions)) != [0, 1, 2] or not workers[1].partitions:
            await asyncio.sleep(0.05)
    assert all(worker.partitions for worker in workers)
    await feeding
    await _until(place, lambda stored: stored == 5000)
    stop.set()
    await asyncio.gather(*running)
    assert await query(place, "SELECT count(*), count(DISTINCT (part, off)) FROM readings") == [(5000, 5000)]
    assert {event.event_id for event in await on_alerts(place)} == {row[0] for row in await query(place, EVENTS)}
