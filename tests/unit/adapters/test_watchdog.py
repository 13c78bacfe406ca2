"""The watchdog ends a worker that is behind and stands still, and no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.partition import Progress
from controlroom.adapters.kafka.watchdog import watch
from controlroom.errors import Stalled

TP = TopicPartition("readings", 1)


@dataclass
class Part:
    committed_offset: int = 10
    progress: Progress = field(default_factory=Progress)


class Consumer:
    def __init__(self, end: int | None) -> None:
        self.end = end
        self.asked = asyncio.Event()

    async def end_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked.set()
        if self.end is None:
            raise KafkaError
        return dict.fromkeys(tps, self.end)


async def verdict(consumer: Consumer, part: Part, *, seconds: float = 0.15) -> BaseException | None:
    watching = asyncio.create_task(watch(consumer, lambda: {TP: part}, patience=0.03, every=0.01))  # type: ignore[dict-item,return-value]
    await asyncio.wait([watching], timeout=seconds)
    if not watching.done():
        watching.cancel()
        await asyncio.wait([watching])
        return None
    return watching.exception()


async def test_behind_and_standing_still_is_stalled() -> None:
    error = await verdict(Consumer(end=15), Part())
    assert isinstance(error, Stalled)
    assert "readings/1 is 5 records behind" in str(error)
    assert error.exit_code == 7


@pytest.mark.parametrize("end", [10, None], ids=["nothing to do", "the brokers are away"])
async def test_it_asks_the_brokers_before_it_judges(end: int | None) -> None:
    consumer = Consumer(end)
    assert await verdict(consumer, Part()) is None
    assert consumer.asked.is_set()


async def test_waiting_for_the_database_is_an_excuse() -> None:
    consumer = Consumer(end=15)
    assert await verdict(consumer, Part(progress=Progress(waiting="PostgreSQL does not answer"))) is None
    assert not consumer.asked.is_set()


async def test_progress_is_an_excuse() -> None:
    part = Part()

    async def go_on() -> None:
        while True:
            await asyncio.sleep(0.005)
            part.committed_offset += 1

    going = asyncio.create_task(go_on())
    assert await verdict(Consumer(end=1_000_000), part) is None
    going.cancel()
