"""What sessions of `controlroom serve` cost: CPU of a core, bytes a second to the browser and memory, with 1 and 10.

A local plant of simulated sensors with a worker; clients of the websocket stand for browsers, and read all that comes.
`core_N` is the CPU of all N session processes together, `core_server_N` that of the server, `ratio_10_to_1` what ten
sessions cost divided by what one does: 10 where nothing is shared.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from benchmarks._plant import running_plant

_COUNTS = (1, 10)
_WARM_S = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, and of what."""
    parser.add_argument("--seconds", type=float, default=20.0, help="that are measured at each number of sessions")
    parser.add_argument("--heap", default="512m", help="Java heap of each broker")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, print a table, return the figures."""
    figures: dict[str, Any] = {"seconds": args.seconds}
    with running_plant(args.heap) as (plant, endpoints):
        environment = {**os.environ, "KAFKA_BROKERS": endpoints.brokers, "CONTROLROOM_DSN": endpoints.dsn}
        _command(environment, "setup")
        with _beside(environment, "simulate"), _beside(environment, "detect"):
            for count in _COUNTS:
                with _beside(environment, "serve", "--port=0", err=subprocess.PIPE) as server:
                    assert server.stderr is not None
                    url = server.stderr.readline().decode().split()[-1]
                    figures |= asyncio.run(_measure(server, url, count, args.seconds))
        del plant
    figures["ratio_10_to_1"] = round(figures["core_10"] / figures["core_1"], 2)
    return figures


def _command(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "controlroom", *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def _beside(
    environment: dict[str, str], *arguments: str, err: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "controlroom", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=err)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


async def _measure(server: subprocess.Popen[bytes], url: str, count: int, seconds: float) -> dict[str, Any]:
    import aiohttp

    received = 0

    async def look(client: aiohttp.ClientSession) -> None:
        nonlocal received
        async with client.ws_connect(f"{url}ws?width=120&height=40", headers={"Origin": url.rstrip("/")}) as socket:
            async for message in socket:
                received += len(message.data)

    async with aiohttp.ClientSession() as client:
        tasks = [asyncio.create_task(look(client)) for _ in range(count)]
        await asyncio.sleep(_WARM_S + 2.0 * count)
        own = psutil.Process(server.pid)
        sessions = own.children()
        assert len(sessions) == count, f"{len(sessions)} of {count} sessions are there"
        before, served, clock = [_cpu(one) for one in sessions], _cpu(own), time.monotonic()
        received = 0
        await asyncio.sleep(seconds)
        took = time.monotonic() - clock
        core = sum(_cpu(one) - then for one, then in zip(sessions, before, strict=True)) / took
        core_server = (_cpu(own) - served) / took
        memory = sum(one.memory_info().rss for one in sessions) / count
        bytes_s = received / took / count
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    print(
        f"{count:>3} sessions: {core:.1%} of a core ({core / count:.1%} each), server {core_server:.1%},"
        f" {bytes_s:,.0f} bytes/s and {memory / 1e6:.0f} MB each",
        flush=True,
    )
    return {
        f"core_{count}": round(core, 4),
        f"core_server_{count}": round(core_server, 4),
        f"bytes_per_second_{count}": round(bytes_s),
        f"memory_mb_{count}": round(memory / 1e6),
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
