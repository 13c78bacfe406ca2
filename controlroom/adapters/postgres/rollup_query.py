"""What a sensor's readings came to over a span of time, from the roll-ups that are fine enough and no finer.

A week by the hour is 168 rows, by the minute 10,080; each is found through the key (sensor, bucket) of the partitions
that the span touches, and of no others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

#: Tables by the seconds of their buckets, finest first.
TABLES = ((1, "rollup_second"), (60, "rollup_minute"), (3600, "rollup_hour"))

_SELECT = """
SELECT bucket, count, bad, low, high, mean, m2, last FROM {table}
WHERE sensor_id = $1 AND bucket >= $2 AND bucket < $3 ORDER BY bucket"""


@dataclass(frozen=True, slots=True)
class Summary:
    """One bucket. The figures are None where every reading was bad."""

    start: datetime
    count: int
    #: readings of a quality that is not trusted; they are in no other figure
    bad: int
    low: float | None
    high: float | None
    mean: float | None
    #: standard deviation of the sample
    deviation: float | None
    last: float | None


def table_for(seconds: float, most: int, *, by_second: bool = False) -> str:
    """The finest roll-up that has at most `most` buckets in a span of so many seconds.

    >>> table_for(7 * 86_400, 500), table_for(7 * 86_400, 20_000), table_for(3600, 500)
    ('rollup_hour', 'rollup_minute', 'rollup_minute')
    """
    for bucket, table in TABLES if by_second else TABLES[1:]:
        if seconds <= bucket * most:
            return table
    return TABLES[-1][1]


def statement(table: str) -> str:
    """The query of one sensor's buckets: $1 the sensor, $2 and $3 the first and the end."""
    return _SELECT.format(table=table)


async def sensor_history(
    connection: asyncpg.Connection, sensor_id: str, since: datetime, until: datetime, table: str
) -> list[Summary]:
    """The buckets of [since, until), oldest first; minutes without a reading are not there."""
    return [_summary(row) for row in await connection.fetch(statement(table), sensor_id, since, until)]


def _summary(row: Any) -> Summary:  # noqa: ANN401 - asyncpg's row
    count, m2 = row["count"], row["m2"]
    deviation = None if m2 is None else math.sqrt(max(0.0, m2) / (count - 1)) if count > 1 else 0.0
    return Summary(
        row["bucket"], count, row["bad"], row["low"], row["high"], row["mean"], deviation, row["last"],
    )  # fmt: skip
