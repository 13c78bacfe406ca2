"""Brokers die: a leader, the group's coordinator, one after the other, two of three; and the alerts topic is closed."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.probe import ClusterProbe
from controlroom.local import LocalPlant
from controlroom.wire.alarm import decode_alarm_event
from tests.faults.load import as_if_nothing_had_happened, load, on_alerts, rows
from tests.faults.scene import Scene

pytestmark = [
    # A producer that is thrown away while its broker is dead leaves sockets to the collector; it is not ours.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.faults_slow
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_broker_is_killed_and_comes_back(scene: Scene, plant: LocalPlant, number: int) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        before = await scene.committed()
        plant.broker(number).kill()
        await scene.until_committed(before + 3000, patience=60)
        await asyncio.to_thread(plant.broker(number).start)
    await as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
async def test_the_groups_coordinator_is_killed(scene: Scene, plant: LocalPlant) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        admin = AIOKafkaAdminClient(bootstrap_servers=scene.settings.brokers)
        await admin.start()
        try:
            coordinator = await admin.find_coordinator(scene.settings.group)
        finally:
            await admin.close()
        before = await scene.committed()
        plant.broker(coordinator).kill()
        await scene.until_committed(before + 4000, patience=60)
        # A member that joins now finds the new coordinator.
        scene.start_worker()
        await until_owners(scene, 2)
        await asyncio.to_thread(plant.broker(coordinator).start)
        await scene.until_committed(await scene.committed() + 1000, patience=60)
    await as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
async def test_all_three_brokers_are_restarted_one_after_the_other(scene: Scene, plant: LocalPlant) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        for number in (1, 2, 3):
            await asyncio.to_thread(plant.broker(number).stop)
            await asyncio.to_thread(plant.broker(number).start)
            await in_sync(scene)
        await scene.until_committed(await scene.committed() + 2000, patience=60)
    await as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
async def test_two_of_three_brokers_are_down_and_come_back(scene: Scene, plant: LocalPlant) -> None:
    worker = scene.start_worker()
    kafka = KafkaConnection.of(scene.settings.brokers or "", scene.settings)
    probe = ClusterProbe(kafka, [scene.settings.sensor_topic])
    async with load(scene):
        await scene.until_committed(2000)
        assert (await probe.probe()).quorum is True
        for number in (1, 2):
            plant.broker(number).kill()
        async with asyncio.timeout(30):
            while (await probe.probe()).quorum is not False:
                await asyncio.sleep(0.2)
        # Nothing can be written; the worker waits for the brokers, and does not end.
        await asyncio.sleep(10)  # the length of the outage
        assert worker.poll() is None
        await asyncio.to_thread(plant.start)
        async with asyncio.timeout(60):
            while (await probe.probe()).quorum is not True:
                await asyncio.sleep(0.2)
        await scene.until_committed(await scene.committed() + 2000, patience=90)
    await probe.close()
    await as_if_nothing_had_happened(scene)


async def test_alarms_that_the_brokers_refuse_wait_in_the_outbox_and_go_out_with_the_same_ids(scene: Scene) -> None:
    """The alerts topic takes no message of an alarm's size: every write to it is refused, nothing else is."""
    await set_limit(scene, 100)
    await scene.publish(150)
    worker = scene.start_worker()
    await scene.until_committed(scene.sent)
    async with asyncio.timeout(30):
        while "records wait for the brokers" not in scene.log.read_text():
            await asyncio.sleep(0.1)
    ids = {row[0] for row in await rows(scene, "SELECT event_id FROM alarm_events")}
    assert len(await rows(scene, "SELECT 1 FROM outbox")) == len(ids) > 0
    # A crash before anything is marked; then the brokers take it again.
    worker.kill()
    worker.wait()
    scene.workers.clear()
    await set_limit(scene, 1_000_000)
    second = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(second.wait, 60)
    assert second.returncode == 0
    assert await rows(scene, "SELECT 1 FROM outbox") == []
    told = [decode_alarm_event(record.value).event_id for record in await on_alerts(scene)]
    assert ids <= set(told) == {row[0] for row in await rows(scene, "SELECT event_id FROM alarm_events")}


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
    assert len(await on_alerts(scene)) == await scene.value("SELECT count(*) FROM alarm_events") + 3


async def until_owners(scene: Scene, count: int) -> None:
    async with asyncio.timeout(60):
        while await scene.value("SELECT count(DISTINCT owner) FROM watermark") != count:
            await asyncio.sleep(0.2)


async def in_sync(scene: Scene) -> None:
    """Every replica of the readings' topic follows its leader again."""
    probe = ClusterProbe(
        KafkaConnection.of(scene.settings.brokers or "", scene.settings), [scene.settings.sensor_topic]
    )
    try:
        async with asyncio.timeout(90):
            while not (parts := (await probe.probe()).partitions) or any(part.under_replicated for part in parts):
                await asyncio.sleep(0.2)
    finally:
        await probe.close()


async def set_limit(scene: Scene, size: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.settings.brokers)
    await admin.start()
    try:
        configs = {"min.insync.replicas": "2", "max.message.bytes": str(size)}
        topic = scene.settings.alerts_topic
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])
    finally:
        await admin.close()
