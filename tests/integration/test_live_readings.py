"""What is read back from the topics when a control room opens is not counted as coming in."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.feed import Feed
from controlroom.core.plant_state import PlantState
from controlroom.wire import TopicNames
from tests.integration.test_detection import reading


async def test_history_is_shown_but_not_counted(endpoints, topics) -> None:
    data = await topics("readings", partitions=2)
    names = TopicNames(data, await topics("alerts"), await topics("commands"), await topics("status"))
    state = PlantState()
    feed = Feed(KafkaConnection(endpoints.brokers, {"bootstrap_servers": endpoints.brokers}), names, state)

    async def until(shown: int, live: int | None) -> None:
        async with asyncio.timeout(30):
            while (sum(len(view.values) for view in state.sensors.values()), state.live_readings) != (shown, live):
                await asyncio.sleep(0.05)

    async with AIOKafkaProducer(bootstrap_servers=endpoints.brokers, acks="all") as producer:
        for number in range(40):
            await producer.send_and_wait(data, key=b"s", value=reading("s", number, 20.0), partition=number % 2)
        assert state.live_readings is None
        task = asyncio.create_task(feed.run())
        try:
            await until(40, 0)
            for number in range(40, 45):
                await producer.send_and_wait(data, key=b"s", value=reading("s", number, 20.0), partition=number % 2)
            await until(45, 5)
        finally:
            task.cancel()
            await asyncio.wait([task])
    assert state.live_readings is None
