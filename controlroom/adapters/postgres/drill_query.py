"""What a drill left in its database: the faults, and what was told of alarms."""

from __future__ import annotations

from collections.abc import Iterable

from controlroom.adapters.postgres.session import Session
from controlroom.core.drill_score import TELLING, Told
from controlroom.core.fault_register import FAULT_COLUMNS, FaultRow
from controlroom.wire.alarm import decode_alarm_event

_FAULTS = f"SELECT {', '.join(FAULT_COLUMNS)} FROM faults ORDER BY starts_at, fault_id, sensor_id"  # noqa: S608 - own names

# An alarm is told in its sensor's own time. Its record's two times tell how far that is off the brokers' time.
_TOLD = """
SELECT e.doc, r.ahead FROM alarm_events e
LEFT JOIN LATERAL (
    SELECT extract(epoch FROM r.event_ts - r.log_ts)::float8 AS ahead FROM readings r
    WHERE r.sensor_id = e.sensor_id AND r.event_ts BETWEEN e.at - interval '1 day' AND e.at + interval '1 day'
      AND (r.topic, r.part, r.off) = (e.doc->>'topic', (e.doc->>'partition')::int, (e.doc->>'offset')::bigint)
    LIMIT 1
) r ON true
WHERE e.annunciated OR e.event = ANY($1)"""

_READINGS = "SELECT (SELECT count(*) FROM readings) + (SELECT count(*) FROM rejects)"


async def faults_on_record(session: Session) -> list[FaultRow]:
    """All faults, by their start."""
    connection = await session.connection()
    return [FaultRow(*row.values()) for row in await connection.fetch(_FAULTS)]


async def records_kept(session: Session) -> int:
    """Readings and rejects."""
    connection = await session.connection()
    return int(await connection.fetchval(_READINGS, timeout=60.0))


async def unsent(session: Session) -> int:
    """Events that are not known to be on the alerts topic yet."""
    connection = await session.connection()
    return int(await connection.fetchval("SELECT count(*) FROM outbox"))


async def told_of_alarms(session: Session, telling: Iterable[str] = TELLING) -> list[Told]:
    """The events of alarms that a drill is scored by, in the brokers' time."""
    connection = await session.connection()
    found = []
    for row in await connection.fetch(_TOLD, list(telling), timeout=120.0):
        event = decode_alarm_event(row["doc"].encode())
        found.append(
            Told(
                event.sensor_id,
                event.kinds or (event.kind,),
                event.event,
                event.timestamp.timestamp() - (row["ahead"] or 0.0),
                event.detector,
                event.message,
                event.annunciated,
                event.state != "BY_DESIGN",
            )
        )
    return found
