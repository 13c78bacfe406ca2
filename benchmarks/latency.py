"""Milliseconds from a sensor's send to its alarm on `alerts`, and in PostgreSQL, and the worker's CPU, by readings/s.

One worker with everything committed, every reading stored. Some readings cross their limit: each carries the time of
its sending as its event time, and the alarm that it raises has that time, so one clock measures both ends.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from datetime import UTC, datetime
from typing import Any

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks._plant import Topic, running
from controlroom.local import Endpoints
from controlroom.wire import Location, Metadata, Reading, encode_reading
from controlroom.wire.alarm import decode_alarm_event

#: Sends come in ticks of so many seconds.
TICK_S = 0.005
PLACE = Location("production", "machine-001", "zone-a")
_RECORDED = """
SELECT at, recorded_at FROM alarm_events
WHERE event = 'raised' AND kind = 'limit' AND starts_with(sensor_id, $1)"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Rates, duration."""
    parser.add_argument("--rates", default="100,1000,10000", help="readings per second, by commas")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each rate")
    parser.add_argument("--warm", type=float, default=10.0, help="seconds before the first that is counted")
    parser.add_argument("--detectors", choices=["default", "cheap"], default="default")
    parser.add_argument("--heap", default="768m", help="Java heap of each broker")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure each rate on a topic of its own."""
    figures: dict[str, Any] = {}
    print(f"{'readings/s':>12}{'alarms':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'PG p50':>9}{'PG p99':>9} ms{'CPU':>8}")
    with running(args.heap) as endpoints:
        for rate in (int(rate) for rate in args.rates.split(",")):
            on_topic, in_database, cpu = asyncio.run(_measure(args, endpoints, rate))
            row = {**_percentiles(on_topic), **{f"pg_{k}": v for k, v in _percentiles(in_database).items()}}
            row["cpu_percent"] = round(100 * cpu, 1)
            figures |= {f"{name}_{rate}": value for name, value in row.items()}
            print(
                f"{rate:12,}{len(on_topic):8}{row['p50_ms']:8.1f}{row['p95_ms']:8.1f}{row['p99_ms']:8.1f}"
                f"{row['pg_p50_ms']:9.1f}{row['pg_p99_ms']:9.1f}{row['cpu_percent']:9.1f} %",
                flush=True,
            )
    middle = 1000 if "p99_ms_1000" in figures else int(args.rates.split(",")[0])
    return {**figures, "p50_ms": figures[f"p50_ms_{middle}"], "p99_ms": figures[f"p99_ms_{middle}"]}


async def _measure(args: argparse.Namespace, endpoints: Endpoints, rate: int) -> tuple[list[float], list[float], float]:
    """(s from the send to the topic, s to the database, of a core what the worker takes)."""
    topic = await Topic.make(endpoints.brokers, 3)
    seen: dict[str, float] = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.brokers, enable_auto_commit=False)
    await consumer.start()
    tps = [TopicPartition(topic.alerts, part) for part in range(2)]
    consumer.assign(tps)
    await consumer.seek_to_end(*tps)
    began = time.time()

    async def listen() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                now = time.time()
                for record in records:
                    event = decode_alarm_event(record.value)
                    if event.event == "raised" and event.kind == "limit":
                        sent = event.timestamp.timestamp()
                        if sent >= began + args.warm:
                            seen[event.event_id] = now - sent

    listening = asyncio.create_task(listen())
    with topic.detecting(endpoints, "--detectors", args.detectors) as worker:
        process = psutil.Process(worker.pid)
        sending = asyncio.create_task(_send(endpoints.brokers, topic.name, rate, args.warm + args.seconds))
        await asyncio.sleep(args.warm)
        before, since = _cpu_s(process), time.perf_counter()
        await sending
        cpu = (_cpu_s(process) - before) / (time.perf_counter() - since)
        await asyncio.sleep(2)
    listening.cancel()
    await asyncio.wait([listening])
    await consumer.stop()
    connection = await asyncpg.connect(endpoints.dsn)
    try:
        # recorded_at is the transaction's beginning: within the same batch, a few milliseconds before its commit.
        rows = await connection.fetch(_RECORDED, f"{topic.name}-")
    finally:
        await connection.close()
    first = began + args.warm
    stored = [(row["recorded_at"] - row["at"]).total_seconds() for row in rows if row["at"].timestamp() >= first]
    return list(seen.values()), stored, cpu


def _cpu_s(process: psutil.Process) -> float:
    """CPU seconds that a process and its children have taken."""
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


async def _send(brokers: str, topic: str, rate: int, seconds: float) -> None:
    """`rate` readings a second; one in a hundred sensors' turns goes over its limit for one reading."""
    rng = random.Random(1)
    sensors = max(10, rate)
    turns = [0] * sensors
    high = [False] * sensors
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", linger_ms=5, enable_idempotence=True)
    await producer.start()
    began = time.perf_counter()
    sent = 0
    try:
        while (elapsed := time.perf_counter() - began) < seconds:
            for _ in range(int(elapsed * rate) - sent):
                index = sent % sensors
                sent += 1
                turns[index] += 1
                high[index] = not high[index] and rng.random() < 0.02
                value = 36.5 if high[index] else 25 + rng.gauss(0, 0.3)
                # Sensors of this rate's own: alarms of the rate before are still there.
                name = f"{topic}-{index:05d}"
                reading = Reading(
                    datetime.now(UTC), name, "machine-temperature", PLACE, round(value, 3), "°C", "normal", 1.0,
                    Metadata(turns[index], 35.0, 40.0),
                )  # fmt: skip
                await producer.send(topic, key=name.encode(), value=encode_reading(reading))
            await asyncio.sleep(TICK_S)
    finally:
        await producer.stop()


def _percentiles(seconds: list[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {"p50_ms": -1.0, "p95_ms": -1.0, "p99_ms": -1.0}
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {f"p{p}_ms": round(cuts[p - 1] * 1000, 1) for p in (50, 95, 99)}
