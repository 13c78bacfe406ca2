"""Records are gone before they were read, or the topic is another one: an explicit gap and an alarm, never a skip."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.wire import TopicSpec
from controlroom.wire.alarm import decode_alarm_event
from tests.faults.load import on_alerts, rows
from tests.faults.scene import PARTITIONS, Scene

GAPS = "SELECT part, from_offset, to_offset, reason FROM gaps ORDER BY part"
MARKS = "SELECT part, next_offset FROM watermark ORDER BY part"


async def work(scene: Scene) -> None:
    worker = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(worker.wait, 60)
    assert worker.returncode == 0, scene.log.read_text()


async def make_anew(scene: Scene) -> None:
    topic = scene.settings.sensor_topic
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.settings.brokers)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        async with asyncio.timeout(30):
            while topic in await admin.list_topics():
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
    spec = TopicSpec(topic, PARTITIONS, {"message.timestamp.type": "LogAppendTime"})
    await ensure_topics(scene.settings.brokers or "", [spec])


async def publish_bad(scene: Scene) -> None:
    """A record on each partition that is no reading."""
    producer = AIOKafkaProducer(bootstrap_servers=scene.settings.brokers, acks="all")
    await producer.start()
    try:
        for part in range(PARTITIONS):
            await producer.send_and_wait(scene.settings.sensor_topic, key=b"odd", value=b"{", partition=part)
    finally:
        await producer.stop()


async def assert_alarms(scene: Scene, parts: list[int]) -> None:
    """Each gap has rung, and waits for an operator."""
    found = await rows(scene, "SELECT sensor_id, state FROM alarms WHERE kind = 'gap' ORDER BY sensor_id")
    assert found == [(f"partition:{part}", "RTN-UNACK") for part in parts]
    told = [decode_alarm_event(record.value) for record in await on_alerts(scene)]
    raised = [event for event in told if event.kind == "gap" and event.event == "raised"]
    assert sorted(event.sensor_id for event in raised) == [f"partition:{part}" for part in parts]
    assert all("are gone" in event.message for event in raised)


async def test_retention_passes_the_watermark(scene: Scene) -> None:
    await scene.publish(100)
    await work(scene)
    await scene.publish(50)
    marks = dict(await rows(scene, MARKS))
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.settings.brokers)
    await admin.start()
    try:
        topic = scene.settings.sensor_topic
        await admin.delete_records(
            {TopicPartition(topic, part): RecordsToDelete(mark + 5) for part, mark in marks.items()}
        )
    finally:
        await admin.close()
    await work(scene)
    assert await rows(scene, GAPS) == [(part, mark, mark + 5, "retention") for part, mark in marks.items()]
    stored = await scene.value("SELECT count(DISTINCT (part, off)) FROM readings")
    assert stored == await scene.value("SELECT count(*) FROM readings") == 30 * 150 - 5 * len(marks)
    await assert_alarms(scene, [0, 1, 2])
    found = await scene.audited()
    assert found.findings == []
    assert any("are gone: alarms and states are not compared" in note for note in found.notes)


@pytest.mark.parametrize("turns", [20, 100, 200], ids=["shorter", "as long", "longer"])
async def test_the_topic_is_made_anew(scene: Scene, turns: int) -> None:
    """Also when it has grown past the watermark again, where offsets alone tell nothing."""
    await scene.publish(100)
    await publish_bad(scene)
    await work(scene)
    marks = dict(await rows(scene, MARKS))
    await make_anew(scene)
    await scene.publish(turns)
    await publish_bad(scene)
    await work(scene)
    reason = "topic made anew or truncated"
    assert await rows(scene, GAPS) == [(part, mark, 0, reason) for part, mark in marks.items()]
    assert await scene.value("SELECT count(*) FROM readings") == 30 * (100 + turns)
    assert await scene.committed() == 30 * turns + PARTITIONS
    # Where the new topic has a reject at the offset of an old one, it takes its place: that is on the dead letters.
    rejects = PARTITIONS if turns == 100 else 2 * PARTITIONS
    assert await scene.value("SELECT count(*) FROM rejects") == rejects
    await assert_alarms(scene, [0, 1, 2])
    found = await scene.audited()
    assert found.findings == []
    assert any("was made anew" in note for note in found.notes)


async def test_a_topic_that_is_as_it_was_leaves_no_gap(scene: Scene) -> None:
    await scene.publish(50)
    for _ in range(3):
        await work(scene)
    await scene.publish(50)
    await work(scene)
    assert await rows(scene, GAPS) == []
    assert await scene.value("SELECT count(*) FROM readings") == 30 * 100
