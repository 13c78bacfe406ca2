"""Keep what a release leaves behind, for the tests of upgrades: its database and its topic, made by its own code.

    .venv/bin/python scripts/keep_release.py REVISION DIRECTORY

Run it once for each release, and commit the files that it writes to DIRECTORY (such as tests/releases/0.1.0):

    database.dump    the database, as pg_dump writes it, after readings, alarms and operators' acts
    topic.jsonl.gz   the records of its readings' topic: partition, key, value, milliseconds since the epoch

It starts a local plant of its own, and runs the release's code from a copy of that revision.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.postgres.client_programs import ClientPrograms
from controlroom.local import LocalPlant
from controlroom.local import ports as plant_ports
from controlroom.local.postgres import binaries
from controlroom.wire import TopicSpec

TOPIC, ALERTS, GROUP = "release-readings", "release-alerts", "release"
PARTITIONS = 3
SENSORS, SECONDS = 6, 200
#: Readings are there until so long after the records are made: until then no clock calls a sensor silent.
AHEAD_S = 60


def readings(begin: float) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value and time of each record: each sensor goes over its limits once, and one record is no reading."""
    for second in range(SECONDS):
        for index in range(SENSORS):
            phase = (second + 7 * index) % 200
            value = 36.0 if 100 <= phase < 120 else 41.0 if 120 <= phase < 130 else 25.0 + (phase * 37 % 11) / 10
            name, at = f"temp-{index:03d}", begin + second
            doc = {
                "timestamp": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
                "sensor_id": name, "sensor_type": "temperature",
                "location": {"factory_section": "production", "machine_id": "machine-001", "zone": "zone-a"},
                "value": value, "unit": "\N{DEGREE SIGN}C", "status": "normal", "quality": 1.0,
                "metadata": {"reading_count": second + 1, "warning_threshold": 35.0, "critical_threshold": 40.0},
            }  # fmt: skip
            yield name.encode(), json.dumps(doc).encode(), round(at * 1000)
        if second == SECONDS // 2:
            yield b"temp-000", b'{"half": ', round((begin + second) * 1000)


async def publish(brokers: str) -> list[tuple[int, str, str, int]]:
    """Publish the readings, and return them as they are kept."""
    choose = DefaultPartitioner()
    begin = float(int(time.time()) + AHEAD_S - SECONDS)
    kept = []
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", linger_ms=10)
    await producer.start()
    try:
        for key, value, at in readings(begin):
            partition = choose(key, list(range(PARTITIONS)), list(range(PARTITIONS)))
            await producer.send(TOPIC, key=key, value=value, partition=partition, timestamp_ms=at)
            kept.append((partition, key.decode(), value.decode(), at))
        await producer.flush()
    finally:
        await producer.stop()
    return kept


async def dump(dsn: str, path: Path) -> None:
    """Dump the database as `controlroom backup` does, whatever its schema is."""
    programs = ClientPrograms(binaries(), 18)
    await programs.run("pg_dump", "--format=custom", "--compress=9", "--schema=public", f"--file={path}", dsn=dsn)


def keep(revision: str, directory: Path, scratch: Path) -> None:
    """Make the files."""
    code = scratch / "code"
    code.mkdir()
    archive = subprocess.run(["git", "archive", revision], check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", code], input=archive.stdout, check=True)
    plant = LocalPlant(scratch / "plant", ports=plant_ports.free_ports(3))
    try:
        endpoints = plant.start()
        specs = [TopicSpec(TOPIC, PARTITIONS, {}), TopicSpec(ALERTS, 2, {})]
        asyncio.run(ensure_topics(endpoints.brokers, specs))
        environment = {
            **os.environ, "PYTHONPATH": str(code), "KAFKA_BROKERS": endpoints.brokers, "CONTROLROOM_COMPILED": "0",
            "CONTROLROOM_DSN": endpoints.dsn, "SENSOR_TOPIC": TOPIC, "CONTROLROOM_ALERTS_TOPIC": ALERTS,
            "CONTROLROOM_GROUP": GROUP, "CONTROLROOM_OPERATOR": "alice",
        }  # fmt: skip

        def controlroom(*words: str) -> None:
            print("controlroom", *words)
            command = [sys.executable, "-m", "controlroom", *words]
            subprocess.run(command, check=True, cwd=code, env=environment, stdout=subprocess.DEVNULL)

        controlroom("setup")
        kept = asyncio.run(publish(endpoints.brokers))
        controlroom("detect", "--until-idle", "2")
        controlroom("alarms", "ack", "temp-000", "limit", "--comment", "seen")
        controlroom("alarms", "shelve", "temp-001", "limit", "--for", "1d", "--reason", "noisy transmitter")
        controlroom("alarms", "comment", "temp-002", "limit", "pump 3 runs hot")
        directory.mkdir(parents=True, exist_ok=True)
        asyncio.run(dump(endpoints.dsn, directory / "database.dump"))
    finally:
        plant.stop()
    lines = "".join(json.dumps(record) + "\n" for record in kept).encode()
    (directory / "topic.jsonl.gz").write_bytes(gzip.compress(lines, 9, mtime=0))
    for path in sorted(directory.iterdir()):
        print(f"{path}: {path.stat().st_size} bytes")


def main() -> None:
    """Read the command line."""
    revision, directory = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="controlroom-release-") as scratch:
        Path(scratch).chmod(0o711)  # PostgreSQL runs as another account where this one is root
        keep(revision, Path(directory), Path(scratch))


if __name__ == "__main__":
    main()
