"""What a trend shows: a few sensors over a span of time, in as much detail as is stored and as the span bears."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from controlroom.adapters.postgres.series_query import EVENTS, MINUTE_SPAN_S, RAW_SPAN_S, ROLLUPS
from controlroom.core.fault_view import FaultView
from controlroom.core.trends import AlarmJump, Curve, TrendData
from controlroom.wire.alarm import decode_alarm_event

#: A sensor with more readings in a span than this is shown by minutes.
MOST_READINGS = 4_000
#: Of each sensor.
MOST_EVENTS = 300
MOST_FAULTS = 200

READINGS = """
SELECT extract(epoch FROM event_ts)::float8 AS at, value FROM readings
WHERE sensor_id = $1 AND event_ts >= to_timestamp($2) AND event_ts < to_timestamp($3) ORDER BY event_ts LIMIT $4"""

FIRST = "SELECT extract(epoch FROM min(bucket))::float8 FROM rollup_hour WHERE sensor_id = $1"

FAULTS = """
SELECT fault_id, sensor_id, fault, magnitude, injected_by, outcome, extract(epoch FROM starts_at)::float8 AS start_s,
       extract(epoch FROM ended_at)::float8 AS end_s, extract(epoch FROM planned_end)::float8 AS planned_s
FROM faults WHERE sensor_id = ANY($1) AND starts_at < to_timestamp($3) AND outcome <> 'refused'
    AND coalesce(ended_at, planned_end, 'infinity') >= to_timestamp($2)
ORDER BY starts_at DESC LIMIT $4"""

_JUMP = """
SELECT extract(epoch FROM at)::float8 FROM alarm_events
WHERE sensor_id = ANY($1) AND severity = $2 AND event IN ('raised', 'recurred', 'severity-rose')
    AND at {after} to_timestamp($3) ORDER BY at {order} LIMIT 1"""
NEXT = _JUMP.format(after=">", order="ASC")
PREVIOUS = _JUMP.format(after="<", order="DESC")


@dataclass(frozen=True, slots=True)
class _Detail:
    """A table of roll-ups and the seconds of its buckets."""

    table: str
    width: float


_MINUTE, _HOUR = _Detail("rollup_minute", 60.0), _Detail("rollup_hour", 3_600.0)


async def read_trend(connection: asyncpg.Connection, sensors: tuple[str, ...], start: float, end: float) -> TrendData:
    """The sensors from `start` to `end`, seconds since the epoch."""
    curves: dict[str, Curve] = {}
    events = []
    firsts: list[float] = []
    for sensor_id in sensors:
        curves[sensor_id] = await _curve(connection, sensor_id, start, end)
        found = await connection.fetch(EVENTS, sensor_id, start, end, MOST_EVENTS)
        events += [decode_alarm_event(row["doc"].encode()) for row in found]
        first = await connection.fetchval(FIRST, sensor_id)
        firsts += [] if first is None else [first]
    events.sort(key=lambda event: (event.timestamp, event.version))
    faults = await connection.fetch(FAULTS, list(sensors), start, end, MOST_FAULTS)
    return TrendData(
        start,
        end,
        curves,
        tuple(events),
        tuple(
            FaultView(
                row["fault_id"],
                (row["sensor_id"],),
                row["injected_by"],
                row["start_s"],
                row["end_s"],
                row["outcome"],
                fault=row["fault"],
                magnitude=row["magnitude"],
                planned_end=row["planned_s"],
            )
            for row in faults
        ),
        min(firsts, default=None),
    )


async def _curve(connection: asyncpg.Connection, sensor_id: str, start: float, end: float) -> Curve:
    """Readings if there are few enough; else minutes; else hours: also where the finer ones are not kept any more."""
    span = end - start
    if span <= RAW_SPAN_S:
        rows = await connection.fetch(READINGS, sensor_id, start, end, MOST_READINGS + 1)
        if 0 < len(rows) <= MOST_READINGS:
            return Curve(tuple(row["at"] for row in rows), tuple(row["value"] for row in rows))
    for detail in (_MINUTE, _HOUR) if span <= MINUTE_SPAN_S else (_HOUR,):
        statement = ROLLUPS.format(table=detail.table)
        rows = await connection.fetch(statement, sensor_id, start - detail.width, end)
        if rows:
            return Curve(
                # A bucket stands for its middle.
                tuple(row["at"] + detail.width / 2 for row in rows),
                tuple(row["mean"] for row in rows),
                tuple(row["low"] for row in rows),
                tuple(row["high"] for row in rows),
                detail.width,
            )
    return Curve()


async def read_jump(connection: asyncpg.Connection, jump: AlarmJump) -> float | None:
    """When the alarm was raised that the operator wants to go to, seconds since the epoch; None: there is none."""
    statement = NEXT if jump.step > 0 else PREVIOUS
    found: float | None = await connection.fetchval(statement, list(jump.sensors), jump.severity, jump.at)
    return found
