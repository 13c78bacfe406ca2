"""Readings per second of a detection worker against raw aiokafka `getmany` on the same topic, interleaved.

`ratio_detect`: limits and one statistical detector, nothing stored; `ratio_commit`: the same with roll-ups, detector
states, alarms and watermarks committed effectively once; `ratio_store_all`: every raw reading stored too;
`ratio_default_bank`: that with every detector. Each round starts a fresh process for each, one after the other; a ratio
is the median of the rounds' own ratios, so that a machine whose speed drifts does not change it.
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

from benchmarks._topic import fill, readings
from benchmarks._worker import MODES
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.postgres.migrate import migrate
from controlroom.local.plant import LocalPlant
from controlroom.wire import TopicSpec

PARTITIONS = 3

RAW = """
import asyncio, sys, time
from aiokafka import AIOKafkaConsumer, TopicPartition
async def main(brokers, topic, partitions, count):
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False)
    await consumer.start()
    tps = [TopicPartition(topic, p) for p in range(partitions)]
    consumer.assign(tps)
    await consumer.seek_to_beginning(*tps)
    seen, began = 0, None
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=1000, max_records=5000)).values():
            began = began or time.perf_counter()
            seen += len(records)
    print(seen / (time.perf_counter() - began))
    await consumer.stop()
asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much, how often, and of what."""
    parser.add_argument("--readings", type=int, default=300_000)
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--modes", default=",".join(MODES), help="which of them, by commas")
    parser.add_argument("--compression", default="uncompressed", help="the topic's compression.type")
    parser.add_argument("--heap", default="512m", help="Java heap of each broker")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Bring up a plant in a temporary directory, fill a topic, measure."""
    with tempfile.TemporaryDirectory(prefix="controlroom-bench-") as directory:
        plant = LocalPlant(Path(directory), heap=args.heap)
        endpoints = plant.start()
        try:
            return _measure(args, endpoints.brokers, endpoints.dsn)
        finally:
            plant.stop()


def _measure(args: argparse.Namespace, brokers: str, dsn: str) -> dict[str, Any]:
    topic = f"bench-{uuid4().hex[:8]}"
    asyncio.run(_prepare(args, brokers, dsn, topic))
    modes = args.modes.split(",")
    raw: list[float] = []
    rates: dict[str, list[float]] = {mode: [] for mode in modes}
    for number in range(args.rounds):
        raw.append(_raw(brokers, topic, args.readings))
        for mode in modes:
            rates[mode].append(_worker(mode, brokers, dsn, topic, args.readings))
        told = ", ".join(f"{mode} {rates[mode][-1]:,.0f}/s ({rates[mode][-1] / raw[-1]:.2f})" for mode in modes)
        print(f"round {number + 1}: raw {raw[-1]:,.0f}/s, {told}", flush=True)
    ratios = {
        mode: statistics.median(mine / limit for mine, limit in zip(rates[mode], raw, strict=True)) for mode in modes
    }
    print(f"\n{'':24}{'readings/s':>14}{'x raw':>8}")
    print(f"{'aiokafka getmany':24}{statistics.median(raw):14,.0f}{1:8.2f}")
    for mode in modes:
        print(f"{mode:24}{statistics.median(rates[mode]):14,.0f}{ratios[mode]:8.2f}")
    return {
        "readings": args.readings,
        "sensors": args.sensors,
        "rounds": args.rounds,
        "compression": args.compression,
        "raw_per_second": round(statistics.median(raw)),
        **{f"{mode}_per_second": round(statistics.median(rates[mode])) for mode in modes},
        **{f"ratio_{mode}": round(ratios[mode], 3) for mode in modes},
    }


async def _prepare(args: argparse.Namespace, brokers: str, dsn: str, topic: str) -> None:
    config = {"message.timestamp.type": "LogAppendTime", "compression.type": args.compression}
    await ensure_topics(brokers, [TopicSpec(topic, PARTITIONS, config), TopicSpec(f"{topic}-alerts", 2, {})])
    await migrate(dsn)
    print(f"writing {args.readings:,} readings of {args.sensors:,} sensors to {PARTITIONS} partitions", flush=True)
    await fill(brokers, topic, PARTITIONS, readings(args.readings, args.sensors))


def _raw(brokers: str, topic: str, count: int) -> float:
    command = [sys.executable, "-c", RAW, brokers, topic, str(PARTITIONS), str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)


def _worker(mode: str, brokers: str, dsn: str, topic: str, count: int) -> float:
    """Readings per second from the first record received to the last commit."""
    command = [sys.executable, "-m", "benchmarks._worker", mode, brokers, dsn, topic]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    summary = json.loads(done.stdout)
    if summary["readings"] != count:
        raise RuntimeError(f"{mode}: {summary['readings']} of {count} readings")
    return float(summary["readings"] / summary["busy_s"])
