"""What a flood of alarms costs: many sensors that alarm at once, from the signals of their batches to the last notice.

Each step is measured with a tenth of the sensors too: what grows with the square shows as a ratio far below 1. The
limit that raising is measured against: four plain rows for each alarm (state, event, outbox, notice), of the same size
and in portions as large, inserted in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

import asyncpg
from pydantic import SecretStr

from benchmarks import _plant
from controlroom.adapters.notifications.pending import PendingNotifications
from controlroom.adapters.postgres.alarm_query import AlarmQueries
from controlroom.adapters.postgres.probe import DatabaseProbe
from controlroom.adapters.postgres.store import PartitionStore
from controlroom.core.alarms.cause_finder import CommonCause
from controlroom.core.alarms.common_cause import GroupPolicy
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import Detected
from controlroom.core.alarms.model import Severity
from controlroom.core.alarms.policy import Policy, Receiver
from controlroom.core.records import Batch, SensorFacts, Signal, Source
from controlroom.wire import Location

AT = 1_770_000_000.0
RECEIVERS = tuple(Receiver(name=name, url=SecretStr("json://localhost")) for name in ("shift", "manager"))
POLICY = Policy(receiver=RECEIVERS)
BATCH = 500
"""Signals of a batch: about what a worker's poll brings."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many sensors."""
    parser.add_argument("--sensors", type=int, default=10_000)
    parser.add_argument("--heap", default="96m", help="Java heap of each broker")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """A tenth of the sensors first: what grows with the square shows as a rate that falls."""
    with _plant.running(args.heap) as endpoints:
        return asyncio.run(_both(endpoints.dsn, args.sensors))


async def _both(dsn: str, sensors: int) -> dict[str, Any]:
    few = await _measure(dsn, sensors // 10, "few")
    many = await _measure(dsn, sensors, "many")
    slower = {f"{name}_ratio": round(many[name] / few[name], 2) for name in few if name.endswith("_per_s")}
    return {"sensors": sensors, **many, **slower}


async def _measure(dsn: str, count: int, group: str) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET session_replication_role = replica")
        for table in ("alarm_events", "alarms", "alarm_notices", "notifications", "outbox", "sensors", "alarm_flood"):
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names from above
        await connection.execute("SET session_replication_role = origin")
        figures = {"rows_per_s": await _limit(connection, count)}
        figures["raised_per_s"] = count / await _raise(dsn, count, group)
        figures["planned_per_s"] = count / await _plan(connection)
        figures["escalated_per_s"] = count / await _take(connection)
    finally:
        await connection.close()
    began = time.perf_counter()
    async with AlarmQueries(dsn) as queries:
        assert len(await queries.find(limit=None)) == count
    listed = time.perf_counter()
    probe = DatabaseProbe(dsn, group, "readings")
    assert len(await probe.live_alarms()) == count
    opened = time.perf_counter()
    await probe.close()
    figures["listed_per_s"] = count / (listed - began)
    figures["console_start_per_s"] = count / (opened - listed)
    figures["silences_per_s"] = _silences(count)
    figures["raised_vs_rows"] = figures["raised_per_s"] / figures["rows_per_s"]
    return {name: round(value, 3) if value < 10 else round(value) for name, value in figures.items()}


async def _limit(connection: asyncpg.Connection, count: int) -> float:
    """Plain rows a second: as many and as large as raising alarms writes, in portions as large."""
    await connection.execute("CREATE TEMP TABLE rows (id text PRIMARY KEY, doc jsonb)")
    document = json.dumps({"text": "x" * 600})
    began = time.perf_counter()
    for first in range(0, 4 * count, BATCH):
        names = [str(number) for number in range(first, first + BATCH)]
        await connection.execute(
            "INSERT INTO rows SELECT * FROM unnest($1::text[], $2::jsonb[])", names, [document] * BATCH
        )
    took = time.perf_counter() - began
    await connection.execute("DROP TABLE rows")
    return 4 * count / took


async def _raise(dsn: str, count: int, group: str) -> float:
    store = PartitionStore(dsn, group=group, topic="readings", partition=0, owner="bench", definitions=Definitions())
    try:
        await store.claim()
        await store.begin(0)
        began = time.perf_counter()
        for first in range(0, count, BATCH):
            sensors = [f"temp-{number:05d}" for number in range(first, min(count, first + BATCH))]
            known = {name: SensorFacts(name, "temperature", "°C", Location("h", "m", "z"), 35.0, 40.0, False) for name in sensors}  # fmt: skip  # noqa: E501, FBT003
            event = Detected(at=AT, severity=Severity.CRITICAL, value=41.0, limit=40.0, message="41 °C is above 40 °C")
            signals = [Signal(known[name], "limit", event, Source("readings", 0, first)) for name in sensors]
            await store.commit(Batch(first, first + BATCH, records=BATCH, signals=signals, sensors=known))
        return time.perf_counter() - began
    finally:
        await store.close()


async def _plan(connection: asyncpg.Connection) -> float:
    desk = PendingNotifications(POLICY, Definitions(), "readings")
    began = time.perf_counter()
    while await desk.plan(connection):
        pass
    return time.perf_counter() - began


async def _take(connection: asyncpg.Connection) -> float:
    """All of it is due, escalations too: what the worker on duty does with them in one turn."""
    desk = PendingNotifications(POLICY, Definitions(), "readings")
    await connection.execute("UPDATE notifications SET due_at = clock_timestamp()")
    began = time.perf_counter()
    for receiver in POLICY.receiver:
        await desk.take(connection, receiver)
    return time.perf_counter() - began


def _silences(count: int) -> float:
    """Sensors of ten zones that fall silent together, per second."""
    causes = CommonCause(GroupPolicy())
    for number in range(count):
        causes.join(f"s-{number}", (f"machine:{number // 20}", f"zone:{number % 10}", "partition:0"))
    began = time.perf_counter()
    for number in range(count):
        causes.silent(f"s-{number}", AT + 12, AT)
    return count / (time.perf_counter() - began)
