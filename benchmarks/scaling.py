"""Readings per second by workers, and by number of sensors: a topic drained by 1, 2, 3 processes of one group."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import asyncpg

from benchmarks._plant import Topic, running
from benchmarks._topic import fill, readings
from controlroom.local import Endpoints

PARTITIONS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much, how many."""
    parser.add_argument("--readings", type=int, default=300_000)
    parser.add_argument("--workers", default="1,2,3", help="by commas")
    parser.add_argument("--sensors", default="1000", help="by commas: 100,1000,10000,100000")
    parser.add_argument("--detectors", choices=["default", "cheap"], default="cheap")
    parser.add_argument("--heap", default="512m")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Drain a full topic with each number of workers; the time counts from the first commit seen to the last."""
    figures: dict[str, Any] = {}
    print(f"{'sensors':>10}{'workers':>9}{'readings/s':>13}{'x one':>8}   share of each")
    with running(args.heap) as endpoints:
        for sensors in (int(count) for count in args.sensors.split(",")):
            made = readings(args.readings, sensors)
            one = 0.0
            for workers in (int(count) for count in args.workers.split(",")):
                rate, shares = asyncio.run(_drain(args, endpoints, made, workers))
                one = one or rate
                figures[f"per_second_{sensors}_sensors_{workers}_workers"] = round(rate)
                told = ", ".join(f"{share:.0%}" for share in shares)
                print(f"{sensors:10,}{workers:9}{rate:13,.0f}{rate / one:8.2f}   {told}", flush=True)
    return figures


async def _drain(
    args: argparse.Namespace, endpoints: Endpoints, made: list[tuple[bytes, bytes]], workers: int
) -> tuple[float, list[float]]:
    topic = await Topic.make(endpoints.brokers, PARTITIONS)
    connection = await asyncpg.connect(endpoints.dsn)
    done = "SELECT coalesce(sum(next_offset), 0)::bigint FROM watermark WHERE topic = $1"
    try:
        with topic.detecting(endpoints, "--workers", str(workers), "--store", "none", "--detectors", args.detectors):
            # All have joined before there is anything to do: the group's own start is not what is measured.
            while (
                await connection.fetchval("SELECT count(DISTINCT owner) FROM watermark WHERE topic = $1", topic.name)
                < workers
            ):
                await asyncio.sleep(0.2)
            await fill(endpoints.brokers, topic.name, PARTITIONS, made[: PARTITIONS * 100])
            filling = asyncio.create_task(fill(endpoints.brokers, topic.name, PARTITIONS, made[PARTITIONS * 100 :]))
            await filling
            began, before = time.perf_counter(), await connection.fetchval(done, topic.name)
            while (now := await connection.fetchval(done, topic.name)) < len(made):
                await asyncio.sleep(0.02)
            took = time.perf_counter() - began
        rows = await connection.fetch(
            "SELECT sum(next_offset)::bigint AS n FROM watermark WHERE topic = $1 GROUP BY owner", topic.name
        )
    finally:
        await connection.close()
    total = sum(row["n"] for row in rows)
    return (now - before) / took, [row["n"] / total for row in rows]
