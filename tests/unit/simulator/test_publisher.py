"""The publisher on a producer that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    TopicAuthorizationFailedError,
)

from kafka_clients import session
from kafka_clients.errors import NotAllowed
from kafka_clients.session import Session
from simulator import publisher as module
from simulator.publisher import Lane, Publisher, Record


class Batch:
    def __init__(self, room: int) -> None:
        self.records: list[bytes] = []
        self._room = room

    def append(self, *, timestamp: int, key: bytes, value: bytes, headers: list[Any]) -> object | None:
        if len(self.records) == self._room:
            return None
        self.records.append(value)
        return object()


class Broker:
    """What producers write to. `answer` decides about each batch: None acknowledges it, an error refuses it."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.batches: list[list[bytes]] = []
        self.producers = 0
        self.answer: Callable[[Batch], BaseException | None] = lambda _: None
        self.gate = asyncio.Event()
        self.gate.set()
        self.room = 10

    def producer(self) -> Any:
        self.producers += 1
        broker = self

        async def send_batch(batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
            async def deliver() -> Any:
                await broker.gate.wait()
                if (error := broker.answer(batch)) is not None:
                    raise error
                offset = len(broker.log)
                broker.log += batch.records
                broker.batches.append(batch.records)
                return SimpleNamespace(offset=offset)

            return asyncio.ensure_future(deliver())

        async def stop() -> None:
            return None

        return SimpleNamespace(create_batch=lambda: Batch(broker.room), send_batch=send_batch, stop=stop)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
async def publisher(broker: Broker, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    publisher = Publisher("broker:9092", tell=told.append)

    async def connect() -> Session:
        return Session(broker.producer(), asyncio.get_running_loop().create_future())

    async def missing_from(_o: Any, _t: str, _p: int, start: int | None, records: list[Record]) -> list[Record]:
        return [record for record in records if record[1] not in broker.log[start or 0 :]]

    monkeypatch.setattr(publisher, "_connect", connect)
    monkeypatch.setattr(module, "missing_from", missing_from)
    monkeypatch.setattr(module, "_RETRY_S", 0.001)
    publisher._partitions = {"data": [0], "commands": [0]}
    publisher.told = told  # type: ignore[attr-defined]
    yield publisher
    await publisher.stop()


def add(lane: Lane, *numbers: int) -> None:
    for number in numbers:
        lane.add(b"key", str(number).encode())


async def test_records_arrive_in_order_and_are_counted(publisher: Publisher, broker: Broker) -> None:
    lane = publisher.lane("data", b"key")
    add(lane, *range(25))
    assert publisher.waiting == 25
    assert await publisher.flush(5)
    assert broker.log == [str(number).encode() for number in range(25)]
    assert [len(batch) for batch in broker.batches] == [10, 10, 5]
    assert (publisher.acked_of("data"), publisher.waiting, publisher.unacknowledged("data")) == (25, 0, 0)


async def test_a_key_has_the_lane_of_its_partition(publisher: Publisher) -> None:
    publisher._partitions["wide"] = [0, 1, 2]
    # the partitions that the Java client chooses for these keys
    assert [publisher.lane("wide", key).partition for key in (b"temp-sensor-001", b"foo", b"bar")] == [
        murmur2(key) % 3 for key in (b"temp-sensor-001", b"foo", b"bar")
    ]
    assert publisher.lane("wide", b"foo") is publisher.lane("wide", b"foo")


def murmur2(key: bytes) -> int:
    from aiokafka.partitioner import murmur2 as reference

    return int(reference(key)) & 0x7FFFFFFF


async def test_while_the_brokers_are_away_the_oldest_records_go_first(
    publisher: Publisher, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 20)
    broker.gate.clear()
    lane = publisher.lane("data", b"key")
    add(lane, *range(10))
    await until(lambda: bool(lane.under_way))
    add(lane, *range(10, 100))
    assert (publisher.waiting, publisher.dropped) == (20, 70)
    broker.gate.set()
    assert await publisher.flush(5)
    assert [int(value) for value in broker.log] == [*range(10), *range(80, 100)]


async def test_a_gated_lane_waits_for_permission_and_others_do_not(publisher: Publisher, broker: Broker) -> None:
    allowed = False
    publisher.may_send = lambda: allowed
    gated, free = publisher.lane("data", b"key", gated=True), publisher.lane("commands", b"key")
    add(gated, 1)
    add(free, 2)
    await until(lambda: free.acked == 1)
    assert broker.log == [b"2"]
    allowed = True
    assert await publisher.flush(5)
    assert broker.log == [b"2", b"1"]


@pytest.mark.parametrize("written", [True, False])
async def test_after_out_of_order_the_producer_is_made_anew_and_nothing_comes_twice_or_is_lost(
    publisher: Publisher, broker: Broker, written: bool
) -> None:
    def answer(batch: Batch) -> BaseException | None:
        if broker.producers == 1 and b"10" in batch.records:
            if written:
                broker.log += batch.records
            return OutOfOrderSequenceNumber()
        return None

    broker.answer = answer
    lane = publisher.lane("data", b"key")
    add(lane, *range(35))
    assert await publisher.flush(5)
    assert [int(value) for value in broker.log] == list(range(35))
    assert (broker.producers, lane.acked) == (2, 35)


async def test_an_outage_is_said_and_so_is_its_end(publisher: Publisher, broker: Broker) -> None:
    failures = iter([KafkaConnectionError(), KafkaConnectionError()])
    broker.answer = lambda _: next(failures, None)
    lane = publisher.lane("data", b"key")
    add(lane, 1)
    assert await publisher.flush(5)
    first, last = publisher.told  # type: ignore[attr-defined]
    assert first.startswith("sending fails (KafkaConnectionError), trying on; ")
    assert last.startswith("brokers are back after ")


async def test_no_answer_is_said_and_in_the_end_the_producer_not_trusted(
    publisher: Publisher, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SLOW_S", 0.01)
    monkeypatch.setattr(session, "STUCK_S", 0.05)
    broker.gate.clear()
    lane = publisher.lane("data", b"key")
    add(lane, 1)
    await until(lambda: broker.producers == 2)
    broker.gate.set()
    assert await publisher.flush(5)
    assert lane.acked == 1
    assert publisher.told[0].startswith("no answer from the brokers for ")  # type: ignore[attr-defined]


async def test_what_is_discarded_is_not_sent_later_not_even_what_was_under_way(
    publisher: Publisher, broker: Broker
) -> None:
    broker.gate.clear()
    broker.answer = lambda batch: KafkaConnectionError() if b"1" in batch.records else None
    lane = publisher.lane("data", b"key", gated=True)
    add(lane, 1)
    await until(lambda: bool(lane.under_way))
    add(lane, 2)
    await publisher.discard_gated()
    broker.gate.set()
    add(lane, 3)
    assert await publisher.flush(5)
    assert broker.log == [b"3"]
    assert publisher.waiting == 0


async def test_records_that_the_broker_will_never_take_are_given_up(publisher: Publisher, broker: Broker) -> None:
    broker.answer = lambda batch: MessageSizeTooLargeError() if b"0" in batch.records else None
    lane = publisher.lane("data", b"key")
    add(lane, *range(15))
    assert await publisher.flush(5)
    assert [int(value) for value in broker.log] == list(range(10, 15))
    assert publisher.dropped == 10


async def test_without_the_right_to_write_it_ends(publisher: Publisher, broker: Broker) -> None:
    broker.answer = lambda _: TopicAuthorizationFailedError("data")
    add(publisher.lane("data", b"key"), 1)
    assert not await publisher.flush(5)
    assert isinstance(publisher.failure, NotAllowed)


async def test_a_flush_is_bounded(publisher: Publisher, broker: Broker) -> None:
    broker.gate.clear()
    add(publisher.lane("data", b"key"), 1)
    assert not await publisher.flush(0.05)
    assert publisher.unacknowledged("data") == 1


async def test_room_is_made_by_what_is_sent(publisher: Publisher, broker: Broker) -> None:
    broker.gate.clear()
    add(publisher.lane("data", b"key"), *range(50))
    waiting = asyncio.create_task(publisher.room(10))
    await asyncio.sleep(0)
    assert not waiting.done()
    broker.gate.set()
    await asyncio.wait_for(waiting, 5)
    assert publisher.waiting <= 10


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)
