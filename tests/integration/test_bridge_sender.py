"""From the spool to real brokers: what was sent and not confirmed goes out again and is written once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from bridges.sender import Sender
from bridges.spool import Spool
from bridges.spool_writer import SpoolWriter
from controlroom.local import Endpoints
from kafka_clients.closing import close_consumer
from kafka_clients.errors import BrokersUnreachable, TopicMissing
from tests.conftest import MakeTopic


class Scene:
    """One spool, and the processes that use it one after the other."""

    def __init__(self, path: Path, brokers: str, topic: str) -> None:
        self.path = path
        self.brokers = brokers
        self.topic = topic
        self.value = 0
        self.running = False
        self.deaf = False

    async def begin(self, *, wait: bool = True) -> None:
        self.spool = Spool(self.path / "spool.db", 10**9, 1e9)
        self.writer = SpoolWriter(self.spool, "hall", lambda _: 0)
        confirm = self.writer.confirm
        # A process that dies before it hears of the confirmation.
        self.writer.confirm = lambda *args: None if self.deaf else confirm(*args)  # type: ignore[method-assign]
        self.writer.start()
        self.sender = Sender({"bootstrap_servers": self.brokers}, self.topic, self.writer)
        self.task = asyncio.create_task(self.sender.run())
        self.running = True
        if wait:
            await self.sender.connected(self.task)

    async def end(self) -> None:
        if self.running:
            self.running = False
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            await asyncio.to_thread(self.writer.stop)
            self.spool.close()

    def add(self, count: int) -> None:
        rows = []
        for _ in range(count):
            self.value += 1
            rows.append((self.value % 2, b"key", str(self.value).encode()))
        self.writer.do(lambda spool: spool.store(rows, {}))

    async def change(self, action: Callable[[Spool], object]) -> None:
        """Between two processes."""
        spool = Spool(self.path / "spool.db", 10**9, 1e9)
        spool.begin()
        action(spool)
        spool.end()
        spool.close()

    async def written(self, topic: str | None = None) -> list[list[int]]:
        """The values on each partition, in order."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.brokers, enable_auto_commit=False)
        await consumer.start()
        try:
            tps = [TopicPartition(topic or self.topic, part) for part in range(2)]
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            ends = await consumer.end_offsets(tps)
            found: list[list[int]] = [[], []]
            while sum(map(len, found)) < sum(ends.values()):
                for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                    found[tp.partition] += [int(record.value) for record in records]
            return found
        finally:
            await close_consumer(consumer)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    def expected(self) -> list[list[int]]:
        return [list(range(2, self.value + 1, 2)), list(range(1, self.value + 1, 2))]


@pytest.fixture
async def scene(endpoints: Endpoints, topics: MakeTopic, tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path, endpoints.brokers, await topics("data", partitions=2))
    yield made
    await made.end()


async def test_all_of_it_arrives_in_order(scene: Scene) -> None:
    await scene.begin()
    for _ in range(20):
        scene.add(500)
        await asyncio.sleep(0.01)
    await scene.until(lambda: scene.writer.sent == 10_000)
    assert scene.spool.waiting == 0
    assert await scene.written() == scene.expected()


async def test_what_was_written_but_not_confirmed_is_found_at_the_next_start(scene: Scene) -> None:
    await scene.begin()
    scene.add(100)
    await scene.until(lambda: scene.writer.sent == 100)
    scene.deaf = True
    scene.add(100)
    await scene.until(lambda: not scene.sender._batches and scene.spool.waiting == 100)
    await asyncio.sleep(0.3)
    await scene.end()
    assert sum(map(len, await scene.written())) == 200
    scene.deaf = False
    await scene.begin()
    await scene.until(lambda: scene.spool.waiting == 0)
    scene.add(50)
    await scene.until(lambda: scene.writer.sent >= 50)
    assert await scene.written() == scene.expected()


