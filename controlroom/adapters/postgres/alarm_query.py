"""What alarms there are and what happened to them, for commands that look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg

from controlroom.adapters.postgres.session import PASSING_ERRORS, Session
from controlroom.adapters.postgres.typed_text import like
from controlroom.core.alarms.measures import Record
from controlroom.core.alarms.model import Alarm, Priority, decode_alarm
from controlroom.core.alarms.transitions import TransitionKind
from controlroom.errors import ConfigError, DatabaseUnreachable, NotAllowed
from controlroom.wire import AlarmEvent
from controlroom.wire.alarm import decode_alarm_event

if TYPE_CHECKING:
    from controlroom.core.records import SensorFacts
    from controlroom.core.why.model import Why
    from detectors.profile import Profile

#: Rows fetched at a time where there may be very many.
CHUNK = 2_000

LIST = """
SELECT doc FROM alarms
WHERE ($1 OR live AND (state = $2 OR $2 IS NULL AND state NOT IN ('BY_DESIGN', 'NORMAL')))
  AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR sensor_id LIKE $3)
  AND ($4::text IS NULL OR kind LIKE $4 OR doc -> 'detection' ->> 'finding' LIKE $4
       OR EXISTS (SELECT FROM jsonb_array_elements(doc -> 'also') also WHERE also ->> 'finding' LIKE $4))
ORDER BY changed_at DESC, sensor_id, kind LIMIT $5"""

ONE = "SELECT doc FROM alarms WHERE sensor_id = $1 AND kind = $2"

CHILDREN = "SELECT doc FROM alarms WHERE live AND doc->>'parent' = $1 ORDER BY sensor_id, kind"

HISTORY = """
SELECT doc, recorded_at FROM alarm_events
WHERE ($1::text IS NULL OR sensor_id LIKE $1)
  AND ($2::text IS NULL OR kind LIKE $2
       OR EXISTS (SELECT FROM jsonb_array_elements_text(doc -> 'kinds') found WHERE found LIKE $2))
  AND ($3::timestamptz IS NULL OR recorded_at >= $3) AND ($4::timestamptz IS NULL OR recorded_at < $4)
ORDER BY recorded_at DESC, sensor_id, version DESC LIMIT $5"""

# Of one alarm, by its very name.
JOURNAL_OF = """
SELECT doc, recorded_at FROM alarm_events WHERE sensor_id = $1 AND kind = $2
ORDER BY recorded_at DESC, version DESC LIMIT $3"""

# What stands when a period begins is told by the lines of alarms that were not closed before it.
JOURNAL = """
SELECT e.recorded_at, e.event, e.sensor_id, e.kind, e.occurrence_id, e.annunciated, e.doc->>'priority' AS priority,
       (e.doc->>'simulated')::boolean AS simulated, e.version
FROM alarm_events e
WHERE e.recorded_at >= $1 AND e.recorded_at < $2
UNION ALL
SELECT e.recorded_at, e.event, e.sensor_id, e.kind, e.occurrence_id, e.annunciated, e.doc->>'priority',
       (e.doc->>'simulated')::boolean, e.version
FROM (SELECT occurrence_id FROM alarms WHERE live
      UNION SELECT occurrence_id FROM alarm_events WHERE recorded_at >= $1) AS standing
