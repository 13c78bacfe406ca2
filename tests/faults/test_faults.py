"""What must be survived: after each fault nothing is lost, nothing is there twice, alarms are those of a quiet run."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.local import LocalPlant
from tests.faults.scene import Scene

# A client that connects while the server recovers leaves what asyncpg does not close; it is not ours.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@asynccontextmanager
async def load(scene: Scene) -> AsyncIterator[None]:
    """Readings keep coming while the block runs."""
    stop = asyncio.Event()
    feeding = asyncio.create_task(scene.feed(stop))
    try:
        yield
    finally:
        stop.set()
        await feeding


async def assert_as_if_nothing_had_happened(scene: Scene) -> None:
    await scene.drain()
    found = await scene.audited()
    assert found.findings == [], scene.log.read_text()[-3000:]
    assert found.readings >= scene.sent - scene.sensors * 10 > 0
    assert found.alarm_events > 0


async def test_postgres_crashes_under_load(scene: Scene) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        for _ in range(2):
            before = await scene.committed()
            await scene.crash_postgres()
            await scene.until_committed(before + 2000, patience=30)
    await assert_as_if_nothing_had_happened(scene)


async def test_backends_are_killed_again_and_again(scene: Scene) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(1000)
        for _ in range(10):
            before = await scene.committed()
            await scene.value(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await scene.until_committed(before + 1, patience=20)
    await assert_as_if_nothing_had_happened(scene)


async def test_retention_passes_the_watermark_and_leaves_a_recorded_gap(scene: Scene) -> None:
    await scene.publish(100)
    first = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(first.wait, 60)
    await scene.publish(50)
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.settings.brokers)
    await admin.start()
    marks = dict(await rows(scene, "SELECT part, next_offset FROM watermark ORDER BY part"))
    try:
        topic = scene.settings.sensor_topic
        await admin.delete_records(
            {TopicPartition(topic, part): RecordsToDelete(mark + 5) for part, mark in marks.items()}
        )
    finally:
        await admin.close()
    second = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(second.wait, 60)
    gaps = await rows(scene, "SELECT part, from_offset, to_offset, reason FROM gaps ORDER BY part")
    assert gaps == [(part, mark, mark + 5, "retention") for part, mark in marks.items()]
    stored = await scene.value("SELECT count(DISTINCT (part, off)) FROM readings")
    assert stored == await scene.value("SELECT count(*) FROM readings") == 30 * 150 - 5 * len(marks)


async def test_what_the_outbox_still_holds_is_delivered_again_with_the_same_id(scene: Scene) -> None:
    await scene.publish(150)
    first = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(first.wait, 60)
    # As after a crash between the brokers' confirmation and the mark.
    insert = (
        "INSERT INTO outbox (topic, part, event_id, key, payload) "
        "SELECT $1, 0, event_id, sensor_id, convert_to(doc::text, 'UTF8') FROM alarm_events LIMIT 3"
    )
    connection = await asyncpg.connect(scene.dsn)
    await connection.execute(insert, scene.settings.sensor_topic)
    await connection.close()
    second = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(second.wait, 60)
    assert await scene.value("SELECT count(*) FROM outbox") == 0
    keys = await on_alerts(scene)
    assert len(keys) == await scene.value("SELECT count(*) FROM alarm_events") + 3


async def test_too_many_sensors_are_capped_and_the_others_unaffected(
    endpoints: object, database: str, tmp_path: object
) -> None:
    scene = await Scene.make(endpoints.brokers, database, tmp_path, max_sensors=20)  # type: ignore[attr-defined,arg-type]
    try:
        await scene.publish(20)
        scene.sensors = 400
        scene.sent = 0
        await scene.publish(3)
        worker = scene.start_worker("--until-idle", "1")
        await asyncio.to_thread(worker.wait, 60)
        assert (
            await scene.value(
                "SELECT max(n) FROM (SELECT count(DISTINCT sensor_id) AS n FROM readings GROUP BY part) p"
            )
            == 20
        )
        assert await scene.value("SELECT count(*) FROM rejects WHERE reason = 'too-many-sensors'") == 3 * (400 - 60)
        assert await scene.value("SELECT count(*) FROM readings WHERE sensor_id < 'temp-030'") == 30 * 20 + 30 * 3
    finally:
        scene.close()


async def test_a_state_that_cannot_be_read_is_never_replaced_by_an_empty_one(scene: Scene) -> None:
    await scene.publish(30)
    first = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(first.wait, 60)
    before = await scene.committed()
    connection = await asyncpg.connect(scene.dsn)
    await connection.execute("UPDATE detector_state SET state = substring(state FROM 1 FOR 20)")
    await connection.close()
    await scene.publish(30)
    second = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(second.wait, 60)
    assert second.returncode not in (0, None)
    assert await scene.committed() == before


async def test_members_come_and_go_under_load(scene: Scene) -> None:
    kafka = KafkaConnection.of(scene.settings.brokers or "", scene.settings)
    stops = [asyncio.Event() for _ in range(3)]
    workers = [DetectionWorker(kafka, scene.dsn, worker_options(scene.settings)) for _ in stops]
    running = []
    async with load(scene):
        for worker, stop in zip(workers, stops, strict=True):
            running.append(asyncio.create_task(worker.run(stop)))
            async with asyncio.timeout(40):
                while not worker.partitions:
                    await asyncio.sleep(0.05)
        for stop, task in list(zip(stops, running, strict=True))[:2]:
            stop.set()
            await task
        await scene.until_committed(await scene.committed() + 1000, patience=40)
    await scene.drain()
    stops[2].set()
    await running[2]
    assert (await scene.audited()).findings == []


@pytest.mark.faults_slow
async def test_kill_9_in_the_middle_of_batches(scene: Scene) -> None:
    async with load(scene):
        for turn in range(3):
            victim = scene.start_worker()
            await scene.until_committed(2000 * (turn + 1))
            victim.kill()
            victim.wait()
            scene.workers.remove(victim)
        scene.start_worker()
        await scene.until_committed(8000, patience=40)
    await assert_as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
async def test_a_worker_that_was_stopped_for_two_sessions_is_fenced(scene: Scene) -> None:
    zombie = scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        zombie.send_signal(signal.SIGSTOP)
        before = await scene.committed()
        scene.start_worker()
        await scene.until_committed(before + 2000, patience=40)
        await asyncio.sleep(15)  # the second of two session times, of which the first has just passed
        zombie.send_signal(signal.SIGCONT)
        await scene.until_committed(await scene.committed() + 4000, patience=60)
    await assert_as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
async def test_postgres_is_away_for_a_while(scene: Scene, plant: LocalPlant) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        plant.stop(only={"postgres"})
        await asyncio.sleep(10)  # the length of the outage
        plant.start()
        await scene.until_committed(4000, patience=30)
    await assert_as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_broker_is_killed_and_comes_back(scene: Scene, plant: LocalPlant, number: int) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        before = await scene.committed()
        plant.broker(number).kill()
        await scene.until_committed(before + 3000, patience=60)
        plant.broker(number).start()
    await assert_as_if_nothing_had_happened(scene)


async def rows(scene: Scene, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(scene.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def on_alerts(scene: Scene) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=scene.settings.brokers)
    await consumer.start()
    try:
        tps = [TopicPartition(scene.settings.alerts_topic, part) for part in range(2)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        left = sum((await consumer.end_offsets(tps)).values())
        found: list[bytes] = []
        while len(found) < left:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [record.key for record in records]
        return found
    finally:
        await consumer.stop()
