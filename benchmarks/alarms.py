"""How soon one console sees what another has done about an alarm: from the key to the other console's state.

The way is the real one: console A's transaction in PostgreSQL, the partition's owner that relays it to the alerts topic
(three brokers), console B that follows the topic. The owner also takes readings all the while.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from controlroom.adapters.console.service_thread import ServiceThread
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.feed import Feed
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.migrate import migrate
from controlroom.config import Settings, load_settings
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.plant_state import PlantState
from controlroom.local.plant import LocalPlant
from controlroom.wire import AlarmEvent, Location, Metadata, Reading, encode_reading, topic_specs

SENSORS = 50
PLACE = Location("production", "machine-001", "zone-a")
TARGET_MS = 250.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many actions, how much load."""
    parser.add_argument("--actions", type=int, default=200)
    parser.add_argument("--rate", type=float, default=50.0, help="readings a second meanwhile")
    parser.add_argument("--heap", default="256m", help="Java heap of each broker")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Bring up a plant in a temporary directory, measure."""
    with tempfile.TemporaryDirectory(prefix="controlroom-bench-") as directory:
        plant = LocalPlant(Path(directory), heap=args.heap)
        endpoints = plant.start()
        try:
            settings = load_settings(brokers=endpoints.brokers, dsn=endpoints.dsn, dir=Path(directory))
            return asyncio.run(_measure(args, settings, endpoints.dsn))
        finally:
            plant.stop()


class _Seen(PlantState):
    """Console B's state, which notes when it hears of an event."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[tuple[str, str, int], float] = {}

    def apply_alarm(self, event: AlarmEvent) -> None:
        """Note the time, and go on as a console does."""
        self.at.setdefault((event.sensor_id, event.kind, event.version), time.perf_counter())
        super().apply_alarm(event)


@contextmanager
def _on_thread(name: str, service: Any) -> Iterator[None]:  # noqa: ANN401 - ServiceThread's own
    thread = ServiceThread(name, service)
    thread.start()
    try:
        yield
    finally:
        thread.ask_to_stop()
        thread.join(15)


async def _measure(args: argparse.Namespace, settings: Settings, dsn: str) -> dict[str, Any]:
    kafka = KafkaConnection.of(settings.brokers or "", settings)
    await ensure_topics(settings.brokers or "", topic_specs(settings.topics))
    await migrate(dsn)
    worker = DetectionWorker(kafka, dsn, worker_options(settings))
    console = _Seen()

    async def follow(stop: asyncio.Event) -> None:
        feed = asyncio.create_task(Feed(kafka, settings.topics, console).run())
        await stop.wait()
        feed.cancel()
        await asyncio.wait([feed])

    with _on_thread("detection", worker.run), _on_thread("console B", follow):
        feeding = asyncio.create_task(_feed(settings, args.rate))
        store = AlarmActionStore(dsn, Definitions(), who="bench", whence="console A")
        try:
            sensor, kind = await _an_alarm(console)
            took: list[float] = []
            done: list[float] = []
            for number in range(args.actions):
                began = time.perf_counter()
                alarm = await store.comment(sensor, kind, f"number {number}")
                done.append(time.perf_counter() - began)
                took.append(await _seen(console, (sensor, kind, alarm.version)) - began)
                await asyncio.sleep(0.02 + 0.05 * ((number * 7) % 10) / 10)
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])
            await store.close()
    return {
        "actions": len(took),
        "action_ms_p50": _ms(done, 50),
        "action_ms_p95": _ms(done, 95),
        "seen_ms_p50": _ms(took, 50),
        "seen_ms_p95": _ms(took, 95),
        "seen_ms_max": round(1000 * max(took), 1),
        "target_ms_p95": TARGET_MS,
        "met": _ms(took, 95) <= TARGET_MS,
    }


def _ms(seconds: list[float], percentile: int) -> float:
    return round(1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percentile - 1], 1)


async def _seen(console: _Seen, key: tuple[str, str, int]) -> float:
    async with asyncio.timeout(30):
        while key not in console.at:
            await asyncio.sleep(0.001)
    return console.at[key]


async def _an_alarm(console: _Seen) -> tuple[str, str]:
    """The first alarm that console B hears of."""
    async with asyncio.timeout(60):
        while not console.at:
            await asyncio.sleep(0.05)
    sensor, kind, _ = next(iter(console.at))
    return sensor, kind


async def _feed(settings: Settings, rate: float) -> None:
    """Readings at `rate`; the first sensor stands over its limit from its tenth reading on."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all")
    await producer.start()
    try:
        for number in itertools.count():
            sensor, turn = number % SENSORS, number // SENSORS
            name = f"temp-sensor-{sensor:03d}"
            value = 41.0 if sensor == 0 and turn >= 10 else 25.0 + (number % 7) / 10
            reading = Reading(
                datetime.now(UTC), name, "temperature", PLACE, value, "°C", metadata=Metadata(turn + 1, 35.0, 40.0)
            )
            await producer.send(settings.sensor_topic, key=name.encode(), value=encode_reading(reading))
            await asyncio.sleep(1 / rate)
    finally:
        await producer.stop()
