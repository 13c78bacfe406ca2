"""A consumer group that another program uses: said, and joined when that program has left."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from controlroom.adapters.kafka.worker import DetectionWorker
from tests.integration.test_detection import STORED, Place, place, publish, query, series

__all__ = ["place"]


async def test_a_worker_waits_for_its_group_and_says_why(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    await publish(place, series(3, 20))
    other = AIOKafkaConsumer(
        place.settings.sensor_topic,
        bootstrap_servers=place.endpoints.brokers,
        group_id=place.settings.group,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    await other.start()
    stop = asyncio.Event()
    running = asyncio.create_task(DetectionWorker(place.kafka, place.dsn, place.options(until_idle=None)).run(stop))
    try:
        async with asyncio.timeout(60):
            while "cannot join the consumer group" not in caplog.text:
                assert not running.done()
                await asyncio.sleep(0.1)
            assert await query(place, STORED) == []
            await other.stop()
            while len(await query(place, STORED)) < 3 * 20:
                assert not running.done()
                await asyncio.sleep(0.1)
    finally:
        stop.set()
        await running
        await other.stop()
    assert "another program is in it" in caplog.text
