"""Partitions of a day: made ahead, dropped by retention.

A row that falls in no day is kept in the DEFAULT partition and never refused, so nothing depends on this running in
time: a day that is made late takes its rows out of there. One worker at a time does it, whoever gets the lock.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import asyncpg

from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, transaction

log = logging.getLogger(__name__)

#: Days that exist before they begin: a weekend without a worker loses nothing, and is not even slower.
AHEAD_DAYS = 3
EVERY_S = 3600.0
RETRY_S = 60.0
#: Writers wait behind whoever waits for an exclusive lock, so it is given up soon and tried again later.
LOCK_TIMEOUT = "2s"
_TRY_LATER: tuple[type[Exception], ...] = (*PASSING_ERRORS, asyncpg.LockNotAvailableError)
_LOCK_KEY = 0x706172746974  # "partit"


#: Notifications that were sent or given up are kept so long, for who asks what was told.
NOTIFICATION_DAYS = 30
_PORTION = 5_000

# What still stands keeps its journal, however old.
_OLD_JOURNAL = """
DELETE FROM alarm_events WHERE event_id IN (
    SELECT e.event_id FROM alarm_events e
    WHERE e.recorded_at < $1
      AND NOT EXISTS (SELECT FROM alarms a WHERE a.sensor_id = e.sensor_id AND a.kind = e.kind
                      AND a.live AND a.occurrence_id = e.occurrence_id)
    ORDER BY e.recorded_at LIMIT $2)"""
# What a sensor's learning is frozen by stays known for as long as it is.
_OLD_AUDIT = """
DELETE FROM audit WHERE id IN (
    SELECT a.id FROM audit a
    WHERE a.at < $1
      AND NOT (a.refusal = '' AND a.action = 'FreezeLearning' AND NOT EXISTS (
          SELECT FROM audit b WHERE b.sensor_id = a.sensor_id AND b.id > a.id AND b.refusal = ''
                              AND b.action IN ('ThawLearning', 'ResetLearning')))
    ORDER BY a.at LIMIT $2)"""
_OLD_NOTIFICATIONS = """
DELETE FROM notifications WHERE id IN (
    SELECT id FROM notifications WHERE (sent_at IS NOT NULL OR given_up) AND created_at < $1 LIMIT $2)"""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    column: str
    options: str = ""


_READINGS = _Table("readings", "log_ts")
_MINUTES = _Table("rollup_minute", "bucket", " WITH (fillfactor = 80)")
_SECONDS = _Table("rollup_second", "bucket", " WITH (fillfactor = 80)")
#: Rejects are in no partitions: they are deleted by day, so many in one statement.
_DELETED_AT_ONCE = 10_000
_OLD_REJECTS = """
DELETE FROM rejects r USING (
    SELECT topic, part, off FROM rejects WHERE log_ts < $1 ORDER BY log_ts LIMIT $2
) old WHERE (r.topic, r.part, r.off) = (old.topic, old.part, old.off)
  AND NOT EXISTS (SELECT FROM outbox o WHERE (o.topic, o.part, o.reject_off) = (r.topic, r.part, r.off))"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in days; roll-ups by the hour are few and kept for good.

    `seconds` 0: there are none by the second. None: for good.
    """

    readings: int = 7
    minutes: int = 30
    seconds: int = 0
    rejects: int = 30
    #: the journal of alarms, and the audit
    journal: int | None = None
    audit: int | None = None


@dataclass(slots=True)
class Done:
    """Partitions that were made and dropped, by name."""

    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    #: rows that were deleted from journal, audit and notifications
    deleted: int = 0


class PartitionKeeper:
    """Makes and drops the partitions of a database."""

    def __init__(self, dsn: str, owner: str, retention: Retention) -> None:
        self._session = Session(dsn, f"{owner} partitions")
        self._retention = retention

    async def run(self) -> None:
        """Keep them until cancelled."""
        try:
            while True:
                try:
                    done = await self.keep(datetime.now(UTC))
                except _TRY_LATER as error:
                    self._session.drop()
                    log.warning("day partitions wait: %s", error)
                    await asyncio.sleep(RETRY_S)
                    continue
                if done.made or done.dropped:
                    log.info("day partitions: %d made, %d dropped", len(done.made), len(done.dropped))
                if done.deleted:
                    log.info("%d old rows of journal, audit and notifications deleted", done.deleted)
                await asyncio.sleep(EVERY_S * random.uniform(0.9, 1.1))  # noqa: S311 - so that workers do not meet
        finally:
            await self._session.close()

    async def keep(self, now: datetime) -> Done:
        """Make what is missing and drop what is too old, unless another worker is at it.

        Raises:
            one of PASSING_ERRORS, asyncpg.LockNotAvailableError: try again later; what was done stays done.
        """
        done = Done()
        connection = await self._session.connection()
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_KEY):
            return done
        try:
            today = now.date()
            kept = self._retention
            tables = [(_READINGS, kept.readings), (_MINUTES, kept.minutes)]
            tables += [(_SECONDS, kept.seconds)] if kept.seconds else []
            for table, days in tables:
                there = await _partitions(connection, table)
                for ahead in range(-1, AHEAD_DAYS + 1):
                    day = today + timedelta(days=ahead)
                    if day not in there:
                        done.made.append(await _make(connection, table, day))
                for day, name in sorted(there.items()):
                    if day < today - timedelta(days=days):
                        await _drop(connection, name)
                        done.dropped.append(name)
            # Nothing is deleted of the roll-ups' default partition: old times there are of a history that was replayed.
            oldest = _start(today - timedelta(days=kept.readings))
            await connection.execute("DELETE FROM readings_default WHERE log_ts < $1", oldest)
            for statement, age in (
                (_OLD_JOURNAL, kept.journal),
                (_OLD_AUDIT, kept.audit),
                (_OLD_NOTIFICATIONS, NOTIFICATION_DAYS),
            ):
                if age is not None:
                    done.deleted += await _delete(connection, statement, now - timedelta(days=age))
            await _drop_rejects(connection, _start(today - timedelta(days=kept.rejects)))
        finally:
            if not connection.is_closed():
                await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK_KEY)
        return done

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()


async def _partitions(connection: asyncpg.Connection, table: _Table) -> dict[date, str]:
    names = await connection.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass",
        table.name,
    )
    pattern = re.compile(rf"{table.name}_d(\d{{8}})")
    found = ((pattern.fullmatch(row["relname"]), row["relname"]) for row in names)
    return {datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date(): name for match, name in found if match}


async def _make(connection: asyncpg.Connection, table: _Table, day: date) -> str:
    """One day's partition, with the rows of that day that were kept in the default one."""
    name = f"{table.name}_d{day:%Y%m%d}"
    first, last = _start(day), _start(day + timedelta(days=1))
    async with transaction(connection):
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING DEFAULTS){table.options}")
        # Nobody adds to the default partition between the move and the attachment, which would make it fail.
        await connection.execute(f"LOCK TABLE {table.name}_default IN ACCESS EXCLUSIVE MODE")
        await connection.execute(
            f"WITH moved AS (DELETE FROM {table.name}_default WHERE {table.column} >= $1 AND {table.column} < $2 RETURNING *)"  # noqa: S608, E501
            f" INSERT INTO {name} SELECT * FROM moved",
            first,
            last,
            timeout=300,
        )
        await connection.execute(
            f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM ('{first.isoformat()}') TO ('{last.isoformat()}')"  # noqa: E501
        )
    return name


async def _delete(connection: asyncpg.Connection, statement: str, before: datetime) -> int:
    """Delete a portion at a time, so that nobody waits long for a lock; how many rows it was."""
    deleted = 0
    while True:
        async with transaction(connection):
            await connection.execute("SET LOCAL controlroom.upkeep = 'on'")
            portion = int((await connection.execute(statement, before, _PORTION)).rpartition(" ")[2])
        deleted += portion
        if portion < _PORTION:
            return deleted


async def _drop(connection: asyncpg.Connection, name: str) -> None:
    async with transaction(connection):
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute(f"DROP TABLE {name}")


async def _drop_rejects(connection: asyncpg.Connection, before: datetime) -> None:
    """Old rejects, except what still has to go to the dead letters; a few at a time, each few committed by itself."""
    while True:
        done = await connection.execute(_OLD_REJECTS, before, _DELETED_AT_ONCE)
        if int(done.rpartition(" ")[2]) < _DELETED_AT_ONCE:
            return


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
