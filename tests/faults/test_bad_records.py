"""Records that are not readings, in every way and in any number: good sensors go on, and operators are told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaProducer

from benchmarks._topic import fill
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.core.intake import KEPT_A_MINUTE, REJECTS_A_MINUTE
from controlroom.local import Endpoints
from controlroom.wire import Metadata, Reading, TopicSpec, encode_reading
from tests.faults.load import on_alerts, rows
from tests.faults.scene import PLACE, Scene, reading

MB = 1024 * 1024
GOOD = b"temp-000"


def told(number: int, *, at: datetime | None = None, value: float = 25.0) -> bytes:
    when = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=number) if at is None else at
    metadata = Metadata(number, 35.0, 40.0)
    return encode_reading(Reading(when, GOOD.decode(), "temperature", PLACE, value, "°C", "normal", 1.0, metadata))


async def publish(scene: Scene, records: Sequence[tuple[bytes | None, bytes | None]]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=scene.settings.brokers, acks="all", linger_ms=10, max_request_size=16 * MB
    )
    await producer.start()
    try:
        sent = [await producer.send(scene.settings.sensor_topic, key=key, value=value) for key, value in records]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def work(scene: Scene, *, patience: float = 60) -> None:
    worker = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(worker.wait, patience)
    assert worker.returncode == 0, scene.log.read_text()


async def test_a_message_of_10_mb_is_kept_by_its_hash_and_the_next_record_goes_on(scene: Scene) -> None:
    spec = TopicSpec(f"{scene.settings.sensor_topic}-large", 1, {"max.message.bytes": str(12 * MB)})
    await ensure_topics(scene.settings.brokers or "", [spec])
    scene.settings = scene.settings.model_copy(update={"sensor_topic": spec.name})
    await ensure_topics(scene.settings.brokers or "", [TopicSpec(scene.settings.topics.dead_letters, 1, {})])
    large = [bytes([65 + size]) * (size * MB) for size in (1, 10)]
    await publish(scene, [(GOOD, told(1)), (GOOD, large[0]), (GOOD, told(2)), (GOOD, large[1]), (GOOD, told(3))])
    await work(scene)
    assert await rows(scene, "SELECT off, seq FROM readings ORDER BY off") == [(0, 1), (2, 2), (4, 3)]
    kept = await rows(scene, "SELECT off, reason, raw_size, length(raw), sha256 FROM rejects ORDER BY off")
    assert kept == [
        (off, "too-large", len(raw), 65_536, hashlib.sha256(raw).digest())
        for off, raw in zip((1, 3), large, strict=True)
    ]


async def test_each_rule_of_the_wire_is_kept_and_counted(scene: Scene) -> None:
    again = told(1, value=1.5).replace(b'"value":1.5', b'"value":1.0,"value":2.0')
    more = told(2).replace(b'{"timestamp"', b'{"firmware":{"v":[1,2]},"timestamp"')
    other = told(3).replace(b'{"timestamp"', b'{"schema_version":"2.0","timestamp"')
    minor = told(3).replace(b'{"timestamp"', b'{"schema_version":"1.9","timestamp"')
    await publish(scene, [(GOOD, raw) for raw in (again, more, other, minor)])
    await work(scene)
    assert await rows(scene, "SELECT seq, value FROM readings ORDER BY off") == [(1, 2.0), (2, 25.0), (3, 25.0)]
    assert await rows(scene, "SELECT reason, count(*) FROM rejects GROUP BY 1") == [("unknown-version", 1)]


async def test_wrong_clocks_are_flagged_and_do_not_move_the_sensors_time(scene: Scene) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    wrong = [
        datetime(1970, 1, 2, tzinfo=UTC),
        datetime.now(UTC) + timedelta(days=3653),
        # Milliseconds that were taken for seconds count from 1970, a thousand times too slowly.
        datetime.fromtimestamp(start.timestamp() / 1000, UTC),
    ]
    records = [told(number) for number in range(1, 100)]
    records += [told(100 + index, at=at) for index, at in enumerate(wrong)]
    # Had one of them moved its clock, the limit's delay of 30 s would end at once, or never.
    records += [told(number, value=36.0 if number < 110 else 25.0) for number in range(103, 200)]
    await publish(scene, [(GOOD, raw) for raw in records])
    await work(scene)
    # The end of a delay is told by the first reading of the next batch.
    await publish(scene, [(GOOD, told(200))])
    await work(scene)
    flagged = await rows(scene, "SELECT seq FROM readings WHERE quality = 0 ORDER BY seq")
    assert flagged == [(100,), (101,), (102,)]
    events = await rows(
        scene, "SELECT event, at FROM alarm_events WHERE kind = 'limit' AND event IN ('raised', 'returned') ORDER BY at"
    )
    assert events == [("raised", start + timedelta(seconds=103)), ("returned", start + timedelta(seconds=140))]


async def test_repeats_and_disorder_are_told(scene: Scene) -> None:
    numbers = [*range(1, 60), 59, 60, 61, 63, 62, 64]
    await publish(scene, [(GOOD, told(number)) for number in numbers])
    await work(scene)
    kinds = {row[0] for row in await rows(scene, "SELECT DISTINCT kind FROM alarm_events WHERE event = 'raised'")}
    assert {"duplicate", "order"} <= kinds


async def test_a_flood_of_poison_is_an_alarm_bounded_and_over_when_it_ends(scene: Scene) -> None:
    """Five minutes of a partition's time, as the records' own timestamps tell it: more than 32 MB of poison."""
    topic = f"{scene.settings.sensor_topic}-poison"
    specs = [TopicSpec(topic, 1, {"message.timestamp.type": "CreateTime"}), TopicSpec(f"{topic}.dlt", 1, {})]
    await ensure_topics(scene.settings.brokers or "", specs)
    scene.settings = scene.settings.model_copy(update={"sensor_topic": topic})
    began = datetime.now(UTC) - timedelta(minutes=20)
    producer = AIOKafkaProducer(bootstrap_servers=scene.settings.brokers, acks="all", linger_ms=20)
    await producer.start()
    try:
        sent = []
        good = bad = 0
        for second in range(8 * 60):
            at = began + timedelta(seconds=second)
            stamp = round(at.timestamp() * 1000)
            for _ in range(20 if second < 5 * 60 else 0):
                poison = b"poison %d " % bad * 400
                sent.append(await producer.send(topic, key=b"bad-sensor", value=poison, timestamp_ms=stamp))
                bad += 1
            good += 1
            sent.append(await producer.send(topic, key=GOOD, value=told(good, at=at), timestamp_ms=stamp))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    await work(scene)
    assert await rows(scene, "SELECT count(*), max(seq) FROM readings") == [(good, good)]
    ((count, kept, whole),) = await rows(
        scene, "SELECT count(*), sum(length(coalesce(raw, ''))), sum(raw_size) FROM rejects"
    )
    assert count == bad > 8 * REJECTS_A_MINUTE
    assert isinstance(kept, int)
    assert 0 < kept <= 6 * KEPT_A_MINUTE < whole  # type: ignore[operator]
    events = await rows(scene, "SELECT event FROM alarm_events WHERE kind = 'rejects' ORDER BY version")
    assert [event for event in events if event != ("clearing",)] == [("raised",), ("returned",)]
    assert [record.key for record in await on_alerts(scene)].count(b"partition:0") == len(events)


async def test_too_many_sensors_are_capped_with_an_alarm_and_the_others_unaffected(
    endpoints: Endpoints, database: str, tmp_path: Path
) -> None:
    scene = await Scene.make(endpoints.brokers, database, tmp_path, max_sensors=20)
    try:
        await scene.publish(20)
        scene.sensors = 400
        scene.sent = 0
        await scene.publish(3)
        await work(scene)
        most = "SELECT max(n) FROM (SELECT count(DISTINCT sensor_id) AS n FROM readings GROUP BY part) p"
        assert await scene.value(most) == 20
        assert await scene.value("SELECT count(*) FROM rejects WHERE reason = 'too-many-sensors'") == 3 * (400 - 60)
        assert await scene.value("SELECT count(*) FROM readings WHERE sensor_id < 'temp-030'") == 30 * 20 + 30 * 3
        alarms = await rows(
            scene, "SELECT sensor_id, state, severity FROM alarms WHERE kind = 'sensor-limit' ORDER BY sensor_id"
        )
        assert alarms == [(f"partition:{part}", "UNACK", "critical") for part in range(3)]
    finally:
        scene.close()


@pytest.mark.faults_slow
@pytest.mark.timeout(600)
async def test_a_million_sensors_that_nobody_has(endpoints: Endpoints, database: str, tmp_path: Path) -> None:
    scene = await Scene.make(endpoints.brokers, database, tmp_path, max_sensors=2_000, store_readings="none")
    try:
        worker = scene.start_worker()
        await scene.publish(20)
        await scene.until_committed(scene.sent)
        before = psutil.Process(worker.pid).memory_info().rss
        for first in range(0, 1_000_000, 50_000):
            names = [f"nobody-{index}" for index in range(first, first + 50_000)]
            made = [(name.encode(), reading(name, 1, 25.0)) for name in names]
            await fill(endpoints.brokers, scene.settings.sensor_topic, 3, made)
        await scene.publish(20)
        await scene.until_committed(1_000_000 + scene.sent, patience=400)
        grown = psutil.Process(worker.pid).memory_info().rss - before
        assert grown < 250 * MB
        known = await scene.value("SELECT count(*) FROM sensors")
        assert known == 3 * 2_000
        refused = await scene.value("SELECT count(*) FROM rejects WHERE reason = 'too-many-sensors'")
        assert refused == 1_000_000 - (known - scene.sensors)  # type: ignore[operator]
        # The good sensors' every reading is in their roll-ups.
        scene.stop_workers(15)
        await asyncio.to_thread(worker.wait, 30)
        assert await scene.value("SELECT sum(count) FROM rollup_minute WHERE sensor_id LIKE 'temp-%'") == scene.sent
        assert await scene.value("SELECT count(*) FROM alarms WHERE kind = 'sensor-limit' AND state = 'UNACK'") == 3
    finally:
        scene.close()
