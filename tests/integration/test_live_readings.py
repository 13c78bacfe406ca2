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
            while (sum(len(view.history) for view in state.sensors.values()), state.live_readings) != (shown, live):
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


async def test_a_reading_of_an_aborted_transaction_is_shown_neither_then_nor_later(endpoints, topics) -> None:
    data = await topics("readings", partitions=1)
    names = TopicNames(data, await topics("alerts"), await topics("commands"), await topics("status"))
    kafka = KafkaConnection(endpoints.brokers, {"bootstrap_servers": endpoints.brokers})

    async def aborted(number: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=endpoints.brokers, transactional_id=data) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(data, key=b"s", value=reading("s", number, 99.0))
            await producer.abort_transaction()

    state = PlantState()
    async with AIOKafkaProducer(bootstrap_servers=endpoints.brokers, acks="all") as producer:
        await producer.send_and_wait(data, key=b"s", value=reading("s", 1, 20.0))
        await aborted(2)
        task = asyncio.create_task(Feed(kafka, names, state).run())
        try:
            await aborted(3)
            await producer.send_and_wait(data, key=b"s", value=reading("s", 4, 21.0))
            async with asyncio.timeout(30):
                while "s" not in state.sensors or len(state.sensors["s"].history) < 2:
                    await asyncio.sleep(0.05)
        finally:
            task.cancel()
            await asyncio.wait([task])
    assert list(state.sensors["s"].history.values(9)) == [20.0, 21.0]
