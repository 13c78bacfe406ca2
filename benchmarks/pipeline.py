"""Readings per second of a detection worker against raw aiokafka `getmany` on the same topic, interleaved.

`ratio_detect`: limits and one statistical detector, nothing stored; `ratio_commit`: the same with roll-ups, detector
states, alarms and watermarks committed effectively once; `ratio_store_all`: every raw reading stored too;
`ratio_default_bank`: that with every detector. A mode with `+summary` also tells consoles the last reading of every
sensor, which the others do not. Each round starts a fresh process for each, one after the other; a ratio
is the median of the rounds' own ratios, so that a machine whose speed drifts does not change it. With `--peers` other
engines do the same job on the same topic in the same rounds. `ratio_cpu_*` compares CPU time a reading, of the worker
from its joining the group to its leaving: what a machine that is busy otherwise does not change.
At the end stands a budget: CPU µs a reading by step, compiled and interpreted, without brokers and database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks import _budget
from benchmarks._peers import ENGINES
from benchmarks._topic import fill, readings
from benchmarks._worker import MODES
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.postgres.migrate import migrate
from controlroom.local import ports
from controlroom.local.plant import LocalPlant
from controlroom.wire import TopicSpec

RAW = """
import asyncio, sys, time
from aiokafka import AIOKafkaConsumer, TopicPartition
async def main(brokers, topic, partitions, count):
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False)
    await consumer.start()
    tps = [TopicPartition(topic, p) for p in range(partitions)]
    consumer.assign(tps)
    await consumer.seek_to_beginning(*tps)
    seen, began, cpu = 0, None, time.process_time()
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=1000, max_records=5000)).values():
            began = began or time.perf_counter()
            seen += len(records)
    print(seen / (time.perf_counter() - began), (time.process_time() - cpu) / seen)
    await consumer.stop()
asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much, how often, and of what."""
    parser.add_argument("--readings", type=int, default=600_000)
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--modes", default=",".join(MODES), help="which of them, by commas")
    parser.add_argument(
        "--budget", action="store_true", help="only where a reading's CPU time goes, by step: needs no plant"
    )
    parser.add_argument("--compression", default="uncompressed", help="the topic's compression.type")
    parser.add_argument("--heap", default="512m", help="Java heap of each broker")
    parser.add_argument(
        "--peers", action="store_true", help="the same job by Quix Streams, Bytewax and Faust too (the extra `peers`)"
    )
    parser.add_argument("--peers-python", default=sys.executable, metavar="PATH", help="a Python that has them")
    parser.add_argument(
        "--peers-readings", type=int, default=60_000, help="of the topic's first readings, so many by each peer"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Bring up a plant in a temporary directory, fill a topic, measure; then the budget of a reading."""
    if args.budget:
        return _budget.run(args.readings, args.sensors)
    return _measured(args) | _budget.run(min(args.readings, 200_000), args.sensors)


def _measured(args: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="controlroom-bench-") as directory:
        plant = LocalPlant(Path(directory), heap=args.heap, ports=ports.free_ports(3))
        endpoints = plant.start()
        try:
            return _measure(args, endpoints.brokers, endpoints.dsn)
        finally:
            plant.stop()


