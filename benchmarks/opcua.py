"""Tags of an OPC UA server through `controlroom bridge` to `sensor-data`, and milliseconds from a value to the topic.

The server (asyncua's), three Kafka brokers and the bridge share the machine. Each tag gets a value a second, with the
time of its writing, not all at the same moment. One clock measures both ends; a part of the time is the server's: it
publishes what it has at each publishing interval.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks._opcua_server import OpcuaServer
from benchmarks._plant import Topic, running
from bridges.status import read_report
from controlroom.local import Endpoints
from controlroom.wire import decode_reading

_FILE = """
[bridge]
name = "bench"
spool = "spool"

[[source]]
name = "bench"
type = "opcua"
url = "{url}"
publishing = {publishing}
refresh = 0

[[source.tag]]
path = "Line 1/{{machine}}/{{sensor}}"
id = "{{sensor}}"
type = "machine-temperature"
"""


class Arrival(NamedTuple):
    """A reading on the topic: when its value was written and when it was read, seconds since 1970."""

    written: float
    seen: float
    sensor_id: str
    number: int
    value: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tags, intervals, duration."""
    parser.add_argument("--tags", type=int, default=1_000)
    parser.add_argument("--publishing", default="0.5,0.1", help="publishing intervals, seconds, by commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each")
    parser.add_argument("--warm", type=float, default=5.0, help="seconds before the first that is counted")
    parser.add_argument("--heap", default="768m", help="Java heap of each broker")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure each interval on a topic and with a server of its own."""
    figures: dict[str, Any] = {}
    print(
        f"{'publishing':>10}{'arrived/s':>11}{'lost':>6}{'doubled':>9}{'p50':>8}{'p95':>8}{'p99':>8}   ms{'bridge':>9}"
    )
    with running(args.heap) as endpoints, tempfile.TemporaryDirectory(prefix="controlroom-bench-") as directory:
        for publishing in args.publishing.split(","):
            place = Path(directory) / publishing
            place.mkdir()
            row = asyncio.run(_measure(args, endpoints, publishing, place))
            figures |= {f"{name}_{publishing}": value for name, value in row.items()}
            print(
                f"{publishing:>8} s{row['arrived_per_s']:11,.0f}{row['lost']:6}{row['doubled']:9}"
                f"{row['p50_ms']:8.1f}{row['p95_ms']:8.1f}{row['p99_ms']:8.1f}{row['bridge_percent']:10.0f} %",
                flush=True,
            )
    return figures


async def _measure(args: argparse.Namespace, endpoints: Endpoints, publishing: str, place: Path) -> dict[str, Any]:
    topic = await Topic.make(endpoints.brokers, 3)
    server = OpcuaServer(place, tags=args.tags, hz=1.0, options=("--spread",))
    server.start()
    try:
        (place / "bridge.toml").write_text(_FILE.format(url=server.url, publishing=publishing))
        with _bridging(endpoints, topic, place, args.tags) as process:
            arrived: list[Arrival] = []
            reading = asyncio.create_task(_read(endpoints, topic, arrived))
            await asyncio.sleep(args.warm)
            before, began = sum(process.cpu_times()[:2]), time.monotonic()
            await asyncio.sleep(args.seconds)
            percent = 100 * (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)
            reading.cancel()
            await asyncio.wait([reading])
    finally:
        server.stop()
    first = min(one.seen for one in arrived) + args.warm
    counted = [one for one in arrived if one.seen >= first]
    waits = [one.seen - one.written for one in counted]
    values: dict[str, list[int]] = {}
    for one in arrived:
        values.setdefault(one.sensor_id, []).append(one.value)
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {
        "arrived_per_s": round(len(counted) / args.seconds, 1),
        # Of the values of a tag, each is one more than the one before.
        "lost": sum(max(told) - min(told) + 1 - len(set(told)) for told in values.values()),
        "doubled": sum(len(told) - len(set(told)) for told in values.values()),
        "bridge_percent": round(percent, 1),
        **{f"p{p}_ms": round(cuts[p - 1] * 1000, 1) for p in (50, 95, 99)},
    }


async def _read(endpoints: Endpoints, topic: Topic, found: list[Arrival]) -> None:
    """Every reading on the topic from now on."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=endpoints.brokers, enable_auto_commit=False, isolation_level="read_committed"
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic.name, part) for part in range(3)]
        consumer.assign(tps)
        await consumer.seek_to_end(*tps)
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                now = time.time()
                for record in records:
                    one = decode_reading(record.value)
                    found.append(
                        Arrival(
                            one.timestamp.timestamp(), now, one.sensor_id, one.metadata.reading_count, int(one.value)
                        )
                    )
    finally:
        await consumer.stop()


@contextmanager
def _bridging(endpoints: Endpoints, topic: Topic, place: Path, tags: int) -> Iterator[psutil.Process]:
    """`controlroom bridge` while the block runs, from when it has all tags."""
    environment = {**os.environ, "KAFKA_BROKERS": endpoints.brokers, "SENSOR_TOPIC": topic.name}
    command = [sys.executable, "-m", "controlroom", "bridge", str(place / "bridge.toml")]
    process = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + 60
        while (report := read_report(place / "spool")) is None or not report.well or report.sources[0].tags < tags:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
