"""What one poll brought is processed in slices; a partition that is taken away in between gets no more of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from aiokafka import TopicPartition

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.worker import SLICE, DetectionWorker, WorkerOptions
from controlroom.wire import TopicNames

TP, OTHER = TopicPartition("sensor-data", 0), TopicPartition("sensor-data", 1)


class Part:
    """Notes what it is fed."""

    accepts = ready = True
    idle = False

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.fed: list[list[int]] = []
        self._then = then

    def feed(self, records: list[int]) -> None:
        self.fed.append(records)
        # As a rebalance would come: in a turn of the loop that the poll loop gives.
        asyncio.get_running_loop().call_soon(self._then)


class OnePoll:
    """A consumer whose only poll brings so many records of each partition."""

    def __init__(self, count: int) -> None:
        self._polls = [{TP: list(range(count)), OTHER: [1]}]

    async def getmany(self, *tps: TopicPartition, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[int]]:
        if not self._polls:
            raise EOFError
        return self._polls.pop()

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {TP.partition, OTHER.partition}


async def poll(parts: dict[TopicPartition, Part], count: int) -> None:
    worker = DetectionWorker(
        KafkaConnection("nowhere:1", {}), "", WorkerOptions("g", TopicNames(), time_from_records=True)
    )
    worker._partitions = parts  # type: ignore[assignment]
    with pytest.raises(EOFError):
        await worker._poll_loop(OnePoll(count))


async def test_all_of_it_in_order() -> None:
    part, other = Part(), Part()
    await poll({TP: part, OTHER: other}, 2 * SLICE + 5)
    assert [len(records) for records in part.fed] == [SLICE, SLICE, 5]
    assert [record for records in part.fed for record in records] == list(range(2 * SLICE + 5))
    assert other.fed == [[1]]


@pytest.mark.parametrize("again", [False, True], ids=["gone", "given again"])
async def test_nothing_more_once_it_was_taken_away(again: bool) -> None:
    parts: dict[TopicPartition, Part] = {}
    successor, other = Part(), Part()

    def rebalance() -> None:
        del parts[TP]
        if again:
            parts[TP] = successor

    part = Part(rebalance)
    parts |= {TP: part, OTHER: other}
    await poll(parts, 3 * SLICE)
    assert [len(records) for records in part.fed] == [SLICE]
    assert successor.fed == []
    assert other.fed == [[1]]
