"""Memory of a worker under load with PostgreSQL stopped in the middle: growth in MB, and the time to catch up.

An hour is compressed by rate: `--outage-hours 1 --plant-rate 500` are the 1.8 million readings that a plant of 500
readings a second sends in an hour without its database, sent as fast as `--rate`. All must be stored in the end.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import asyncpg
import psutil

from benchmarks._plant import Topic, running_plant
from benchmarks._topic import fill, readings
from controlroom.local import Endpoints, LocalPlant

MB = 1024 * 1024
SENSORS = 1000
_DONE = "SELECT coalesce(sum(next_offset), 0)::bigint FROM watermark WHERE topic = $1"
_STORED = "SELECT count(*) AS stored, count(DISTINCT (part, off)) AS once FROM readings WHERE topic = $1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, how much, and how long the database is away."""
    parser.add_argument("--rate", type=int, default=20_000, help="readings per second, at the most")
    parser.add_argument("--seconds", type=int, default=20, help="of load before the outage")
    parser.add_argument("--outage-hours", type=float, default=1.0, help="of the plant's time without PostgreSQL")
    parser.add_argument("--plant-rate", type=int, default=500, help="readings per second of that plant")
    parser.add_argument("--heap", default="512m")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Load, outage under load, and the way back; memory is looked at with each second's load."""
    with running_plant(args.heap) as (plant, endpoints):
        return asyncio.run(_soak(args, plant, endpoints))


async def _soak(args: argparse.Namespace, plant: LocalPlant, endpoints: Endpoints) -> dict[str, Any]:
    topic = await Topic.make(endpoints.brokers, 3)
    sizes: dict[str, list[float]] = {"before": [], "outage": [], "after": []}
    sent = 0
    with topic.detecting(endpoints, "--detectors", "cheap") as process:
        worker = psutil.Process(process.pid)

        async def load(phase: str, count: int) -> None:
            nonlocal sent
            until = sent + count
            while sent < until:
                began = time.perf_counter()
                part = min(args.rate, until - sent)
                await fill(endpoints.brokers, topic.name, 3, readings(part, SENSORS, first=sent))
                sent += part
                sizes[phase].append(worker.memory_info().rss / MB)
                await asyncio.sleep(max(0.0, 1 - (time.perf_counter() - began)))

        await load("before", args.rate * args.seconds)
        plant.stop(only={"database"})
        began = time.perf_counter()
        await load("outage", int(args.outage_hours * 3600 * args.plant_rate))
        outage = time.perf_counter() - began
        await asyncio.to_thread(plant.start)
        began = time.perf_counter()
        connection = await asyncpg.connect(endpoints.dsn)
        while await connection.fetchval(_DONE, topic.name) < sent:
            if process.poll() is not None:
                raise RuntimeError(f"the worker has ended with {process.returncode}")
            sizes["after"].append(worker.memory_info().rss / MB)
            await asyncio.sleep(0.5)
        caught_up = time.perf_counter() - began
        row = await connection.fetchrow(_STORED, topic.name)
        await connection.close()
    assert row is not None
    if (row["stored"], row["once"]) != (sent, sent):
        raise RuntimeError(f"of {sent} readings {row['once']} are stored, in {row['stored']} rows")
    base = max(sizes["before"])
    print(f"{'':10}{'first':>8}{'last':>8}{'most':>8}   MB")
    for phase, seen in sizes.items():
        print(f"{phase:10}{seen[0]:8.0f}{seen[-1]:8.0f}{max(seen):8.0f}")
    print(
        f"{sent:,} readings, each stored once; the backlog of {args.outage_hours:g} h was gone {caught_up:.0f} s later"
    )
    return {
        "readings": sent,
        "outage_hours": args.outage_hours,
        "outage_s": round(outage, 1),
        "rss_before_mb": round(base),
        "growth_in_outage_mb": round(max(sizes["outage"]) - base),
        "growth_after_mb": round(max(sizes["after"]) - base),
        "caught_up_s": round(caught_up, 1),
    }
