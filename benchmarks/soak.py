"""Memory of a worker under a steady load with PostgreSQL taken away in the middle: growth in MB, time to catch up."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import asyncpg
import psutil

from benchmarks._plant import Topic, running
from benchmarks._topic import fill, readings
from controlroom.local import Endpoints

MB = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, how much, and how long the database is away."""
    parser.add_argument("--rate", type=int, default=10_000, help="readings per second, in one burst each second")
    parser.add_argument("--seconds", type=int, default=30, help="before, and after, the outage")
    parser.add_argument("--outage", type=int, default=20, help="seconds without PostgreSQL")
    parser.add_argument("--heap", default="512m")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Load, outage, load; memory is looked at each second."""
    with running(args.heap) as endpoints:
        return asyncio.run(_soak(args, endpoints))


async def _soak(args: argparse.Namespace, endpoints: Endpoints) -> dict[str, Any]:
    topic = await Topic.make(endpoints.brokers, 3)
    total = args.rate * (2 * args.seconds + args.outage)
    made = readings(total, 1000)
    sizes: dict[str, list[float]] = {"before": [], "outage": [], "after": []}
    with topic.detecting(endpoints, "--detectors", "cheap") as process:
        worker = psutil.Process(process.pid)
        locker = await asyncpg.connect(endpoints.dsn)
        sent = 0
        phases = (("before", args.seconds), ("outage", args.outage), ("after", args.seconds))
        for phase, seconds in phases:
            if phase == "outage":
                # What a server that answers nothing looks like to a writer: every commit waits.
                await locker.execute("BEGIN")
                await locker.execute("LOCK TABLE watermark IN ACCESS EXCLUSIVE MODE")
            for _ in range(seconds):
                began = time.perf_counter()
                await fill(endpoints.brokers, topic.name, 3, made[sent : sent + args.rate])
                sent += args.rate
                sizes[phase].append(worker.memory_info().rss / MB)
                await asyncio.sleep(max(0.0, 1 - (time.perf_counter() - began)))
            if phase == "outage":
                await locker.execute("ROLLBACK")
                back_at = time.perf_counter()
        done = "SELECT coalesce(sum(next_offset), 0)::bigint FROM watermark WHERE topic = $1"
        while await locker.fetchval(done, topic.name) < total:
            await asyncio.sleep(0.1)
        caught_up = time.perf_counter() - back_at - args.seconds
        stored = await locker.fetchval("SELECT count(DISTINCT (part, off)) FROM readings WHERE topic = $1", topic.name)
        await locker.close()
    if stored != total:
        raise RuntimeError(f"{stored} of {total} readings are stored")
    base = max(sizes["before"])
    print(f"{'':10}{'first':>8}{'last':>8}{'most':>8}   MB")
    for phase, seen in sizes.items():
        print(f"{phase:10}{seen[0]:8.0f}{seen[-1]:8.0f}{max(seen):8.0f}")
    return {
        "readings": total,
        "outage_s": args.outage,
        "rss_before_mb": round(base),
        "growth_in_outage_mb": round(max(sizes["outage"]) - base),
        "growth_after_mb": round(sizes["after"][-1] - base),
        "behind_after_last_reading_s": round(max(0.0, caught_up), 1),
    }
