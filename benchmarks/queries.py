"""Milliseconds to read a sensor's last week among 1,000 sensors, and the plan that PostgreSQL makes of it."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from benchmarks._plant import running
from controlroom.adapters.postgres.partitions import PartitionKeeper, Retention
from controlroom.adapters.postgres.rollup_query import sensor_history, statement

#: Rows as the workers write them: minute by minute, all sensors of a minute together.
_MINUTES = """
INSERT INTO rollup_minute (sensor_id, bucket, count, bad, low, high, mean, m2, last, last_ts)
SELECT 'sensor-' || to_char(s, 'FM00000'), t, 20, 0, 24.0, 26.0, 25.0 + sin(s), 1.5, 25.5, t
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 minute', '1 minute') t, generate_series(1, $3) s"""
_HOURS = """
INSERT INTO rollup_hour (sensor_id, bucket, count, bad, low, high, mean, m2, last, last_ts)
SELECT 'sensor-' || to_char(s, 'FM00000'), t, 1200, 0, 24.0, 26.0, 25.0 + sin(s), 90.0, 25.5, t
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 hour', '1 hour') t, generate_series(1, $3) s"""
_READINGS = """
INSERT INTO readings (topic, part, off, log_ts, event_ts, sensor_id, value, quality, seq)
SELECT 'sensor-data', s % 3, row_number() OVER (), t, t, 'sensor-' || to_char(s, 'FM00000'), 25.0, 1.0, 1
FROM generate_series($1::timestamptz, $2::timestamptz - interval '3 seconds', '3 seconds') t,
     generate_series(1, $3) s"""
_LATEST = "SELECT event_ts, value, quality FROM readings WHERE sensor_id = $1 AND event_ts >= $2 AND event_ts < $3"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many, how long."""
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--queries", type=int, default=50, help="of each sort, each of another sensor")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Fill a database of its own, ask, show the plans."""
    with running("96m") as endpoints:
        return asyncio.run(_measure(args, endpoints.dsn))


async def _measure(args: argparse.Namespace, dsn: str) -> dict[str, Any]:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    since = end - timedelta(days=args.days)
    hour_ago = end - timedelta(hours=1)
    keeper = PartitionKeeper(dsn, "benchmark", Retention(readings=args.days + 1, minutes=args.days + 1))
    for days in range(args.days + 1):
        await keeper.keep(since + timedelta(days=days))
    await keeper.close()
    connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC", "jit": "off"})
    try:
        day = since
        while day < end:
            upto = min(day + timedelta(days=1), end)
            await connection.execute(_MINUTES, day, upto, args.sensors)
            print(f"{day:%Y-%m-%d}: {args.sensors * 1440:,} minutes written", flush=True)
            day = upto
        await connection.execute(_HOURS, since, end, args.sensors)
        await connection.execute(_READINGS, hour_ago, end, args.sensors)
        await connection.execute("VACUUM ANALYZE")
        figures: dict[str, Any] = {"sensors": args.sensors, "days": args.days}
        figures["minutes_stored"] = await connection.fetchval("SELECT count(*) FROM rollup_minute")
        print(f"\n{'':26}{'rows':>8}{'p50 ms':>9}{'p99 ms':>9}")
        for name, table in (("week_by_hour", "rollup_hour"), ("week_by_minute", "rollup_minute")):
            await _ask(connection, args, figures, name, statement(table), since, end, table)
        await _ask(connection, args, figures, "last_hour_raw", _LATEST, hour_ago, end)
    finally:
        await connection.close()
    return figures


async def _ask(
    connection: asyncpg.Connection,
    args: argparse.Namespace,
    figures: dict[str, Any],
    name: str,
    query: str,
    since: datetime,
    end: datetime,
    table: str | None = None,
) -> None:
    took: list[float] = []
    count = 0
    for number in range(args.queries):
        sensor = f"sensor-{1 + number * 7 % args.sensors:05d}"
        began = time.perf_counter()
        if table is not None:
            count = len(await sensor_history(connection, sensor, since, end, table))
        else:
            count = len(await connection.fetch(query, sensor, since, end))
        took.append((time.perf_counter() - began) * 1000)
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100, method="inclusive")[98]
    print(f"{name:26}{count:8,}{p50:9.2f}{p99:9.2f}", flush=True)
    plan = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, SUMMARY ON) {query}", "sensor-00500", since, end)
    for line in plan:
        print(f"    {line[0]}")
    figures |= {f"{name}_rows": count, f"{name}_p50_ms": round(p50, 2), f"{name}_p99_ms": round(p99, 2)}
