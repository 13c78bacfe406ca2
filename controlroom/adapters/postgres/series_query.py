"""What one sensor did over a span of time, for its chart: readings or roll-ups, scores, what its alarms did."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.core.archive import Resolution, Series, Statistics
from controlroom.core.records import SensorFacts
from controlroom.core.rollups import GOOD_QUALITY, Bucket
from controlroom.wire.alarm import decode_alarm_event
from detectors.bank import SensorBank
from detectors.profile import Profile

#: The longest spans, in seconds, that are told by readings and by minutes; longer ones by hours.
RAW_SPAN_S = 3_600.0
MINUTE_SPAN_S = 86_400.0
#: A sensor with more readings in a span than this is told by minutes.
MOST_READINGS = 10_000
#: Readings before the span from which the detectors learn what is usual.
WARM_UP = 1_000
MOST_EVENTS = 500

SENSOR = """
SELECT sensor_id, sensor_type, unit, factory_section, machine_id, zone, warning, critical, simulated
FROM sensors WHERE sensor_id = $1"""

READINGS = """
SELECT extract(epoch FROM event_ts)::float8 AS at, extract(epoch FROM log_ts)::float8 AS arrived, value, quality, seq
FROM readings WHERE sensor_id = $1 AND event_ts >= to_timestamp($2) AND event_ts < to_timestamp($3)
ORDER BY event_ts DESC LIMIT $4"""

ROLLUPS = """
SELECT extract(epoch FROM bucket)::float8 AS at, count, bad, low, high, mean, m2, last,
       extract(epoch FROM last_ts)::float8 AS last_s
FROM {table} WHERE sensor_id = $1 AND bucket >= to_timestamp($2) AND bucket < to_timestamp($3) AND count > 0
ORDER BY bucket"""

# What stood when the span began is told by the last event of each alarm before it.
EVENTS = """
SELECT doc FROM (
    (SELECT DISTINCT ON (kind) doc, at, version FROM alarm_events
     WHERE sensor_id = $1 AND at < to_timestamp($2) ORDER BY kind, at DESC, version DESC)
    UNION ALL
    (SELECT doc, at, version FROM alarm_events
     WHERE sensor_id = $1 AND at >= to_timestamp($2) AND at < to_timestamp($3) ORDER BY at DESC, version DESC LIMIT $4)
) e ORDER BY at, version"""


async def read_series(
    connection: asyncpg.Connection,
    sensor_id: str,
    start: float,
    end: float,
    profile_for: Callable[[SensorFacts], Profile],
) -> Series:
    """The sensor from `start` to `end` (seconds since the epoch), in as much detail as the span bears.

    `profile_for` says how its detectors are set, for the scores.
    """
    found = await connection.fetch(EVENTS, sensor_id, start, end, MOST_EVENTS)
    events = tuple(decode_alarm_event(row["doc"].encode()) for row in found)
    if end - start <= RAW_SPAN_S:
        readings = await connection.fetch(READINGS, sensor_id, start, end, MOST_READINGS + 1)
        if len(readings) <= MOST_READINGS:
            readings = readings[::-1]
            return Series(
                start,
                end,
                "raw",
                tuple(row["at"] for row in readings),
                tuple(row["value"] for row in readings),
                statistics=_of_readings(readings),
                scores=await _scores(connection, sensor_id, start, readings, profile_for),
                events=events,
            )
    resolution: Resolution = "minute" if end - start <= MINUTE_SPAN_S else "hour"
    width = 60.0 if resolution == "minute" else 3600.0
    table = f"rollup_{resolution}"
    buckets = await connection.fetch(ROLLUPS.format(table=table), sensor_id, start - width, end)
    return Series(
        start,
        end,
        resolution,
        # A bucket stands for its middle.
        tuple(row["at"] + width / 2 for row in buckets),
        tuple(row["mean"] for row in buckets),
        tuple(row["low"] for row in buckets),
        tuple(row["high"] for row in buckets),
        _of_buckets(buckets),
        events=events,
    )


async def _scores(
    connection: asyncpg.Connection,
    sensor_id: str,
    start: float,
    readings: Sequence[Any],
    profile_for: Callable[[SensorFacts], Profile],
) -> tuple[tuple[float, float], ...]:
    """The detectors' combined score of each reading, by a bank that has learned from the readings before the span."""
    sensor = await connection.fetchrow(SENSOR, sensor_id)
    if sensor is None or not readings:
        return ()
    before = await connection.fetch(READINGS, sensor_id, -math.inf, start, WARM_UP)
    profile = profile_for(rows.facts_of(sensor))

    def replay() -> tuple[tuple[float, float], ...]:
        bank = SensorBank(profile)
        for row in before[::-1]:
            bank.observe(row["seq"], row["at"], row["arrived"], row["value"])
        scores = []
        for row in readings:
            bank.observe(row["seq"], row["at"], row["arrived"], row["value"])
            scores.append((row["at"], bank.score))
        return tuple(scores)

    return await asyncio.to_thread(replay)


def _of_readings(readings: Sequence[Any]) -> Statistics | None:
    bucket = Bucket()
    for row in readings:
        # Quality is kept as a single: 0.5 is exact in it.
        bucket.add(row["at"], row["value"], max(row["quality"], GOOD_QUALITY))
    return _statistics(bucket)


def _of_buckets(buckets: Sequence[Any]) -> Statistics | None:
    whole = Bucket()
    for row in buckets:
        part = Bucket()
        part.count, part.low, part.high = row["count"], row["low"], row["high"]
        part.mean, part.m2, part.last, part.last_s = row["mean"], row["m2"], row["last"], row["last_s"]
        whole.merge(part)
    return _statistics(whole)


def _statistics(bucket: Bucket) -> Statistics | None:
    if not bucket.count:
        return None
    deviation = math.sqrt(bucket.m2 / (bucket.count - 1)) if bucket.count > 1 else None
    return Statistics(bucket.count, bucket.low, bucket.high, bucket.mean, deviation, bucket.last)
