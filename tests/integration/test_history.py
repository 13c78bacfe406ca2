"""What is asked of roll-ups: the right figures, through the key and the days that a span touches alone."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import pytest

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.partitions import PartitionKeeper, Retention
from controlroom.adapters.postgres.rollup_query import sensor_history, statement
from controlroom.core.rollups import Bucket, BucketKey

DAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(params=["18", "15"])
def dsn(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("database" if request.param == "18" else "pg15_dsn")


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
    yield opened
    await opened.close()


async def merge(connection: asyncpg.Connection, table: str, buckets: dict[BucketKey, Bucket]) -> None:
    await connection.execute(rows.MERGE_ROLLUPS.format(table=table), *rows.rollup_columns(buckets))


async def test_figures_are_those_of_the_readings(connection: asyncpg.Connection) -> None:
    values = [20.0, 21.5, 26.0, 24.5]
    at = DAY.timestamp()
    for part in (values[:1], values[1:]):
        bucket = Bucket()
        for value in part:
            bucket.add(at, value, 1.0)
        bucket.add(at, 99.0, 0.0)
        await merge(connection, "rollup_minute", {("temp-1", int(at)): bucket})
    end = DAY + timedelta(minutes=1)
    (one,) = await sensor_history(connection, "temp-1", DAY, end, "rollup_minute")
    assert (one.start, one.count, one.bad, one.low, one.high, one.last) == (DAY, 4, 2, 20.0, 26.0, 24.5)
    assert one.mean == pytest.approx(statistics.mean(values))
    assert one.deviation == pytest.approx(statistics.stdev(values))
    assert await sensor_history(connection, "temp-1", end, end + timedelta(days=1), "rollup_minute") == []
    assert await sensor_history(connection, "temp-2", DAY, end, "rollup_minute") == []


async def test_a_week_is_read_through_the_key_of_its_days_alone(connection: asyncpg.Connection, dsn: str) -> None:
    keeper = PartitionKeeper(dsn, "test", Retention(minutes=30))
    for day in range(0, 12, 4):
        await keeper.keep(DAY + timedelta(days=day))
    await keeper.close()
    await connection.execute(
        "INSERT INTO rollup_minute (sensor_id, bucket, count, bad, mean, m2) "
        "SELECT 's-' || s, t, 1, 0, 1.0, 0.0 FROM generate_series(1, 100) s, "
        "generate_series($1::timestamptz, $2::timestamptz, '10 minutes') t",
        DAY,
        DAY + timedelta(days=10),
    )
    await connection.execute("ANALYZE")
    since, end = DAY + timedelta(days=1), DAY + timedelta(days=8)
    found = await sensor_history(connection, "s-7", since, end, "rollup_minute")
    assert len(found) == 7 * 144
    assert all(a.start < b.start for a, b in pairwise(found))
    plan = [row[0] for row in await connection.fetch(f"EXPLAIN {statement('rollup_minute')}", "s-7", since, end)]
    text = "\n".join(plan)
    assert not any(f"rollup_minute_d202603{day:02d}" in text for day in (1, 2, 10, 11, 12)), text
    days = [line for line in plan if "rollup_minute_d202603" in line and " on " in line]
    # The default partition too: a history that was replayed is in it.
    assert len({line.split(" on ")[1].split()[0] for line in days if "Scan on rollup_minute_d" in line}) >= 7, text
    assert "Seq Scan on rollup_minute_d2" not in text, text
