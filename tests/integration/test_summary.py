"""Consoles read the summary that workers write, and each reading where no worker does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from controlroom.adapters.console.link import Link
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.config import Settings
from controlroom.core.plant_state import PlantState
from controlroom.wire import Location, Metadata, Reading, encode_reading, topic_specs
from tests.integration.test_link import settings, until  # noqa: F401 - a fixture

PLACE = Location("production", "machine-7", "zone-b")


class Sensors:
    """Sensors that send at once, each to a partition of its own."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._count = 0

    async def send(self, values: list[float], *, quality: float = 1.0) -> None:
        for value in values:
            self._count += 1
            for part in range(3):
                reading = Reading(
                    datetime.now(UTC), f"s-{part}", "temperature", PLACE, value, "°C", quality=quality,
                    metadata=Metadata(self._count, 35.0, 40.0),
                )  # fmt: skip
                await self._producer.send(
                    self._topic, key=f"s-{part}".encode(), value=encode_reading(reading), partition=part
                )
        await self._producer.flush()


@asynccontextmanager
async def until_left(service: object) -> AsyncIterator[None]:
    """Run a service with `run(stop)` while the block lasts."""
    stop = asyncio.Event()
    task = asyncio.create_task(service.run(stop))  # type: ignore[attr-defined]
    try:
        yield
    finally:
        stop.set()
        await task


def shows(state: PlantState, value: float) -> bool:
    return [state.sensors[name].last_value for name in sorted(state.sensors)] == [value] * 3


def by_reading(state: PlantState) -> tuple[int, ...] | None:
    return state.feed_health.by_reading if state.feed_health is not None else None


async def test_a_console_reads_the_summary_while_a_worker_writes_it(settings: Settings) -> None:  # noqa: F811
    assert settings.brokers is not None
    assert settings.dsn is not None
    dsn, kafka = settings.dsn.get_secret_value(), KafkaConnection.of(settings.brokers, settings)
    spec = next(spec for spec in topic_specs(settings.topics) if spec.name == settings.topics.summary)
    await ensure_topics(settings.brokers, [spec])

    def link() -> tuple[Link, PlantState]:
        state = PlantState()
        return Link(kafka, dsn, settings.topics, settings.group, state, operator="tester"), state

    def worker() -> DetectionWorker:
        return DetectionWorker(kafka, dsn, worker_options(settings))

    console, state = link()
    async with (
        AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all") as producer,
        until_left(console),
    ):
        sensors = Sensors(producer, settings.sensor_topic)
        # No worker has ever run: the summary's topic is there, and nothing is in it.
        await until(lambda: by_reading(state) == (0, 1, 2))
        await sensors.send([20.0, 21.0, 22.0])
        await until(lambda: shows(state, 22.0))
        before = state.live_readings or 0
        async with until_left(worker()):
            await until(lambda: by_reading(state) == ())
            await sensors.send([float(number) for number in range(20, 30)] * 20)
            await until(lambda: shows(state, 29.0))
            # All are counted, and only the last one of a second is kept.
            await until(lambda: (state.live_readings or 0) >= before + 600)
            assert len(state.sensors["s-0"].history) < 100
            await sensors.send([24.0], quality=0.4)
            await until(lambda: shows(state, 24.0))
            view = state.sensors["s-1"]
            assert (view.quality, view.unit, view.location, view.critical) == (0.4, "°C", PLACE, 40.0)
            assert view.reading_count == 204

            # Who opens later sees the same.
            second, later = link()
            async with until_left(second):
                await until(lambda: by_reading(later) == () and len(later.sensors) == 3)
                assert shows(later, 24.0)
                assert later.sensors["s-2"].quality == 0.4

        # The worker has ended: a reading is shown all the same, and no earlier one is missed or shown twice.
        kept = state.sensors["s-0"].history.values(1000)
        await sensors.send([31.0, 32.0])
        await until(lambda: shows(state, 32.0))
        assert by_reading(state) == (0, 1, 2)
        assert state.sensors["s-0"].history.values(1000) == [*kept, 31.0, 32.0]

        # The next one takes over, with the numbers of its own.
        async with until_left(worker()):
            await until(lambda: by_reading(state) == ())
            await sensors.send([33.0])
            await until(lambda: shows(state, 33.0))
