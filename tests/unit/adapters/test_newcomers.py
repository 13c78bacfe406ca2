"""How long a partition waits for sensors of another one: while that comes closer, and a minute more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from controlroom.adapters.kafka import newcomers as module
from controlroom.adapters.kafka.newcomers import GIVE_UP_AFTER_S, Newcomers
from controlroom.adapters.postgres.moves import Arrived
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import profile_for
from tests.unit.core.test_pipeline import record

UNTIL = 500


class Moves:
    """What the database says of them."""

    def __init__(self) -> None:
        self.where = {"temp-1": 0}
        self.offset = 0
        self.given = Arrived()
        self.asked: list[tuple[str, int, int]] = []
        self.withdrawn: list[str] = []

    async def where_they_are(self, sensors: Sequence[str]) -> dict[str, int]:
        return {name: self.where[name] for name in sensors if name in self.where}

    async def ask_for(self, asked: Iterable[tuple[str, int, int]]) -> None:
        self.asked += asked

    async def arrived(self, sensors: Sequence[str]) -> Arrived:
        return self.given

    async def next_offsets(self) -> dict[int, int]:
        return {0: self.offset}

    async def withdraw(self, sensors: Sequence[str]) -> None:
        self.withdrawn += sensors


class Consumer:
    """Two partitions; what is older than the sensor's record ends at UNTIL."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1}

    async def offsets_for_times(self, times: dict[TopicPartition, int]) -> dict[TopicPartition, object]:
        return dict.fromkeys(times, SimpleNamespace(offset=UNTIL))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    time = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: time.now)
    return time


def made() -> tuple[Moves, Newcomers, PartitionPipeline]:
    moves = Moves()
    pipeline = PartitionPipeline("readings", 1, 0, {}, profile_for, PipelineOptions())
    pipeline.stops_at_unknown = True
    return moves, Newcomers(TopicPartition("readings", 1), Consumer(), moves), pipeline  # type: ignore[arg-type]


async def test_a_sensor_that_nobody_has_is_worked_on_at_once(clock: SimpleNamespace) -> None:
    moves, newcomers, pipeline = made()
    moves.where = {}
    assert await newcomers.settle(pipeline, pipeline.unknown([record(0, 20.0)]))
    assert (moves.asked, pipeline.process([record(0, 20.0)])) == ([], ())


async def test_one_that_has_moved_is_waited_for_and_comes_with_its_state(clock: SimpleNamespace) -> None:
    moves, newcomers, pipeline = made()
    unknown = pipeline.unknown([record(0, 20.0)])
    assert not await newcomers.settle(pipeline, unknown)
    assert not await newcomers.settle(pipeline, unknown)
    assert moves.asked == [("temp-1", 0, UNTIL)]
    assert "partition 0" in newcomers.waiting_for
    moves.given = Arrived({"temp-1": b""})
    assert await newcomers.settle(pipeline, unknown)
    assert (newcomers.waiting_for, pipeline.process([record(0, 20.0)])) == ("", ())


async def test_an_old_partition_that_comes_closer_is_waited_for_however_long(clock: SimpleNamespace) -> None:
    moves, newcomers, pipeline = made()
    unknown = pipeline.unknown([record(0, 20.0)])
    for moves.offset in range(0, UNTIL, 50):
        clock.now += GIVE_UP_AFTER_S - 1
        assert not await newcomers.settle(pipeline, unknown)
    assert moves.withdrawn == []


@pytest.mark.parametrize("goes_on", [False, True], ids=["stands still", "goes on and gives nothing up"])
async def test_one_that_does_not_give_it_up_is_waited_for_a_minute(clock: SimpleNamespace, goes_on: bool) -> None:
    moves, newcomers, pipeline = made()
    moves.offset = UNTIL
    unknown = pipeline.unknown([record(0, 20.0)])
    while clock.now < GIVE_UP_AFTER_S:
        assert not await newcomers.settle(pipeline, unknown)
        clock.now += 10.0
        moves.offset += 1000 * goes_on
    clock.now += 10.0
    assert await newcomers.settle(pipeline, unknown)
    assert (moves.withdrawn, pipeline.process([record(0, 20.0)])) == (["temp-1"], ())
