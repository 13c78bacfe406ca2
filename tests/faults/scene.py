"""A topic under load, workers as processes, and the ways to hurt them; the audit tells what came of it."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError

from controlroom.adapters.fsck.audit import Audit, AuditOptions, audit
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.config import Settings, load_settings
from controlroom.errors import Stalled, Unreachable
from controlroom.wire import Location, Metadata, Reading, TopicSpec, encode_reading

START = datetime(2026, 3, 1, tzinfo=UTC)
PLACE = Location("production", "machine-001", "zone-a")
PARTITIONS = 3


def reading(sensor: str, number: int, value: float) -> bytes:
    at = START + timedelta(seconds=number)
    return encode_reading(
        Reading(at, sensor, "temperature", PLACE, value, "°C", "normal", 1.0, Metadata(number, 35.0, 40.0))
    )


def value_of(index: int, number: int) -> float:
    """Quiet; over the warning limit for a while, then over the critical one, each sensor in its own turn."""
    phase = (number + 7 * index) % 200
    return 36.0 if 100 <= phase < 120 else 41.0 if 120 <= phase < 130 else 25.0 + (phase % 10) / 10


@dataclass
class Scene:
    """One group on a topic of its own."""

    settings: Settings
    dsn: str
    directory: Path
    sensors: int = 30
    sent: int = 0
    partitions: int = PARTITIONS
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    #: start another for a worker that says that something is not there, as `detect --workers` does
    revives: bool = False

    @classmethod
    async def make(cls, brokers: str, dsn: str, directory: Path, **settings: object) -> Scene:
        name = f"faults-{secrets.token_hex(4)}"
        await ensure_topics(
            brokers,
            [
                TopicSpec(name, PARTITIONS, {"message.timestamp.type": "LogAppendTime"}),
                TopicSpec(f"{name}-alerts", 2, {}),
                TopicSpec(f"{name}.dlt", 1, {}),
                TopicSpec(f"{name}-bridges", 1, {"cleanup.policy": "compact"}),
            ],
        )
        made = load_settings(
            brokers=brokers,
            dsn=dsn,
            sensor_topic=name,
            alerts_topic=f"{name}-alerts",
            bridges_topic=f"{name}-bridges",
            group=name,
            **settings,
        )
        return cls(made, dsn, directory)

    @property
    def log(self) -> Path:
        return self.directory / "workers.log"

    def start_worker(self, *options: str) -> subprocess.Popen[bytes]:
        settings = self.settings
        environment = {
            **os.environ,
            "KAFKA_BROKERS": settings.brokers or "",
            "CONTROLROOM_DSN": self.dsn,
            "SENSOR_TOPIC": settings.sensor_topic,
            "CONTROLROOM_ALERTS_TOPIC": settings.alerts_topic,
            "CONTROLROOM_BRIDGES_TOPIC": settings.bridges_topic,
            "CONTROLROOM_GROUP": settings.group,
            "CONTROLROOM_DETECTORS": settings.detectors,
            "CONTROLROOM_MAX_SENSORS": str(settings.max_sensors),
            "CONTROLROOM_STORE_READINGS": settings.store_readings,
        }
        command = [sys.executable, "-m", "controlroom", "detect", *options]
        with self.log.open("ab") as stderr:
            worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=stderr)
        self.workers.append(worker)
        return worker

    async def publish(self, turns: int) -> None:
        """The next readings of every sensor, in order, acknowledged by the brokers."""
        records = [
            (f"temp-{index:03d}", number)
            for number in range(self.sent // self.sensors + 1, self.sent // self.sensors + turns + 1)
            for index in range(self.sensors)
        ]
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.brokers, acks="all", enable_idempotence=True, linger_ms=10
        )
        await producer.start()
        try:
            sent = [
                await producer.send(
                    self.settings.sensor_topic,
                    key=name.encode(),
                    value=reading(name, number, value_of(int(name[5:]), number)),
                )
                for name, number in records
            ]
            await asyncio.gather(*sent)
        finally:
            await asyncio.wait_for(producer.stop(), 10)
        self.sent += len(records)

    async def feed(self, stop: asyncio.Event, turns: int = 10, pause: float = 0.05) -> None:
        """Publish until told to stop."""
        while not stop.is_set():
            try:
                await self.publish(turns)
            except (KafkaError, TimeoutError):
                # Some of it may be there: the sensors go on with the next numbers, as real ones would.
                self.sent += turns * self.sensors
            await asyncio.sleep(pause)

    async def add_partitions(self, total: int) -> None:
        """The keys are spread anew: sensors move."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.brokers)
        await admin.start()
        try:
            await admin.create_partitions({self.settings.sensor_topic: NewPartitions(total)})
        finally:
            await admin.close()
        self.partitions = total

    async def committed(self) -> int:
        """Records behind the watermarks; -1 while the database does not answer."""
        try:
            return int(await self.value("SELECT coalesce(sum(next_offset), 0) FROM watermark"))
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return -1

    async def value(self, sql: str, *args: object) -> object:
        connection = await asyncpg.connect(self.dsn, timeout=5)
        try:
            return await connection.fetchval(sql, *args, timeout=5)
        finally:
            connection.terminate()

    async def until_committed(self, records: int, *, patience: float = 60.0) -> None:
        async with asyncio.timeout(patience):
            while await self.committed() < records:
                self.require_alive()
                await asyncio.sleep(0.1)

    def require_alive(self) -> None:
        for worker in list(self.workers):
            code = worker.poll()
            # 0: it was told to end while it was stopped, and heard of it when it went on.
            if self.revives and code in (0, Unreachable.exit_code, Stalled.exit_code):
                self.workers.remove(worker)
                self.start_worker()
            elif code is not None and code > 0:
                raise AssertionError(f"a worker ended with {code}:\n{self.log.read_text()[-3000:]}")

    async def crash_postgres(self) -> None:
        """Kill one of the server's processes: it throws out every client and recovers from its log."""
        connection = await asyncpg.connect(self.dsn)
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        os.kill(pid, signal.SIGKILL)
        connection.terminate()

    async def audited(self, options: AuditOptions | None = None) -> Audit:
        kafka = KafkaConnection.of(self.settings.brokers or "", self.settings)
        return await audit(kafka, self.dsn, worker_options(self.settings), options or AuditOptions())

    async def drain(self, *, patience: float = 90.0) -> None:
        """Everything that is on the topic is committed, and the workers have ended well."""
        from aiokafka import AIOKafkaConsumer, TopicPartition

        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.brokers)
        await consumer.start()
        try:
            tps = [TopicPartition(self.settings.sensor_topic, part) for part in range(self.partitions)]
            end = sum((await consumer.end_offsets(tps)).values())
        finally:
            await consumer.stop()
        await self.until_committed(end, patience=patience)
        self.stop_workers(signal.SIGTERM)
        for worker in self.workers:
            await asyncio.to_thread(worker.wait, 30)

    def stop_workers(self, number: int) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.send_signal(number)

    def close(self) -> None:
        self.stop_workers(signal.SIGKILL)
        for worker in self.workers:
            worker.wait()
