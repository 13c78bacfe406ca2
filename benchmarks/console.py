"""What a console costs beside what the plant sends: CPU of a core, of its link to the topics without the screen.

A console that reads every reading (`raw`, as all did before there was a summary) and one that reads the summary
(`summary`) follow the same topic at the same time, each in a process of its own; so whatever else the machine does
slows both. A worker writes the summary. `core_raw_N` and `core_summary_N` are their shares of a core at N readings a
second, of 1,000 sensors.

No two cores bring forth 100,000 readings a second beside all this. For them the summary is written as a worker would,
by the same code, from records that are made up: 1,000 sensors at 100 readings a second, 10,000 at 10, 100,000 at one.
`core_made_up_S` is a console's share with S sensors; `writer_core_S` that of the writer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from typing import Any
from uuid import uuid4

from benchmarks._plant import running

_RATES = (1_000, 10_000)
_SENSORS = (1_000, 10_000, 100_000)
#: until all have started, and know all sensors
_LEAD_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long."""
    parser.add_argument("--seconds", type=float, default=20.0, help="that are measured at each rate")
    parser.add_argument("--only-made-up", action="store_true", help="the made-up summaries alone")
    parser.add_argument("--heap", default="512m", help="Java heap of each broker")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, print a table, return the figures."""
    figures: dict[str, Any] = {"seconds": args.seconds}
    with running(args.heap) as endpoints:
        for rate in () if args.only_made_up else _RATES:
            figures |= _real(endpoints.brokers, endpoints.dsn, rate, args.seconds)
        for sensors in _SENSORS:
            figures |= _made_up(endpoints.brokers, endpoints.dsn, sensors, args.seconds)
    return figures


def _part(*arguments: str, topic: str, brokers: str, dsn: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "KAFKA_BROKERS": brokers, "CONTROLROOM_DSN": dsn, "SENSOR_TOPIC": topic, "CONTROLROOM_GROUP": topic,
        "CONTROLROOM_ALERTS_TOPIC": f"{topic}-alerts", "CONTROLROOM_COMMANDS_TOPIC": f"{topic}-commands",
        "CONTROLROOM_STATUS_TOPIC": f"{topic}-status", "CONTROLROOM_BRIDGES_TOPIC": f"{topic}-bridges",
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks._console", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def _together(brokers: str, dsn: str, seconds: float, *parts: tuple[str, ...]) -> list[dict[str, Any]]:
    topic = f"bench-{uuid4().hex[:8]}"
    asyncio.run(_make(brokers, topic))
    begin = str(time.time() + _LEAD_S)
    processes = [_part(*part, begin, str(seconds), topic=topic, brokers=brokers, dsn=dsn) for part in parts]
    found = []
    for process in processes:
        out, _ = process.communicate(timeout=seconds + 120)
        found.append(json.loads(out.splitlines()[-1]))
    return found


async def _make(brokers: str, topic: str) -> None:
    from controlroom.adapters.kafka.topics import ensure_topics
    from controlroom.wire import TopicNames, topic_specs

    names = TopicNames(topic, f"{topic}-alerts", f"{topic}-commands", f"{topic}-status", f"{topic}-bridges")
    await ensure_topics(brokers, topic_specs(names))


def _real(brokers: str, dsn: str, rate: int, seconds: float) -> dict[str, Any]:
    sender, worker, raw, told = _together(brokers, dsn, seconds, ("send", str(rate)), ("work",), ("raw",), ("summary",))
    print(
        f"{rate:>8,} readings/s ({sender['rate']:,.0f} sent): each reading {raw['core']:.1%} of a core"
        f" ({raw['rate']:,.0f}/s shown{', some skipped' if raw['skipped'] else ''}), summary {told['core']:.1%}"
        f" ({told['rate']:,.0f}/s counted), {told['sensors']} sensors, worker {worker['core']:.1%}",
        flush=True,
    )
    return {
        f"core_raw_{rate}": round(raw["core"], 4),
        f"core_summary_{rate}": round(told["core"], 4),
        f"ratio_{rate}": round(told["core"] / raw["core"], 3),
    }


def _made_up(brokers: str, dsn: str, sensors: int, seconds: float) -> dict[str, Any]:
    writer, told = _together(brokers, dsn, seconds, ("write", str(sensors)), ("summary",))
    print(
        f"100,000 readings/s of {sensors:>7,} sensors, made up: console {told['core']:.1%} of a core"
        f" ({told['sensors']:,} sensors, {told['rate']:,.0f}/s counted), to write it {writer['core']:.1%}"
        f" ({writer['beats']:.2f} beats a second)",
        flush=True,
    )
    return {f"core_made_up_{sensors}": round(told["core"], 4), f"writer_core_{sensors}": round(writer["core"], 4)}