async def test_a_batch_that_the_look_does_not_find_is_not_written_twice_by_the_brokers(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch may be in a leader's log before it can be read: then only the producer's numbers tell."""

    async def all_of_it(_options: object, _topic: str, _part: int, _start: object, records: list[object]) -> object:
        return records

    monkeypatch.setattr("bridges.producer.missing_from", all_of_it)
    await scene.begin()
    scene.add(100)
    await scene.until(lambda: scene.writer.sent == 100)
    scene.deaf = True
    scene.add(100)
    await scene.until(lambda: not scene.sender._batches and scene.spool.waiting == 100)
    await asyncio.sleep(0.3)
    await scene.end()
    scene.deaf = False
    await scene.begin()
    scene.add(100)
    await scene.until(lambda: scene.spool.waiting == 0)
    assert await scene.written() == scene.expected()


async def test_brokers_that_do_not_know_the_numbers_get_another_producer(scene: Scene) -> None:
    await scene.begin()
    scene.add(100)
    await scene.until(lambda: scene.writer.sent == 100)
    await scene.end()
    before = json.loads(_note(scene))
    await scene.change(lambda spool: spool.db.execute("UPDATE lanes SET sequence = sequence + 1000"))
    await scene.begin()
    scene.add(200)
    await scene.until(lambda: scene.writer.sent == 200)
    assert await scene.written() == scene.expected()
    await scene.end()
    assert json.loads(_note(scene))["identity"] != before["identity"]


async def test_another_producer_while_all_partitions_are_busy(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridges.sender._LAST_SEQUENCE", 2500)
    await scene.begin()
    for _ in range(60):
        scene.add(400)
        await asyncio.sleep(0.01)
    await scene.until(lambda: scene.writer.sent == 24_000)
    assert await scene.written() == scene.expected()


async def test_numbers_that_are_used_up_begin_again_with_another_producer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridges.sender._LAST_SEQUENCE", 2500)
    await scene.begin()
    for _ in range(30):
        scene.add(200)
        await asyncio.sleep(0.02)
    await scene.until(lambda: scene.writer.sent == 6000)
    assert await scene.written() == scene.expected()


async def test_what_waits_goes_to_another_topic_if_that_is_named(scene: Scene, topics: MakeTopic) -> None:
    await scene.begin()
    scene.add(10)
    await scene.until(lambda: scene.writer.sent == 10)
    await scene.end()
    await scene.change(lambda spool: spool.store([(1, b"key", b"11"), (0, b"key", b"12")], {}))
    scene.topic = await topics("other", partitions=2)
    await scene.begin()
    await scene.until(lambda: scene.writer.sent == 2)
    assert sorted(await scene.written()) == [[], [11, 12]]


async def test_at_the_first_start_brokers_and_topic_must_be_there(scene: Scene) -> None:
    topic, brokers = scene.topic, scene.brokers
    scene.topic = "no-such-topic"
    await scene.begin(wait=False)
    with pytest.raises(TopicMissing, match="no topic 'no-such-topic'"):
        await scene.sender.connected(scene.task)
    await scene.end()
    scene.topic, scene.brokers = topic, "127.0.0.1:1"
    await scene.begin(wait=False)
    with pytest.raises(BrokersUnreachable):
        await scene.sender.connected(scene.task)
    await scene.end()
    # Later ones begin without.
    await scene.change(lambda spool: spool.put("partitions", "[0, 1]"))
    await scene.begin(wait=False)
    await asyncio.sleep(1)
    assert not scene.task.done()
    await scene.end()
    scene.brokers = brokers
    await scene.begin(wait=False)
    await scene.sender.connected(scene.task)
    scene.add(2)
    await scene.until(lambda: scene.writer.sent == 2)


def _note(scene: Scene) -> str:
    spool = Spool(scene.path / "spool.db", 10**9, 1e9)
    try:
        return spool.get("producer") or ""
    finally:
        spool.close()
