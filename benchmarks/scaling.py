"""Readings per second by sensors, partitions and workers: a full topic drained by 1, 2, 3 processes of one group.

`ratio_N` is N workers against one; `ratio_sensors_N` N sensors against the first number that was asked for, and
`ratio_partitions_N` the same of partitions, each with one worker.
"""

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much, how many."""
    parser.add_argument("--readings", type=int, default=300_000)
    parser.add_argument("--workers", default="1,2,3", help="by commas")
    parser.add_argument("--sensors", default="1000", help="by commas: 100,1000,10000,100000")
    parser.add_argument("--partitions", default="6", help="by commas: 1,3,6,12")
    parser.add_argument("--detectors", choices=["default", "cheap"], default="cheap")
    parser.add_argument("--heap", default="512m")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Drain a full topic in each of the combinations; the time counts from the first commit seen to the last."""
    sensors, partitions, workers = (_numbers(text) for text in (args.sensors, args.partitions, args.workers))
    rates: dict[tuple[int, int, int], float] = {}
    print(f"{'sensors':>10}{'partitions':>12}{'workers':>9}{'readings/s':>13}{'x first':>9}   share of each")
    with running(args.heap) as endpoints:
        for count in sensors:
            made = readings(args.readings, count)
            for parts in partitions:
                for number in workers:
                    rate, shares = asyncio.run(_drain(args, endpoints, made, parts, number))
                    rates[count, parts, number] = rate
                    told = ", ".join(f"{share:.0%}" for share in shares)
                    ratio = rate / next(iter(rates.values()))
                    print(f"{count:10,}{parts:12}{number:9}{rate:13,.0f}{ratio:9.2f}   {told}", flush=True)
    first = (sensors[0], partitions[0], workers[0])
    return {
        "readings": args.readings,
        **{f"per_second_{s}_sensors_{p}_partitions_{w}_workers": round(rate) for (s, p, w), rate in rates.items()},
        **{f"ratio_{w}": round(rates[*first[:2], w] / rates[first], 2) for w in workers},
        **{f"ratio_sensors_{s}": round(rates[s, *first[1:]] / rates[first], 2) for s in sensors},
        **{f"ratio_partitions_{p}": round(rates[first[0], p, first[2]] / rates[first], 2) for p in partitions},
    }


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


async def _drain(
    args: argparse.Namespace, endpoints: Endpoints, made: list[tuple[bytes, bytes]], partitions: int, workers: int
) -> tuple[float, list[float]]:
    topic = await Topic.make(endpoints.brokers, partitions)
    connection = await asyncpg.connect(endpoints.dsn)
    done = "SELECT coalesce(sum(next_offset), 0)::bigint FROM watermark WHERE topic = $1"
    try:
        options = ("--workers", str(workers), "--store", "none", "--detectors", args.detectors)
        with topic.detecting(endpoints, *options) as detect:
            # All have joined before there is anything to do: the group's own start is not what is measured.
            while (
                await connection.fetchval("SELECT count(DISTINCT owner) FROM watermark WHERE topic = $1", topic.name)
                < workers
            ):
                await asyncio.sleep(0.2)
            await fill(endpoints.brokers, topic.name, partitions, made[: partitions * 100])
            while await connection.fetchval(done, topic.name) < partitions * 100:
                await asyncio.sleep(0.02)
            # Stopped for less than a session: a full topic is what they find.
            supervisor = psutil.Process(detect.pid)
            stopped = supervisor.children() or [supervisor]
            for process in stopped:
                process.suspend()
            await fill(endpoints.brokers, topic.name, partitions, made[partitions * 100 :])
            began, before = time.perf_counter(), await connection.fetchval(done, topic.name)
            for process in stopped:
                process.resume()
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
