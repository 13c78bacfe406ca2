"""Why an alarm was raised: what is stored of it and of the readings about it, asked in bounded pieces."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.learning import read_facts
from controlroom.core.alarms.model import Alarm
from controlroom.core.backtest.series import Sample
from controlroom.core.records import SensorFacts
from controlroom.core.why.build import Place, build, occurrence_of, place_of, without_readings
from controlroom.core.why.model import Occurrence, Past, Why
from controlroom.core.why.past import TELLING, occurrences, past_of, with_peak
from controlroom.core.why.rerun import LEARN
from controlroom.core.why.span import MOST
from controlroom.wire.alarm import decode_alarm_event
from detectors.profile import Profile

#: Of a sensor's alarm events the newest so many are looked at, and so many of those of one alarm read.
MOST_EVENTS, MOST_OF_KIND = 10_000, 2_000
#: Readings before an alarm whose distances tell the sensor's rate.
RATE_READINGS = 50
MOST_RAISED = 200
#: Longer occurrences are looked up by the hour.
BY_MINUTE_S = 86_400.0
#: what counts as false to the learning, in the words of `LearningFacts`
FALSE = "false alarm"

SENSOR = """
SELECT sensor_id, sensor_type, unit, factory_section, machine_id, zone, warning, critical, simulated
FROM sensors WHERE sensor_id = $1"""

# Through the index of the sensor, from its newest event backwards, and no further than so many.
OF_KIND = """
WITH newest AS MATERIALIZED (
    SELECT kind, event, version, doc FROM alarm_events WHERE sensor_id = $1 ORDER BY at DESC LIMIT $4)
SELECT doc, (SELECT count(*) FROM newest) AS looked_at FROM newest
WHERE kind = $2 AND event = ANY($3) ORDER BY version DESC LIMIT $5"""

# One alarm may name several kinds; events of a version before name their own alone.
RAISED = """
SELECT found.kind, extract(epoch FROM e.at)::float8 AS at
FROM alarm_events e, jsonb_array_elements_text(coalesce(e.doc -> 'kinds', jsonb_build_array(e.kind))) found(kind)
WHERE e.sensor_id = $1 AND e.at >= to_timestamp($2) AND e.at <= to_timestamp($3)
  AND e.event IN ('raised', 'joined', 'recurred')
ORDER BY e.at LIMIT $4"""

BEFORE = """
SELECT extract(epoch FROM event_ts)::float8 AS at, extract(epoch FROM log_ts)::float8 AS arrived, value, seq
FROM readings WHERE sensor_id = $1 AND event_ts < to_timestamp($2) ORDER BY event_ts DESC LIMIT $3"""

INSIDE = """
SELECT extract(epoch FROM event_ts)::float8 AS at, extract(epoch FROM log_ts)::float8 AS arrived, value, seq
FROM readings WHERE sensor_id = $1 AND event_ts >= to_timestamp($2) AND event_ts <= to_timestamp($3)
ORDER BY event_ts LIMIT $4"""

PEAK = """
SELECT min(low) AS low, max(high) AS high FROM {table}
WHERE sensor_id = $1 AND bucket > to_timestamp($2) AND bucket <= to_timestamp($3)"""


async def read_why(
    connection: asyncpg.Connection,
    alarm: Alarm,
    profile_for: Callable[[SensorFacts], Profile],
    group: str,
    topic: str,
) -> Why:
    """Why the alarm's latest occurrence was raised.

    Args:
        connection: whose user may read.
        alarm: as it stands.
        profile_for: how a sensor's detectors are set.
        group: of the workers whose detectors' state tells what was learned of false alarms.
        topic: of the readings.
    """
    sensor_id, kind = alarm.sensor_id, alarm.kind
    found = await connection.fetch(OF_KIND, sensor_id, kind, list(TELLING), MOST_EVENTS, MOST_OF_KIND)
    known = occurrences(decode_alarm_event(row["doc"].encode()) for row in found)
    this = occurrence_of(alarm, known)
    cut = bool(found) and (len(found) >= MOST_OF_KIND or found[0]["looked_at"] >= MOST_EVENTS)
    past = await _past(connection, alarm, past_of(this, known, cut=cut), group, topic)
    sensor = await connection.fetchrow(SENSOR, sensor_id)
    if sensor is None:
        return without_readings(alarm, this, past, "it is of a group and not of one sensor: there is no curve")
    if this is None:
        return without_readings(alarm, None, past, "it was never raised")
    place = await _place(connection, this, sensor_id, kind)
    before = await connection.fetch(BEFORE, sensor_id, place.start, LEARN)
    inside = await connection.fetch(INSIDE, sensor_id, place.start, place.end, MOST)
    began, ended = place.window
    rang = await connection.fetch(RAISED, sensor_id, began, ended, MOST_RAISED)
    first = {row["kind"]: row["at"] for row in reversed(rang)}
    # An alarm is raised in the moment that its own occurrence says, whatever came again since.
    first[kind] = this.began
    profile = profile_for(rows.facts_of(sensor))
    return await asyncio.to_thread(build, alarm, place, profile, _samples(before[::-1]), _samples(inside), first, past)


async def _place(connection: asyncpg.Connection, this: Occurrence, sensor_id: str, kind: str) -> Place:
    recent = await connection.fetch(BEFORE, sensor_id, this.began, RATE_READINGS)
    newest = await connection.fetchval(BEFORE, sensor_id, math.inf, 1)
    return place_of(this, kind, [row["at"] for row in reversed(recent)], newest)


async def _past(connection: asyncpg.Connection, alarm: Alarm, past: Past, group: str, topic: str) -> Past:
    """With the farthest value of each that is shown, and what was learned of false alarms."""
    similar = [await _with_peak(connection, alarm.sensor_id, one) for one in past.similar]
    facts = await read_facts(connection, group, topic, alarm.sensor_id)
    raised = dict(facts.raised_limits).get(alarm.kind, 1.0)
    return replace(past, similar=tuple(similar), raised_limit=raised, waits=FALSE in facts.waiting)


async def _with_peak(connection: asyncpg.Connection, sensor_id: str, one: Occurrence) -> Occurrence:
    if one.ended is None or one.value is None:
        return with_peak(one, None, None)
    table, width = ("rollup_minute", 60.0) if one.ended - one.began <= BY_MINUTE_S else ("rollup_hour", 3600.0)
    row = await connection.fetchrow(PEAK.format(table=table), sensor_id, one.began - width, one.ended)
    return with_peak(one, *((row["low"], row["high"]) if row is not None else (None, None)))


def _samples(found: Sequence[Any]) -> list[Sample]:
    return [Sample("", row["at"], row["value"], row["seq"], row["arrived"]) for row in found]