def _measure(args: argparse.Namespace, brokers: str, dsn: str) -> dict[str, Any]:
    topic = f"bench-{uuid4().hex[:8]}"
    asyncio.run(_prepare(args, brokers, dsn, topic))
    modes = args.modes.split(",")
    peers: tuple[str, ...] = ENGINES if args.peers else ()
    raw: list[float] = []
    raw_cpu: list[float] = []
    rates: dict[str, list[float]] = {name: [] for name in (*modes, *peers)}
    cpu: dict[str, list[float]] = {mode: [] for mode in modes}
    for number in range(args.rounds):
        rate, spent = _raw(brokers, topic, args.partitions, args.readings)
        raw.append(rate)
        raw_cpu.append(spent)
        for mode in modes:
            rate, spent = _worker(mode, brokers, dsn, topic, args.readings)
            rates[mode].append(rate)
            cpu[mode].append(spent)
        for name in list(peers):
            found = _peer(args, name, brokers, topic)
            if found is None:
                peers = tuple(peer for peer in peers if peer != name)
                del rates[name]
            else:
                rates[name].append(found)
        told = ", ".join(f"{name} {mine[-1]:,.0f}/s ({mine[-1] / raw[-1]:.2f})" for name, mine in rates.items())
        print(f"round {number + 1}: raw {raw[-1]:,.0f}/s, {told}", flush=True)
    ratios = {
        name: statistics.median(mine / limit for mine, limit in zip(rates[name], raw, strict=True)) for name in rates
    }
    by_cpu = {mode: statistics.median(r / m for m, r in zip(cpu[mode], raw_cpu, strict=True)) for mode in modes}
    print(f"\n{'':24}{'readings/s':>14}{'x raw':>8}{'CPU µs':>9}{'x raw':>8}")
    raw_us = statistics.median(raw_cpu) * 1e6
    print(f"{'aiokafka getmany':24}{statistics.median(raw):14,.0f}{1:8.2f}{raw_us:9.2f}{1:8.2f}")
    for name, mine in rates.items():
        spent_us = f"{statistics.median(cpu[name]) * 1e6:9.2f}{by_cpu[name]:8.2f}" if name in cpu else ""
        print(f"{name:24}{statistics.median(mine):14,.0f}{ratios[name]:8.3f}{spent_us}")
    return {
        "readings": args.readings,
        "sensors": args.sensors,
        "partitions": args.partitions,
        "rounds": args.rounds,
        "compression": args.compression,
        "raw_per_second": round(statistics.median(raw)),
        **{f"{name}_per_second": round(statistics.median(mine)) for name, mine in rates.items()},
        **{f"ratio_{name}": round(ratios[name], 3) for name in rates},
        "raw_cpu_us": round(raw_us, 2),
        **{f"{mode}_cpu_us": round(statistics.median(cpu[mode]) * 1e6, 2) for mode in modes},
        **{f"ratio_cpu_{mode}": round(by_cpu[mode], 3) for mode in modes},
    }


async def _prepare(args: argparse.Namespace, brokers: str, dsn: str, topic: str) -> None:
    config = {"message.timestamp.type": "LogAppendTime", "compression.type": args.compression}
    specs = [TopicSpec(topic, args.partitions, config), TopicSpec(f"{topic}-alerts", 2, {})]
    beside = [TopicSpec(f"{topic}.dlt", 1, {}), TopicSpec(f"{topic}.summary", args.partitions, {})]
    await ensure_topics(brokers, [*specs, *beside])
    await migrate(dsn)
    print(f"writing {args.readings:,} readings of {args.sensors:,} sensors to {args.partitions} partitions", flush=True)
    await fill(brokers, topic, args.partitions, readings(args.readings, args.sensors))


def _raw(brokers: str, topic: str, partitions: int, count: int) -> tuple[float, float]:
    """(readings per second, seconds of CPU a reading)."""
    command = [sys.executable, "-c", RAW, brokers, topic, str(partitions), str(count)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.split()
    return float(told[0]), float(told[1])


def _peer(args: argparse.Namespace, name: str, brokers: str, topic: str) -> float | None:
    """Readings per second of another engine; None where it is not installed or does not run."""
    count = min(args.peers_readings, args.readings)
    command = [args.peers_python, "-m", "benchmarks._peers", name, brokers, topic, f"{topic}-alerts", str(count)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        lines = str(error.stderr or error).strip().splitlines()
        print(f"{name} is left out: {lines[-1] if lines else error}", flush=True)
        return None
    return float(json.loads(done.stdout.splitlines()[-1])["per_second"])


def _worker(mode: str, brokers: str, dsn: str, topic: str, count: int) -> tuple[float, float]:
    """(readings per second from the first record received to the last commit, seconds of CPU a reading)."""
    command = [sys.executable, "-m", "benchmarks._worker", mode, brokers, dsn, topic]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    summary = json.loads(done.stdout)
    if summary["readings"] != count:
        raise RuntimeError(f"{mode}: {summary['readings']} of {count} readings")
    return float(summary["readings"] / summary["busy_s"]), float(summary["cpu_s"] / summary["readings"])
