"""Transactions of foreign producers: what was aborted is never read, and what hangs open is said."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from controlroom.adapters.fsck.audit import AuditOptions, audit
from controlroom.adapters.kafka.cluster_detail import ClusterDetailProbe
from controlroom.adapters.kafka.tail import tail
from controlroom.adapters.kafka.transactions import look_for_open_transactions, open_transactions
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.core.health_views import HANGS_AFTER_S
from tests.command import run_beside
from tests.integration.test_detection import STORED, Place, on_alerts, place, publish, query, reading, work

__all__ = ["place"]

SENSOR = "temp-000"


@asynccontextmanager
async def transactional(place: Place, name: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=place.endpoints.brokers, transactional_id=f"{place.settings.sensor_topic}-{name}"
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def write(place: Place, producer: AIOKafkaProducer, numbers: range, value: float) -> None:
    for number in numbers:
        topic = place.settings.sensor_topic
        await producer.send_and_wait(topic, key=SENSOR.encode(), value=reading(SENSOR, number, value))


async def aborted(place: Place, numbers: range, value: float = 99.0) -> None:
    async with transactional(place, "aborts") as producer:
        await producer.begin_transaction()
        await write(place, producer, numbers, value)
        await producer.abort_transaction()


async def committed(place: Place, numbers: range, value: float) -> None:
    async with transactional(place, "commits") as producer, producer.transaction():
        await write(place, producer, numbers, value)


def plain(numbers: range, value: float) -> list[tuple[bytes | None, bytes | None]]:
    return [(SENSOR.encode(), reading(SENSOR, number, value)) for number in numbers]


async def audited(place: Place) -> None:
    found = await audit(place.kafka, place.dsn, place.options(), AuditOptions(every_reading=True, alarms=True))
    assert (found.lost, found.twice, found.alarms_wrong, found.states_wrong) == (0, 0, 0, 0), found


async def test_an_aborted_reading_raises_nothing_and_is_nowhere(place: Place) -> None:
    await publish(place, plain(range(1, 20), 25.0))
    await aborted(place, range(20, 23))
    await publish(place, plain(range(20, 40), 25.0))
    await aborted(place, range(40, 43))
    assert await work(place) == []
    assert [(seq, value) for _, seq, value in await query(place, STORED)] == [(n, 25.0) for n in range(1, 40)]
    assert await on_alerts(place) == []
    await audited(place)
    shown = [record.value["value"] async for record in tail(
        place.kafka, place.settings.sensor_topic, from_beginning=True, until_idle=1.0
    )]  # fmt: skip
    assert set(shown) == {25.0}
    assert len(shown) == 39


async def test_what_was_committed_counts_and_a_run_after_it_goes_on(place: Place) -> None:
    await committed(place, range(1, 20), 25.0)
    assert await work(place) == []
    await aborted(place, range(20, 22))
    await committed(place, range(20, 40), 42.0)
    events = await work(place)
    assert {(event.kind, event.event) for event in events} == {("limit", "raised")}
    await aborted(place, range(40, 42))
    assert await work(place) == []
    assert len(await query(place, STORED)) == 39
    await audited(place)


def start_worker(place: Place) -> subprocess.Popen[bytes]:
    """One that makes no checkpoint: its successor runs all of it through the detectors again."""
    environment = {
        **os.environ, "KAFKA_BROKERS": place.endpoints.brokers, "CONTROLROOM_DSN": place.dsn,
        "CONTROLROOM_GROUP": place.settings.group, "SENSOR_TOPIC": place.settings.sensor_topic,
        "CONTROLROOM_ALERTS_TOPIC": place.settings.alerts_topic, "CONTROLROOM_CHECKPOINT_S": "600",
    }  # fmt: skip
    command = [sys.executable, "-m", "controlroom", "detect"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def test_a_takeover_from_a_killed_worker_passes_over_what_was_aborted(place: Place) -> None:
    await committed(place, range(1, 20), 25.0)
    await aborted(place, range(20, 25))
    await committed(place, range(20, 35), 25.0)
    # Not a mark at the end: one that is passed over there is saved with a checkpoint at once.
    await publish(place, plain(range(35, 40), 25.0))
    worker = start_worker(place)
    try:
        async with asyncio.timeout(60):
            while len(await query(place, STORED)) < 39:
                await asyncio.sleep(0.1)
    finally:
        worker.kill()
        worker.wait()
    assert await query(place, "SELECT count(*) FROM watermark WHERE state_offset > 0") == [(0,)]
    await aborted(place, range(40, 45))
    await committed(place, range(40, 50), 25.0)
    # The pause before the last readings is a silence, and nothing else is to be found.
    assert {event.kind for event in await work(place)} <= {"dropout"}
    assert [(seq, value) for _, seq, value in await query(place, STORED)] == [(n, 25.0) for n in range(1, 50)]
    await audited(place)


async def test_the_watermark_passes_marks_so_that_lag_comes_to_nothing(place: Place) -> None:
    await committed(place, range(1, 20), 25.0)
    await aborted(place, range(20, 25))
    worker = DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None))
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        async with asyncio.timeout(60):
            while not (worker.joined and worker.lag and not any(worker.lag.values())):
                await asyncio.sleep(0.1)
            # 19 readings and a mark, 5 aborted ones and a mark.
            while await query(place, "SELECT sum(next_offset) FROM watermark") != [(26,)]:
                await asyncio.sleep(0.1)
    finally:
        stop.set()
        await task
    await audited(place)


@pytest.mark.timeout(180)
async def test_a_transaction_that_hangs_open_is_said_and_reading_goes_on_after_it(place: Place) -> None:
    topic = place.settings.sensor_topic
    async with transactional(place, "hangs") as producer:
        await producer.begin_transaction()
        await write(place, producer, range(1, 3), 25.0)
        await publish(place, plain(range(3, 10), 25.0))
        assert await work(place) == []
        assert await query(place, STORED) == []
        [view] = await look_for_open_transactions(place.kafka, [topic]) or ()
        assert view.topic == topic
        assert view.transactional_id == f"{topic}-hangs"
        assert not view.hangs(view.since + HANGS_AFTER_S - 1)
        probe = ClusterDetailProbe(place.kafka, topics=[topic])
        detail = await probe.probe()
        await probe.close()
        assert detail.transactions == (view,)
        number = 10
        while not view.hangs(time.time()):
            # It goes on writing: it hangs all the same, for nothing of it is read.
            await write(place, producer, range(number, number + 1), 25.0)
            number += 1
            await asyncio.sleep(0.5)
        [view] = await look_for_open_transactions(place.kafka, [topic]) or ()
        assert view.hangs(time.time())
        assert view.last_at > view.since + HANGS_AFTER_S / 2
        where = ("--brokers", place.endpoints.brokers, "--dsn", place.dsn)
        health = await run_beside("health", *where, CONTROLROOM_SENSOR_TOPIC=topic)
        assert health.returncode == 1
        assert f"{topic}-hangs has held {topic}/" in health.stdout
        await producer.commit_transaction()
    await work(place)
    assert len(await query(place, STORED)) == number - 1
    assert await look_for_open_transactions(place.kafka, [topic]) == ()
    await audited(place)


async def test_what_a_broker_refuses_to_tell_is_not_called_none(place: Place) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=place.endpoints.brokers)
    await admin.start()
    try:
        topic = place.settings.sensor_topic
        assert await open_transactions(admin, [topic]) == ()
        described = await admin.describe_topics([topic])
        for part in described[0]["partitions"]:
            # As after a move of leaders that the metadata does not show yet: a broker refuses to tell.
            part["partition"] += 100

        async def outdated() -> object:
            return described

        admin.describe_topics = outdated
        assert await open_transactions(admin, [topic]) is None
    finally:
        await admin.close()