JOIN alarm_events e USING (occurrence_id)
WHERE e.recorded_at < $1 AND e.recorded_at < $2
ORDER BY recorded_at, sensor_id, version"""

FIRST_EVENT = "SELECT min(recorded_at) FROM alarm_events"

#: The alarm that a person means by a kind: a live one that names it, else the one of that kind.
MEANT = """
SELECT kind, doc FROM alarms WHERE sensor_id = $1 AND (kind = $2 OR (live AND (
    doc -> 'detection' ->> 'finding' = $2 OR doc -> 'also' @> jsonb_build_array(jsonb_build_object('finding', $2::text))
))) ORDER BY live DESC, kind = $2 DESC LIMIT 1"""


async def kind_meant(connection: asyncpg.Connection, sensor_id: str, kind: str) -> str:
    """The kind of the alarm that a person means by `kind`: of one that names it, or its own."""
    row = await connection.fetchrow(MEANT, sensor_id, kind)
    return str(row["kind"]) if row is not None else kind


class AlarmQueries:
    """Looks and changes nothing. An async context manager: it gives its connection back at the end."""

    def __init__(self, dsn: str) -> None:
        self._session = Session(dsn, "alarms")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()

    async def find(
        self,
        *,
        everything: bool = False,
        state: str | None = None,
        sensor: str | None = None,
        kind: str | None = None,
        limit: int | None = 1000,
    ) -> Sequence[Alarm]:
        """The alarms that stand, latest change first; patterns with * and ?.

        What is suppressed by design has its cause in the list, so it is left out unless it is asked for by `state`, or
        `everything` is.
        """
        rows = await self._fetch(LIST, everything, state, like(sensor), like(kind), limit)
        return [decode_alarm(row["doc"]) for row in rows]

    async def one(self, sensor_id: str, kind: str) -> Alarm | None:
        """The alarm, or None if it was never raised."""
        rows = await self._fetch(ONE, sensor_id, kind)
        return decode_alarm(rows[0]["doc"]) if rows else None

    async def meant(self, sensor_id: str, kind: str) -> Alarm | None:
        """The alarm that a person means by `kind`: a live one that names it, else the one of that kind."""
        rows = await self._fetch(MEANT, sensor_id, kind)
        return decode_alarm(rows[0]["doc"]) if rows else None

    async def sensor_type(self, sensor_id: str) -> str:
        """What sort of sensor it is; empty when it never spoke."""
        rows = await self._fetch("SELECT sensor_type FROM sensors WHERE sensor_id = $1", sensor_id)
        return str(rows[0][0]) if rows else ""

    async def suppressed(self) -> int:
        """How many alarms stand and are suppressed by design."""
        return int((await self._fetch("SELECT count(*) FROM alarms WHERE live AND state = 'BY_DESIGN'"))[0][0])

    async def children(self, occurrence_id: str) -> Sequence[Alarm]:
        """The live alarms that a common-cause alarm's occurrence stands for."""
        return [decode_alarm(row["doc"]) for row in await self._fetch(CHILDREN, occurrence_id)]

    async def history(
        self,
        *,
        sensor: str | None = None,
        kind: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
    ) -> Sequence[tuple[datetime, AlarmEvent]]:
        """(when it was recorded, what happened), the latest first."""
        rows = await self._fetch(HISTORY, like(sensor), like(kind), start, end, limit)
        return [(row["recorded_at"], decode_alarm_event(row["doc"].encode())) for row in rows]

    async def journal_of(self, sensor_id: str, kind: str, limit: int) -> Sequence[tuple[datetime, AlarmEvent]]:
        """(when it was recorded, what happened) of one alarm, the latest first."""
        rows = await self._fetch(JOURNAL_OF, sensor_id, kind, limit)
        return [(row["recorded_at"], decode_alarm_event(row["doc"].encode())) for row in rows]

    async def why(self, alarm: Alarm, profile_for: Callable[[SensorFacts], Profile], *, group: str, topic: str) -> Why:
        """Why the alarm was raised, from the readings and the journal; `group` and `topic` are the workers'."""
        # The detectors are loaded by whoever asks this alone.
        from controlroom.adapters.postgres.why_query import read_why

        try:
            return await read_why(await self._session.connection(), alarm, profile_for, group, topic)
        except BaseException as error:
            self._session.drop()
            if isinstance(error, Exception):
                raise as_told(error) from error
            raise

    async def first_event(self) -> datetime | None:
        """When the journal begins."""
        found = await self._fetch(FIRST_EVENT)
        began: datetime | None = found[0][0]
        return began

    async def journal(self, start: datetime, end: datetime) -> AsyncIterator[Record]:
        """The journal of a period for the measures, in order of time, with what stood when it began."""
        try:
            connection = await self._session.connection()
            async with connection.transaction(readonly=True):
                async for row in connection.cursor(JOURNAL, start, end, prefetch=CHUNK):
                    yield _record(row)
        except Exception as error:
            self._session.drop()
            raise as_told(error) from error

    async def _fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            connection = await self._session.connection()
            return await connection.fetch(sql, *arguments)
        except Exception as error:
            self._session.drop()
            raise as_told(error) from error


def as_told(error: Exception) -> Exception:
    """The error in the operator's words; another one as it is."""
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
        return ConfigError("the database's schema is not this program's", hint="run `controlroom setup`")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return NotAllowed(f"the database says: {error}", hint="log in as one that has controlroom_viewer")
    if isinstance(error, DatabaseUnreachable):
        return error
    if isinstance(error, PASSING_ERRORS):
        return DatabaseUnreachable(f"the database does not answer ({str(error) or type(error).__name__})")
    return error


def _record(row: Any) -> Record:  # noqa: ANN401 - asyncpg's row
    return Record(
        at=row["recorded_at"].timestamp(),
        event=TransitionKind(row["event"]),
        sensor_id=row["sensor_id"],
        alarm_kind=row["kind"],
        occurrence_id=row["occurrence_id"],
        annunciated=row["annunciated"],
        priority=Priority(row["priority"]) if row["priority"] else None,
        simulated=row["simulated"],
    )
