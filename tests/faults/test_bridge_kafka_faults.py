"""A bridge that reads topics of others, and all brokers, are killed under load: every record becomes one reading."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from controlroom.local import Endpoints, LocalPlant
from kafka_clients.closing import close_producer
from tests.bridging import Bridging, on_topic
from tests.conftest import MakeTopic

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

FILE = """
[bridge]
name = "{name}"
spool = "spool"

[[source]]
name = "erp"
type = "kafka"
brokers = "{brokers}"
group = "{topic}"
start = "earliest"
{more}
[[source.tag]]
topic = "{topic}"
id = "{{key}}"
type = "flow"
"""
PARTITIONS = 4
SENSORS = 20


class Feed:
    """Values of some sensors, each once: the n-th of a sensor is n; `confirmed` are those that are on the topic."""

    def __init__(self, brokers: str, topic: str, pause: float = 0.05) -> None:
        self._brokers = brokers
        self._topic = topic
        self._pause = pause
        self._stop = asyncio.Event()
        self.confirmed: list[tuple[str, int]] = []
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            producer = AIOKafkaProducer(
                bootstrap_servers=self._brokers,
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                linger_ms=5,
            )
            try:
                await producer.start()
                while not self._stop.is_set():
                    number += 1
                    await self._turn(producer, number)
                    await asyncio.sleep(self._pause)
            except (KafkaError, TimeoutError):
                await asyncio.sleep(0.5)
            finally:
                await close_producer(producer)

    async def _turn(self, producer: AIOKafkaProducer, number: int) -> None:
        """What is not confirmed may be there all the same, once: its number is not used again."""
        names = [f"s{index:02d}" for index in range(SENSORS)]
        async with asyncio.timeout(20):
            sent = [await producer.send(self._topic, str(number).encode(), name.encode()) for name in names]
            for name, one in zip(names, await asyncio.gather(*sent, return_exceptions=True), strict=True):
                if not isinstance(one, BaseException):
                    self.confirmed.append((name, number))

    async def finish(self) -> None:
        self._stop.set()
        await self._task


@pytest.fixture
async def topic(topics: MakeTopic) -> str:
    return await topics("foreign", partitions=PARTITIONS)


@pytest.fixture
async def bridging(endpoints: Endpoints, topics: MakeTopic, topic: str, tmp_path: Path) -> AsyncIterator[Bridging]:
    made = Bridging(tmp_path, endpoints.brokers, await topics("data", partitions=3))
    made.write(FILE.format(name="test", brokers=made.brokers, topic=topic, more=""))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


async def all_there(bridging: Bridging, feed: Feed, *, patience: float = 90.0) -> Counter[tuple[str, int]]:
    """(sensor, value) -> how often it is a reading, when all that was confirmed is."""
    await feed.finish()
    wanted = set(feed.confirmed)
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        found = Counter((reading.sensor_id, int(reading.value)) for reading in await on_topic(bridging))
        missing = wanted - found.keys()
        if not missing or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.5)
    assert not missing, (sorted(missing)[:20], len(missing), bridging.status(), bridging.said())
    return found


async def every_record_once(bridging: Bridging, feed: Feed) -> None:
    found = await all_there(bridging, feed)
    await bridging.drained()
    assert bridging.stop() == 0
    doubled = {one: count for one, count in found.items() if count > 1}
    assert not doubled, (doubled, bridging.said())
    # Each sensor's values in order, and numbered without a gap.
    by_sensor: dict[str, list[tuple[int, float]]] = {}
    for reading in await on_topic(bridging):
        by_sensor.setdefault(reading.sensor_id, []).append((reading.metadata.reading_count, reading.value))
    for readings in by_sensor.values():
        assert [number for number, _ in readings] == list(range(1, len(readings) + 1))
        assert [value for _, value in readings] == sorted(value for _, value in readings)


async def test_the_bridge_is_killed_again_and_again(bridging: Bridging, topic: str) -> None:
    feed = Feed(bridging.brokers, topic)
    bridging.start()
    repeated = 0
    for pause in (1.0, 0.3, 1.7, 0.6, 0.05):
        await bridging.until(lambda: bridging.source.get("readings", 0) > 50)
        await asyncio.sleep(pause)
        repeated += bridging.source["repeated"]
        bridging.kill()
        bridging.start()
    await bridging.until(lambda: bridging.source.get("readings", 0) > 50)
    repeated += bridging.source["repeated"]
    await every_record_once(bridging, feed)
    # Without having come again they would not have been recognised.
    assert repeated > 0


async def test_all_brokers_are_killed_and_the_bridge_too(bridging: Bridging, topic: str, plant: LocalPlant) -> None:
    feed = Feed(bridging.brokers, topic)
    bridging.start()
    try:
        await bridging.until(lambda: bridging.status().get("sent", 0) > 500)
        for number in (1, 2, 3):
            await asyncio.to_thread(plant.broker(number).kill)
        await bridging.until(lambda: "no Kafka broker answers" in bridging.source.get("error", ""))
        bridging.kill()
        bridging.start()
        await bridging.until(lambda: "no Kafka broker answers" in bridging.source.get("error", ""))
    finally:
        await asyncio.to_thread(plant.start)
    await bridging.until(lambda: bridging.status().get("sent", 0) > 500, patience=90)
    assert bridging.source["error"] == ""
    # Then one after the other, while it reads.
    try:
        for number in (1, 2, 3):
            await asyncio.to_thread(plant.broker(number).kill)
            await asyncio.sleep(3)  # long enough for leaders to move
            await asyncio.to_thread(plant.start)
            sent = bridging.status()["sent"]
            await bridging.until(lambda sent=sent: bridging.status()["sent"] > sent + 200, patience=60)
    finally:
        await asyncio.to_thread(plant.start)
    await every_record_once(bridging, feed)


async def test_of_bridges_that_share_a_group_one_is_killed(bridging: Bridging, topic: str, tmp_path: Path) -> None:
    """What it had taken and not committed is taken by the other too: a moment's records, and no more."""
    (tmp_path / "two").mkdir()
    other = Bridging(tmp_path / "two", bridging.brokers, bridging.topic)
    for one, name in ((bridging, "one"), (other, "two")):
        one.write(FILE.format(name=name, brokers=one.brokers, topic=topic, more="shared = true"))
        one.start()
    feed = Feed(bridging.brokers, topic)
    kills = 2
    try:
        for _ in range(kills):
            await other.until(lambda: other.source.get("readings", 0) > 200, patience=60)
            other.kill()
            sent = len(feed.confirmed)
            await bridging.until(lambda sent=sent: bridging.source["readings"] > sent // 2, patience=60)
            other.start()
        await other.until(lambda: other.source.get("readings", 0) > 200, patience=60)
        found = await all_there(bridging, feed)
        for one in (bridging, other):
            await one.drained()
            assert one.stop() == 0
    finally:
        if other.process is not None and other.process.poll() is None:
            other.kill()
    assert max(found.values()) <= 2
    # 400 a second, half of them its own, committed four times a second.
    assert sum(count - 1 for count in found.values()) < kills * 400
