"""MQTT values a second through `controlroom bridge` to `sensor-data`, and milliseconds from a publisher to the topic.

mosquitto, three Kafka brokers, the bridge and the publisher share the machine. Values are JSON with the time of their
sending, QoS 1, of 1,000 sensors; each is on disk before it is acknowledged. One clock measures both ends. The bridge's
CPU time a value is the figure that other work on the machine changes least.

With `--store` a detection worker runs, too, and the values are counted in PostgreSQL instead of on the topic.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks._mosquitto import Mosquitto, mosquitto, program
from benchmarks._plant import Topic, running
from bridges.status import read_report
from controlroom.local import Endpoints
from controlroom.wire import decode_reading

SENSORS = 1_000
_FILE = """
[bridge]
name = "bench"
spool = "spool"

[[source]]
name = "bench"
type = "mqtt"
url = "{url}"
version = "{version}"

[[source.tag]]
topic = "plant/{{machine}}/{{sensor}}"
type = "machine-temperature"
payload = "json"
value_path = "v"
time_path = "t"
time_format = "us"
"""


class Arrival(NamedTuple):
    """A reading on the topic; when its value was published and when it was read, seconds since 1970."""

    sent: float
    seen: float
    sensor_id: str
    number: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Rates, duration."""
    parser.add_argument("--rates", default="100,1000,5000,10000", help="values per second, by commas")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each rate")
    parser.add_argument("--warm", type=float, default=5.0, help="seconds before the first that is counted")
    parser.add_argument("--mqtt", choices=["3.1.1", "5"], default="3.1.1", help="version of the bridge's connection")
    parser.add_argument("--store", action="store_true", help="through a detection worker to PostgreSQL")
    parser.add_argument("--heap", default="768m", help="Java heap of each broker")
    parser.add_argument("--publish", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure each rate on a topic of its own."""
    if args.publish:
        _publish(args.port, args.publish, args.warm + args.seconds)
        return {}
    if program() is None:
        raise SystemExit("bridge: mosquitto is not installed (Debian's package: mosquitto)")
    figures: dict[str, Any] = {}
    head = f"{'asked/s':>10}{'arrived/s':>11}{'lost':>6}{'doubled':>9}{'CPU µs':>8}"
    print(head if args.store else f"{head}{'p50':>8}{'p95':>8}{'p99':>8}   ms")
    with running(args.heap) as endpoints, tempfile.TemporaryDirectory(prefix="controlroom-bench-") as directory:
        for rate in (int(rate) for rate in args.rates.split(",")):
            with mosquitto(Path(directory) / f"mqtt-{rate}", "autosave_on_changes false") as broker:
                measure = _measure_stored if args.store else _measure
                row = asyncio.run(measure(args, endpoints, broker, rate, Path(directory) / f"bridge-{rate}"))
            figures |= {f"{name}_{rate}": value for name, value in row.items()}
            line = f"{rate:10,}{row['arrived_per_s']:11,.0f}{row['lost']:6}{row['doubled']:9}{row['cpu_us']:8.1f}"
            if not args.store:
                line += f"{row['p50_ms']:8.1f}{row['p95_ms']:8.1f}{row['p99_ms']:8.1f}"
            print(line, flush=True)
    return figures


async def _measure(
    args: argparse.Namespace, endpoints: Endpoints, broker: Mosquitto, rate: int, directory: Path
) -> dict[str, Any]:
    topic = await Topic.make(endpoints.brokers, 3)
    with _bridging(args, endpoints, topic, broker, directory) as process:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=endpoints.brokers, enable_auto_commit=False, isolation_level="read_committed"
        )
        await consumer.start()
        tps = [TopicPartition(topic.name, part) for part in range(3)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        arrived: list[Arrival] = []
        reading = asyncio.create_task(_read(consumer, arrived))
        before = _cpu_s(process)
        sent = await _published(args, broker, rate)
        deadline = time.monotonic() + 60
        while len(arrived) < sent and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        cpu = _cpu_s(process) - before
        reading.cancel()
        await asyncio.wait([reading])
        await consumer.stop()
    first = min(one.sent for one in arrived) + args.warm
    counted = [one for one in arrived if one.sent >= first]
    waits = [one.seen - one.sent for one in counted]
    span = max(one.seen for one in counted) - min(one.seen for one in counted)
    distinct = len({(one.sensor_id, one.number) for one in arrived})
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {
        "arrived_per_s": round(len(counted) / span, 1),
        "lost": sent - distinct,
        "doubled": len(arrived) - distinct,
        "cpu_us": round(cpu / sent * 1e6, 1),
        **{f"p{p}_ms": round(cuts[p - 1] * 1000, 1) for p in (50, 95, 99)},
    }


async def _measure_stored(
    args: argparse.Namespace, endpoints: Endpoints, broker: Mosquitto, rate: int, directory: Path
) -> dict[str, Any]:
    """The same until every value is a row in PostgreSQL."""
    topic = await Topic.make(endpoints.brokers, 3)
    connection = await asyncpg.connect(endpoints.dsn)
    with topic.detecting(endpoints), _bridging(args, endpoints, topic, broker, directory) as process:
        before, began = _cpu_s(process), time.monotonic()
        sent = await _published(args, broker, rate)
        committed = "SELECT coalesce(sum(next_offset), 0) FROM watermark WHERE topic = $1"
        deadline = time.monotonic() + 120
        while await connection.fetchval(committed, topic.name) < sent and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        took, cpu = time.monotonic() - began, _cpu_s(process) - before
        counts = "SELECT count(*), count(DISTINCT (sensor_id, seq)) FROM readings WHERE topic = $1"
        ((rows, different),) = await connection.fetch(counts, topic.name)
    await connection.close()
    return {
        # From the first value to the last row: the publisher's start is in it.
        "arrived_per_s": round(different / took, 1),
        "lost": sent - different,
        "doubled": rows - different,
        "cpu_us": round(cpu / sent * 1e6, 1),
    }


async def _published(args: argparse.Namespace, broker: Mosquitto, rate: int) -> int:
    """Publish from another process; how many values the broker has confirmed."""
    command = [sys.executable, "-m", "benchmarks", "bridge", "--publish", str(rate), "--port", str(broker.port),
               "--seconds", str(args.seconds), "--warm", str(args.warm)]  # fmt: skip
    publisher = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await publisher.communicate()
    return int(out.split()[0])


def _cpu_s(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds that a process has used."""
    return float(sum(psutil.Process(process.pid).cpu_times()[:2]))


async def _read(consumer: AIOKafkaConsumer, found: list[Arrival]) -> None:
    """Every reading on the topic."""
    while True:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            now = time.time()
            for record in records:
                reading = decode_reading(record.value)
                found.append(
                    Arrival(reading.timestamp.timestamp(), now, reading.sensor_id, reading.metadata.reading_count)
                )


@contextmanager
def _bridging(
    args: argparse.Namespace, endpoints: Endpoints, topic: Topic, broker: Mosquitto, directory: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`controlroom bridge` while the block runs."""
    directory.mkdir()
    file = directory / "bridge.toml"
    file.write_text(_FILE.format(url=broker.url, version=args.mqtt))
    environment = {**os.environ, "KAFKA_BROKERS": endpoints.brokers, "SENSOR_TOPIC": topic.name}
    process = subprocess.Popen([sys.executable, "-m", "controlroom", "bridge", str(file)], env=environment)
    try:
        deadline = time.monotonic() + 30
        while (report := read_report(directory / "spool")) is None or not report.well:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _publish(port: int, rate: int, seconds: float) -> None:
    """Publish at this rate, QoS 1; print how many the broker has confirmed.

    On a bare socket: a client library would take as much of the machine as what is measured.
    """
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = b"publisher"
    client.sendall(_packet(0x10, b"\0\4MQTT\4\2\0\0" + len(name).to_bytes(2, "big") + name))
    assert client.recv(4) == b"\x20\2\0\0"
    confirmed = 0

    def count() -> None:
        nonlocal confirmed
        received = 0
        while data := client.recv(65_536):
            # Nothing but PUBACK comes, four bytes each.
            received += len(data)
            confirmed = received // 4

    threading.Thread(target=count, daemon=True).start()
    topics = [f"plant/m-{index % 50:03d}/t-{index:04d}".encode() for index in range(SENSORS)]
    sent = 0
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        packets = []
        # No more under way than the broker takes from one client.
        for _ in range(min(int(elapsed * rate) - sent, 1_000 - (sent - confirmed))):
            value, topic = 20 + sent % 100 / 10, topics[sent % SENSORS]
            payload = b'{"v":%.2f,"t":%d}' % (value, time.time_ns() // 1000)
            head = len(topic).to_bytes(2, "big") + topic + (sent % 65_535 + 1).to_bytes(2, "big")
            packets.append(_packet(0x32, head + payload))
            sent += 1
        client.sendall(b"".join(packets))
        time.sleep(0.002)
    deadline = time.monotonic() + 60
    while confirmed < sent and time.monotonic() < deadline:
        time.sleep(0.05)
    print(confirmed, flush=True)
    client.close()


def _packet(kind: int, body: bytes) -> bytes:
    """An MQTT packet of less than 16 KiB."""
    size = len(body)
    return bytes([kind, size] if size < 128 else [kind, size % 128 | 128, size // 128]) + body
