"""A plant in a temporary directory with one topic set, for benchmarks that drive workers themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.postgres.migrate import migrate
from controlroom.local import Endpoints
from controlroom.local import ports as plant_ports
from controlroom.local.plant import LocalPlant
from controlroom.wire import TopicSpec


@contextmanager
def running(heap: str) -> Iterator[Endpoints]:
    """Three brokers and a migrated PostgreSQL, on free ports, gone afterwards."""
    with running_plant(heap) as (_, endpoints):
        yield endpoints


@contextmanager
def running_plant(heap: str) -> Iterator[tuple[LocalPlant, Endpoints]]:
    """The same with the plant itself, to take parts of it away."""
    with tempfile.TemporaryDirectory(prefix="controlroom-bench-") as directory:
        plant = LocalPlant(Path(directory), heap=heap, ports=plant_ports.free_ports(3))
        endpoints = plant.start()
        try:
            asyncio.run(migrate(endpoints.dsn))
            yield plant, endpoints
        finally:
            plant.stop()


@dataclass(frozen=True, slots=True)
class Topic:
    """Readings and alerts of one measurement."""

    name: str

    @classmethod
    async def make(cls, brokers: str, partitions: int) -> Topic:
        name = f"bench-{uuid4().hex[:8]}"
        stamped = {"message.timestamp.type": "LogAppendTime"}
        specs = [
            TopicSpec(name, partitions, stamped),
            TopicSpec(f"{name}-alerts", 2, {}),
            TopicSpec(f"{name}.dlt", 1, {}),
        ]
        await ensure_topics(brokers, specs)
        return cls(name)

    @property
    def alerts(self) -> str:
        """Where its alarm events go."""
        return f"{self.name}-alerts"

    @contextmanager
    def detecting(
        self, endpoints: Endpoints, *options: str, log: int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        """`controlroom detect` on it while the block runs."""
        environment = {
            **os.environ,
            "KAFKA_BROKERS": endpoints.brokers,
            "CONTROLROOM_DSN": endpoints.dsn,
            "SENSOR_TOPIC": self.name,
            "CONTROLROOM_ALERTS_TOPIC": self.alerts,
            "CONTROLROOM_GROUP": self.name,
        }
        command = [sys.executable, "-m", "controlroom", "detect", *options]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
