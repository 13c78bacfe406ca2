"""Shift handover in PostgreSQL: the notes of a shift, the reports that were given, and who signed them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import asyncpg

from controlroom.adapters.postgres.alarm_query import LIST, as_told
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, transaction
from controlroom.adapters.postgres.typed_text import clean, like
from controlroom.core.alarms.model import decode_alarm
from controlroom.core.handover import (
    LONGEST_NOTE,
    Action,
    Given,
    Handover,
    Note,
    Signed,
    decode_handover,
    encode_handover,
    handover,
)
from controlroom.errors import ActionRefused, DatabaseUnreachable, NotAllowed

T = TypeVar("T")

#: What a shift begins with where none has ended yet, seconds.
FIRST_SHIFT_S = 12 * 3600.0

CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
INSERT_NOTE = """
INSERT INTO shift_notes (note_id, who, whence, text) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"""
NOTES = "SELECT at, who, text FROM shift_notes WHERE at >= $1 AND at < $2 ORDER BY at, id"
RINGS = """
SELECT count(*) FROM alarm_events
WHERE recorded_at >= $1 AND recorded_at < $2 AND annunciated AND NOT coalesce((doc->>'simulated')::boolean, false)"""
BY_DESIGN = "SELECT count(*) FROM alarms WHERE live AND state = 'BY_DESIGN'"
ACTIONS = """
SELECT at, who, whence, action, sensor_id, kind, refusal,
       coalesce(request->>'reason', request->>'comment', request->>'text', '') AS text
FROM audit
WHERE ($1::timestamptz IS NULL OR at >= $1) AND ($2::timestamptz IS NULL OR at < $2)
  AND ($3::text IS NULL OR who LIKE $3) AND ($4::text IS NULL OR sensor_id LIKE $4)
  AND ($5::text IS NULL OR lower(action) LIKE lower($5))
  AND ($6::text IS NULL OR position(lower($6) IN lower(concat_ws(' ', who, whence, action, sensor_id, kind, refusal,
       request->>'reason', request->>'comment', request->>'text'))) > 0)
