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


class Brokers:
    def __init__(self, end: int | None) -> None:
        self.end = end
        self.asked = asyncio.Event()

    async def ends(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked.set()
        if self.end is None:
            raise KafkaError
        return dict.fromkeys(tps, self.end)


async def verdict(brokers: Brokers, part: Part, *, seconds: float = 0.15) -> BaseException | None:
    watching = asyncio.create_task(watch(brokers.ends, lambda: {TP: part}, patience=0.03, every=0.01))  # type: ignore[dict-item,return-value]
    await asyncio.wait([watching], timeout=seconds)
    if not watching.done():
        watching.cancel()
        await asyncio.wait([watching])
        return None
    return watching.exception()


async def test_behind_and_standing_still_is_stalled() -> None:
    error = await verdict(Brokers(end=15), Part())
    assert isinstance(error, Stalled)
    assert "readings/1 is 5 records behind" in str(error)
    assert error.exit_code == 7


@pytest.mark.parametrize(
    ("end", "committed"),
    [(10, 10), (None, 10), (None, -1)],
    ids=["nothing to do", "the brokers are away", "the brokers are away from the start"],
)
async def test_it_asks_the_brokers_before_it_judges(end: int | None, committed: int) -> None:
    brokers = Brokers(end)
    assert await verdict(brokers, Part(committed)) is None
    assert brokers.asked.is_set()


async def test_one_that_goes_on_as_soon_as_the_brokers_are_back_is_not_stalled() -> None:
    part, brokers = Part(), Brokers(end=None)
    ask = brokers.ends

    async def back(tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        # The first answer for long, and the worker takes a moment more than we do.
        brokers.end = 15
        asyncio.get_running_loop().call_later(0.002, setattr, part, "committed_offset", 15)
        return await ask(tps)

    brokers.ends = back  # type: ignore[method-assign]
    assert await verdict(brokers, part) is None
    assert brokers.asked.is_set()


async def test_waiting_for_the_database_is_an_excuse() -> None:
    brokers = Brokers(end=15)
    assert await verdict(brokers, Part(progress=Progress(waiting="PostgreSQL does not answer"))) is None
    assert not brokers.asked.is_set()


async def test_progress_is_an_excuse() -> None:
    part = Part()

    async def go_on() -> None:
        while True:
            await asyncio.sleep(0.005)
            part.committed_offset += 1

    going = asyncio.create_task(go_on())
    assert await verdict(Brokers(end=1_000_000), part) is None
    going.cancel()
