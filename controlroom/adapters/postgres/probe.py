"""Is the database well, and how far has the detection group come? Asked every two seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from controlroom.adapters.postgres.figures import FigureReader
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, is_read_only
from controlroom.core.alarms.model import Alarm, decode_alarm
from controlroom.core.fault_view import FaultView
from controlroom.core.plant_state import DatabaseView
from controlroom.core.sanitise import sanitise
from controlroom.wire import AlarmEvent
from controlroom.wire.alarm import decode_alarm_event

_WATERMARKS = "SELECT part, next_offset, owner FROM watermark WHERE grp = $1 AND topic = $2"

# An escalation that is still to come is no notification that waits.
_NOTIFICATIONS = """
SELECT count(*) AS waiting, count(*) FILTER (WHERE attempts > 0) AS failing,
       (array_agg(receiver || ': ' || last_error ORDER BY due_at DESC) FILTER (WHERE attempts > 0))[1] AS reason
FROM notifications
WHERE sent_at IS NULL AND NOT given_up AND (topic <> 'escalated' OR due_at <= clock_timestamp() OR attempts > 0)"""

# The last event of each alarm that is live: what a control room that starts now must show.
_LIVE_ALARMS = """
SELECT a.doc AS alarm, e.doc AS event FROM alarms a
JOIN LATERAL (SELECT doc FROM alarm_events e
              WHERE e.occurrence_id = a.occurrence_id ORDER BY version DESC LIMIT 1) e ON true
WHERE a.live ORDER BY a.changed_at"""

# Faults that act and those of the last hour, with the first alarm that each can have caused: of one of its sensors, or
# of the machine, zone or partition that stands for them, from its start until two minutes after its end.
_FAULTS = """
SELECT f.*, d.at AS detected_at, d.kind, d.severity FROM (
    SELECT fault_id, array_agg(DISTINCT sensor_id) AS sensors, min(injected_by) AS injected_by,
           min(starts_at) AS starts_at, CASE WHEN bool_and(ended_at IS NOT NULL) THEN max(ended_at) END AS ended_at,
           min(outcome) AS outcome, max(planned_end) AS planned_end, array_agg(DISTINCT fault) AS faults,
           CASE WHEN count(DISTINCT (fault, magnitude)) = 1 THEN min(magnitude) END AS magnitude,
           array_agg(DISTINCT 'machine:' || machine_id) || array_agg(DISTINCT 'zone:' || zone) AS places
    FROM faults WHERE ended_at IS NULL OR ended_at > clock_timestamp() - interval '1 hour'
    GROUP BY fault_id ORDER BY bool_and(ended_at IS NOT NULL), min(starts_at) DESC LIMIT $1
) f LEFT JOIN LATERAL (
    SELECT e.at, e.kind, e.severity FROM alarm_events e
    WHERE e.sensor_id = ANY(f.sensors || f.places) AND e.event IN ('raised', 'recurred', 'severity-rose')
      AND e.at BETWEEN f.starts_at AND coalesce(f.ended_at + interval '2 minutes', 'infinity')
    ORDER BY e.at LIMIT 1
) d ON true"""
MOST_FAULTS = 50


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a partition is, and who works on it."""

    next_offset: int
    owner: str


class DatabaseProbe:
    """Asks PostgreSQL. Raises nothing: what is wrong is in the view."""

    def __init__(self, dsn: str, group: str, topic: str) -> None:
        self._session = Session(dsn, "probe")
        self._group = group
        self._topic = topic
        self._version = ""
        self._figures = FigureReader()

    async def probe(self) -> tuple[DatabaseView, dict[int, Watermark] | None]:
        """How the database is, and the group's watermarks by partition (None: not known)."""
        try:
            connection = await self._session.connection()
            if not self._version:
                self._version = str(await connection.fetchval("SHOW server_version"))
            start = time.perf_counter()
            rows = await connection.fetch(_WATERMARKS, self._group, self._topic)
            latency = (time.perf_counter() - start) * 1000
            read_only = await is_read_only(connection)
            figures = await self._figures.read(connection)
            waiting, failing, reason = await self._notifications(connection)
        except PASSING_ERRORS as error:
            self._session.drop()
            return DatabaseView(time.time(), False, error=str(error) or type(error).__name__), None  # noqa: FBT003
        view = DatabaseView(
            time.time(),
            True,  # noqa: FBT003
            self._version,
            latency,
            figures=figures,
            notifications_waiting=waiting,
            notifications_failing=failing,
            notifications_error=reason,
            read_only=read_only,
        )
        return view, {row["part"]: Watermark(row["next_offset"], row["owner"]) for row in rows}

    async def _notifications(self, connection: asyncpg.Connection) -> tuple[int | None, int | None, str]:
        """How many wait, how many of these have failed, and why; None for a login that may not see it."""
        try:
            row = await connection.fetchrow(_NOTIFICATIONS)
        except asyncpg.InsufficientPrivilegeError:
            return None, None, ""
        assert row is not None
        return row["waiting"], row["failing"], sanitise(row["reason"] or "", limit=200)

    async def faults(self) -> tuple[FaultView, ...] | None:
        """Injected faults, those that act first; None: not known."""
        try:
            connection = await self._session.connection()
            rows = await connection.fetch(_FAULTS, MOST_FAULTS)
        except PASSING_ERRORS:
            self._session.drop()
            return None
        return tuple(
            FaultView(
                sanitise(row["fault_id"], limit=64),
                tuple(sorted(row["sensors"])),
                sanitise(row["injected_by"], limit=32),
                row["starts_at"].timestamp(),
                row["ended_at"].timestamp() if row["ended_at"] is not None else None,
                row["outcome"],
                row["detected_at"].timestamp() if row["detected_at"] is not None else None,
                sanitise(row["kind"] or "", limit=24),
                row["severity"] or "",
                _name(row["fault_id"], row["faults"]),
                row["magnitude"],
                row["planned_end"].timestamp() if row["planned_end"] is not None else None,
            )
            for row in rows
        )

    async def live_alarms(self) -> list[tuple[AlarmEvent, Alarm]]:
        """The last event of each live alarm, and the alarm as it stands; oldest first.

        Raises:
            one of PASSING_ERRORS.
        """
        connection = await self._session.connection()
        found = []
        for row in await connection.fetch(_LIVE_ALARMS):
            alarm = decode_alarm(row["alarm"])
            if alarm.live:
                found.append((decode_alarm_event(row["event"].encode()), alarm))
        return found

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()


def _name(fault_id: str, faults: Sequence[str]) -> str:
    """What befell, in a word: a fault of a machine or a zone is several, and its id begins with its name."""
    return sanitise(faults[0] if len(faults) == 1 else fault_id.rpartition("-")[0] or fault_id, limit=24)
