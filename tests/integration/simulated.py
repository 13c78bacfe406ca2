"""Simulators as processes, and what they leave on the topics."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord

from controlroom.local import Endpoints
from controlroom.wire import BadMessage, Reading, SensorCommand, SensorSpec, SensorStatus, TopicNames, decode_reading
from controlroom.wire.command import encode_command
from controlroom.wire.status import decode_status
from kafka_clients.closing import close_consumer, close_producer
from simulator.plant import default_plant
from tests.conftest import MakeTopic

CONTROLROOM = [sys.executable, "-m", "controlroom"]
#: the sensors of the built-in plant, and one of them that sends more often
BUILT_IN = {spec.sensor_id: spec for spec in default_plant().sensors}
QUICK = SensorSpec(
    sensor_id="temp-sensor-001", sensor_type="temperature", interval=0.1, location=BUILT_IN["temp-sensor-001"].location
)


class Plant:
    """The topics of one test: what is on them, and a way to write commands."""

    def __init__(self, brokers: str, names: TopicNames) -> None:
        self.brokers = brokers
        self.names = names
        self.env = environment(brokers, names)
        self.records: list[ConsumerRecord[bytes, bytes]] = []
        self.statuses: dict[str, list[SensorStatus]] = defaultdict(list)
        self.commands: dict[str, bytes | None] = {}
        self._moved = asyncio.Condition()
        self._producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all")
        self._consumer = AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest")

    async def start(self) -> None:
        await self._producer.start()
        await self._consumer.start()
        names = self.names
        data = [TopicPartition(names.data, partition) for partition in range(3)]
        self._consumer.assign([*data, TopicPartition(names.commands, 0), TopicPartition(names.status, 0)])
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await close_consumer(self._consumer)
        await close_producer(self._producer)

    async def _follow(self) -> None:
        names = self.names
        while True:
            for tp, records in (await self._consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    if tp.topic == names.data:
                        self.records.append(record)
                    elif tp.topic == names.status:
                        self.statuses[record.key.decode()].append(decode_status(record.value))
                    else:
                        self.commands[record.key.decode()] = record.value
            async with self._moved:
                self._moved.notify_all()

    async def until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until what is on the topics fulfils a condition."""
        async with asyncio.timeout(seconds), self._moved:
            await self._moved.wait_for(condition)

    async def write(self, sensor_id: str, value: bytes | None, topic: str | None = None) -> None:
        await self._producer.send_and_wait(topic or self.names.commands, value, key=sensor_id.encode())

    async def order(self, spec: SensorSpec, **fields: Any) -> SensorCommand:
        command = SensorCommand(
            command_id=fields.pop("command_id", os.urandom(4).hex()), spec=spec, issued_at=datetime.now(UTC), **fields
        )
        await self.write(spec.sensor_id, encode_command(command))
        return command

    def status(self, sensor_id: str) -> SensorStatus | None:
        return self.statuses[sensor_id][-1] if self.statuses[sensor_id] else None

    def is_(self, sensor_id: str, state: str) -> bool:
        status = self.status(sensor_id)
        return status is not None and status.state == state

    def readings(self, sensor_id: str | None = None) -> list[Reading]:
        """In the order of the partitions; of one sensor that is the order in which they were sent."""
        found = []
        for record in self.records:
            if sensor_id is None or record.key == sensor_id.encode():
                try:
                    found.append(decode_reading(record.value))
                except BadMessage:
                    continue
        return found

    def counts(self, sensor_id: str) -> list[int]:
        return [reading.metadata.reading_count for reading in self.readings(sensor_id)]

    def owners(self) -> set[str]:
        return {history[-1].owner for history in self.statuses.values() if history[-1].state == "running"}

    @asynccontextmanager
    async def simulate(self, *options: str, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """`controlroom simulate`, killed if the test leaves it behind."""
        process = await asyncio.create_subprocess_exec(
            *CONTROLROOM, "simulate", *options, stderr=asyncio.subprocess.PIPE, env=self.env | env
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                _, err = await process.communicate()
                print(f"simulate {process.pid} said:", err.decode())  # noqa: T201 - pytest shows it when a test fails

    async def run(self, *arguments: str, **env: str) -> tuple[int, str]:
        """A command to its end: exit code and stderr."""
        return await run(self.brokers, self.names, *arguments, **env)


def environment(brokers: str, names: TopicNames) -> dict[str, str]:
    """What tells a process which brokers and topics are the test's."""
    return os.environ | {
        "KAFKA_BROKERS": brokers,
        "SENSOR_TOPIC": names.data,
        "CONTROLROOM_COMMANDS_TOPIC": names.commands,
        "CONTROLROOM_STATUS_TOPIC": names.status,
    }


async def run(brokers: str, names: TopicNames, *arguments: str, **env: str) -> tuple[int, str]:
    """A command to its end: exit code and stderr."""
    process = await asyncio.create_subprocess_exec(
        *CONTROLROOM, *arguments, stderr=asyncio.subprocess.PIPE, env=environment(brokers, names) | env
    )
    async with asyncio.timeout(90):
        _, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


@asynccontextmanager
async def plant_of(endpoints: Endpoints, topics: MakeTopic) -> AsyncIterator[Plant]:
    """A plant on topics of the test's own."""
    compacted = {"cleanup.policy": "compact"}
    names = TopicNames(
        data=await topics("data", partitions=3),
        commands=await topics("commands", config=compacted),
        status=await topics("status", config=compacted),
    )
    plant = Plant(endpoints.brokers, names)
    await plant.start()
    yield plant
    await plant.stop()
