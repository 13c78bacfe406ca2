"""How far a quiet partition's time goes on: as far as its leader has said that nothing came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from controlroom.adapters.kafka import worker as module
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.worker import DetectionWorker, WorkerOptions
from controlroom.wire import TopicNames

TP = TopicPartition("sensor-data", 0)
NOW = 1_800_000_000.0


class Part:
    """What the worker asks of a partition."""

    ready = idle = accepts = True
    committed_offset = 7

    def __init__(self) -> None:
        self.told: list[tuple[float, bool]] = []

    def know_lost(self, reasons: Mapping[str, str]) -> None:
        assert not reasons

    def skip(self, offset: int) -> None:
        assert offset == self.committed_offset

    def advance(self, now: float, *, leaderless: bool = False) -> None:
        self.told.append((now, leaderless))


def let_pass(
    monkeypatch: pytest.MonkeyPatch, *, answered: float | None, leader: int | None = 1, end: int = 7, held_back: int = 0
) -> list[tuple[float, bool]]:
    monkeypatch.setattr(module.time, "time", lambda: NOW)

    async def position(tp: TopicPartition) -> int:
        return Part.committed_offset

    cluster = SimpleNamespace(leader_for_partition=lambda tp: leader)
    consumer = SimpleNamespace(
        _client=SimpleNamespace(cluster=cluster),
        highwater=lambda tp: end + held_back,
        position=position,
        last_poll_timestamp=lambda tp: None if answered is None else answered * 1000,
    )
    worker = DetectionWorker(KafkaConnection("nowhere:1", {}), "", WorkerOptions("g", TopicNames()))
    part = Part()
    worker._partitions = {TP: part}  # type: ignore[dict-item]
    asyncio.run(worker._let_time_pass(consumer))  # type: ignore[arg-type]
    return part.told


def test_as_far_as_the_leader_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert let_pass(monkeypatch, answered=NOW - 0.4) == [(NOW - 0.4, False)]


def test_no_further_while_a_dead_leader_is_still_the_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    assert let_pass(monkeypatch, answered=NOW - 20) == [(NOW - 20, False)]
    assert let_pass(monkeypatch, answered=None) == [(0.0, False)]


def test_to_now_where_there_is_no_leader_and_so_nothing_can_come(monkeypatch: pytest.MonkeyPatch) -> None:
    assert let_pass(monkeypatch, answered=NOW - 20, leader=-1) == [(NOW, True)]


def test_not_at_all_before_the_end_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    assert let_pass(monkeypatch, answered=NOW, end=8) == []


def test_not_while_a_transaction_holds_records_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assert let_pass(monkeypatch, answered=NOW, held_back=3) == []