ORDER BY at DESC, id DESC LIMIT $7"""
# One handover at a time, since the next shift begins where the last one ended; and no note is half written meanwhile,
# which would be in neither of the two.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('controlroom handovers', 7))"
LOCK_FOR_NOTE = "SELECT pg_advisory_xact_lock_shared(hashtextextended('controlroom handovers', 7))"
LAST = "SELECT at FROM handovers ORDER BY at DESC, id DESC LIMIT 1"
INSERT_HANDOVER = """
INSERT INTO handovers (handover_id, at, since, who, whence, report) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING"""
_GIVEN = """
SELECT h.id, h.at, h.who, h.report, s.at AS signed_at, s.who AS signed_by, s.remark
FROM handovers h LEFT JOIN handover_signatures s ON s.handover = h.id """
BY_ID = _GIVEN + "WHERE h.handover_id = $1"
BY_NUMBER = _GIVEN + "WHERE h.id = $1"
UNSIGNED = _GIVEN + "WHERE s.handover IS NULL ORDER BY h.at DESC, h.id DESC LIMIT 1"
NEWEST = _GIVEN + "ORDER BY h.at DESC, h.id DESC LIMIT $1"
SIGN = """
INSERT INTO handover_signatures (handover, who, whence, remark) VALUES ($1, $2, $3, $4)
ON CONFLICT (handover) DO NOTHING RETURNING at"""


class Handovers:
    """Notes and handovers of one operator. An async context manager; calls must not overlap.

    Every call raises DatabaseUnreachable when the database does not answer, NotAllowed when the login may not, and
    ConfigError when the schema is not this program's.
    """

    def __init__(self, dsn: str, *, who: str, whence: str) -> None:
        self._session = Session(dsn, f"handover {who}")
        self._who = clean(who)
        self._whence = clean(whence)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()

    # Looking

    async def running(self, since: float | None = None, until: float | None = None) -> Handover:
        """The report of the shift that is running, or of a period; seconds since the epoch."""

        async def read(connection: asyncpg.Connection) -> Handover:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await _report(connection, since, until)

        return await self._looking(read)

    async def given(self, number: int) -> Given | None:
        """The handover of that number; None: there is none."""

        async def read(connection: asyncpg.Connection) -> Given | None:
            row = await connection.fetchrow(BY_NUMBER, number)
            return _given(row) if row is not None else None

        return await self._looking(read)

    async def unsigned(self) -> Given | None:
        """The newest handover that nobody has signed; None: all are signed, or there is none."""

        async def read(connection: asyncpg.Connection) -> Given | None:
            row = await connection.fetchrow(UNSIGNED)
            return _given(row) if row is not None else None

        return await self._looking(read)

    async def newest(self, limit: int) -> Sequence[Given]:
        """The latest handovers, the newest first."""

        async def read(connection: asyncpg.Connection) -> Sequence[Given]:
            return [_given(row) for row in await connection.fetch(NEWEST, limit)]

        return await self._looking(read)

    async def actions(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        who: str | None = None,
        sensor: str | None = None,
        action: str | None = None,
        text: str | None = None,
        limit: int = 100,
    ) -> Sequence[Action]:
        """What operators did or were refused, the latest first; patterns with * and ?, `text` anywhere in it."""

        async def read(connection: asyncpg.Connection) -> Sequence[Action]:
            found = await connection.fetch(ACTIONS, start, end, like(who), like(sensor), like(action), text, limit)
            return [_action(row) for row in found]

        return await self._looking(read)

    # Writing

    async def note(self, text: str) -> None:
        """Write a note into the log of the shift."""
        note_id = uuid4()

        async def write(connection: asyncpg.Connection) -> None:
            async with transaction(connection):
                await connection.execute(LOCK_FOR_NOTE)
                await connection.execute(INSERT_NOTE, note_id, self._who, self._whence, clean(text, LONGEST_NOTE))

        await self._writing(write)

    async def give(self) -> Given:
        """End the shift: its report is kept, and the next shift begins."""
        handover_id = uuid4()

        async def write(connection: asyncpg.Connection) -> Given:
            async with transaction(connection):
                await connection.execute(LOCK)
                # Asked for again after a lost connection, it may have been kept.
                row = await connection.fetchrow(BY_ID, handover_id)
                if row is None:
                    report = await _report(connection, None, None)
                    await connection.execute(
                        INSERT_HANDOVER, handover_id, _time(report.until), _time(report.since), self._who, self._whence,
                        encode_handover(report).decode(),
                    )  # fmt: skip
                    row = await connection.fetchrow(BY_ID, handover_id)
                return _given(row)

        return await self._writing(write)

    async def sign(self, number: int, remark: str = "") -> Given:
        """Take over: sign a handover, once.

        Raises:
            ActionRefused: there is none of that number, or somebody else has signed it.
        """

        async def write(connection: asyncpg.Connection) -> Given:
            if await connection.fetchrow(BY_NUMBER, number) is None:
                raise ActionRefused(f"there is no handover {number}", hint="`controlroom handover list` names them")
            made = await connection.fetchval(SIGN, number, self._who, self._whence, clean(remark))
            given = _given(await connection.fetchrow(BY_NUMBER, number))
            if made is None and given.signed is not None and given.signed.who != self._who:
                raise ActionRefused(f"handover {number} is signed already, by {given.signed.who}")
            return given

        return await self._writing(write)

    # The connection

    async def _looking(self, read: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        try:
            return await read(await self._session.connection())
        except Exception as error:
            self._session.drop()
            raise as_told(error) from error

    async def _writing(self, write: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Write once: each statement has an id, so what a lost connection leaves unknown is simply asked for again."""
        for attempt in (1, 2):
            try:
                return await write(await self._session.connection())
            except asyncpg.InsufficientPrivilegeError as error:
                raise NotAllowed(
                    f"the database says: {error}", hint="log in as one that has controlroom_operator"
                ) from None
            except PASSING_ERRORS as error:
                self._session.drop()
                if attempt == 2:
                    raise DatabaseUnreachable(
                        f"the database does not answer ({str(error) or type(error).__name__}); it may not be written",
                        hint="look with `controlroom handover show`, and repeat it if it is not there",
                    ) from None
            except asyncpg.UndefinedTableError as error:
                raise as_told(error) from error
        raise AssertionError("the second attempt returns or raises")


async def _report(connection: asyncpg.Connection, since: float | None, until: float | None) -> Handover:
    """The report of a period; by default from the last handover to now."""
    if until is None:
        until = await connection.fetchval(CLOCK)
    if since is None:
        last: datetime | None = await connection.fetchval(LAST)
        since = last.timestamp() if last is not None else until - FIRST_SHIFT_S
    since = min(since, until)
    begin, end = _time(since), _time(until)
    alarms = await connection.fetch(LIST, False, None, None, None, None)  # noqa: FBT003 - a parameter of the statement
    notes = await connection.fetch(NOTES, begin, end)
    actions = await connection.fetch(ACTIONS, begin, end, None, None, None, None, None)
    return handover(
        since,
        until,
        alarms=[decode_alarm(row["doc"]) for row in alarms],
        by_design=await connection.fetchval(BY_DESIGN),
        rings=await connection.fetchval(RINGS, begin, end),
        notes=[Note(row["at"].timestamp(), row["who"], row["text"]) for row in notes],
        actions=[_action(row) for row in reversed(actions)],
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _action(row: Any) -> Action:  # noqa: ANN401 - asyncpg's row
    return Action(
        row["at"].timestamp(), row["who"], row["whence"], row["action"], row["sensor_id"], row["kind"], row["text"],
        row["refusal"],
    )  # fmt: skip


def _given(row: Any) -> Given:  # noqa: ANN401 - asyncpg's row
    signed = None
    if row["signed_at"] is not None:
        signed = Signed(row["signed_at"].timestamp(), row["signed_by"], row["remark"])
    return Given(row["id"], row["at"].timestamp(), row["who"], decode_handover(row["report"]), signed)
