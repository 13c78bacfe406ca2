"""How long the local plant takes to come up, and what it weighs.

naive: what the recipe in the design does: three data directories formatted one after the other, Java as it comes.
first: `LocalPlant.start` in an empty directory, with the fetched files there but no class cache.
second: the same plant started again after a stop.

Each is timed from the call until all three brokers serve clients and count each other as alive; `first` and `second`
include PostgreSQL. The three take turns, and the medians are what counts.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from controlroom.local import LocalPlant, PlantStatus, probe, process
from controlroom.local import ports as plant_ports
from controlroom.local.jars import JarStore
from controlroom.local.kafka import BrokerProcess, new_cluster_id
from controlroom.local.paths import PlantPaths, cache_dir
from controlroom.local.progress import Reporter, silent
from controlroom.local.state import BrokerState, ProcessId

BROKERS = (1, 2, 3)
#: What `controlroom.local.java.flags` saves; later flags win.
_AS_JAVA_COMES = ["-XX:TieredStopAtLevel=4"]
_POLL = 0.02
_TIMEOUT = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--rounds", type=int, default=5, help="how often each of the three is timed (default: 5)")
    parser.add_argument("--fetch", action="store_true", help="also time the fetching of the files, once")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Time the starts; returns medians in seconds, memory in MB (10^6 bytes of resident set)."""
    JarStore(cache_dir()).ensure(Reporter(silent))
    rounds = [_round(number) for number in range(1, args.rounds + 1)]
    figures: dict[str, Any] = {
        name: round(statistics.median(one[name] for one in rounds), 2)
        for name in ("naive_s", "first_s", "first_stop_s", "second_s", "stop_s")
    }
    figures["second_to_naive"] = round(figures["second_s"] / figures["naive_s"], 3)
    for name in ("naive_broker_mb", "broker_mb", "database_mb"):
        figures[name] = round(statistics.median(one[name] for one in rounds))
    if args.fetch:
        figures["fetch_s"] = round(_fetch(), 2)
    return {**figures, "rounds": args.rounds}


def _round(number: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="controlroom-bench-") as scratch:
        naive_s, naive_mb = _naive(Path(scratch, "naive"))
        cache = Path(scratch, "cache")
        jars = JarStore(cache_dir()).directory
        shutil.copytree(jars, cache / jars.name)
        plant = LocalPlant(Path(scratch, "plant"), ports=plant_ports.free_ports(3), cache=cache)
        try:
            first_s = _timed(plant.start)
            first_stop_s = _timed(plant.stop)
            second_s = _timed(plant.start)
            status = plant.status()
        finally:
            stop_s = _timed(plant.stop)
    print(f"round {number}: naive {naive_s:.2f} s, first {first_s:.2f} s, second {second_s:.2f} s", flush=True)
    return {
        "naive_s": naive_s,
        "naive_broker_mb": naive_mb,
        "first_s": first_s,
        "first_stop_s": first_stop_s,
        "second_s": second_s,
        "stop_s": stop_s,
        "broker_mb": _memory(status, "broker-"),
        "database_mb": _memory(status, "database"),
    }


def _naive(root: Path) -> tuple[float, float]:
    """Format one by one and start without a class cache; returns seconds and MB per broker."""
    paths = PlantPaths(root)
    for directory in (root / "kafka", paths.logs):
        directory.mkdir(parents=True)
    chosen = plant_ports.free_ports(6)
    brokers = [BrokerState(id=n, port=chosen[n - 1], controller_port=chosen[n + 2]) for n in BROKERS]
    items = [BrokerProcess(paths, JarStore(cache_dir()), number) for number in BROKERS]
    cluster, started = new_cluster_id(), list[ProcessId]()
    try:
        began = time.monotonic()
        for item in items:
            item.configure(brokers)
            item.format(cluster, Reporter(silent), _AS_JAVA_COMES)
        started.extend(item.start("96m", _AS_JAVA_COMES) for item in items)
        while not all(probe.known_brokers(broker.port) == set(BROKERS) for broker in brokers):
            if time.monotonic() - began > _TIMEOUT:
                raise TimeoutError(f"no cluster after {_TIMEOUT:.0f} s, see {paths.logs}")
            time.sleep(_POLL)
        took = time.monotonic() - began
        return took, statistics.mean(psutil.Process(one.pid).memory_info().rss for one in started) / 1e6
    finally:
        for one in started:
            running = psutil.Process(one.pid)
            process.send(running, signal.SIGKILL)
            while not process.ended(running):
                time.sleep(_POLL)


def _fetch() -> float:
    with tempfile.TemporaryDirectory(prefix="controlroom-bench-") as scratch:
        return _timed(lambda: JarStore(Path(scratch)).ensure(Reporter(silent)))


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _memory(status: PlantStatus, prefix: str) -> float:
    return statistics.mean(one.rss or 0 for one in status.components if one.name.startswith(prefix)) / 1e6
