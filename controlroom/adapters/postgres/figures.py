"""What PostgreSQL tells of itself: connections, size, how much is written, and what this login may do."""

from __future__ import annotations

import time

import asyncpg

from controlroom.core.health_views import DatabaseFigures

# Everything here is open to every login. What counts writes is late by a second or so; rates even that out.
_FIGURES = """
SELECT current_user::text AS user,
       coalesce(has_table_privilege('alarms', 'UPDATE') AND has_table_privilege('alarm_events', 'INSERT'), false)
           AS may_act,
       (SELECT sum(numbackends) FROM pg_stat_database)::int AS connections,
       current_setting('max_connections')::int AS max_connections,
       s.tup_inserted + s.tup_updated + s.tup_deleted AS rows,
       s.xact_commit AS commits,
       CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_insert_lsn() - '0/0' END::bigint AS wal
FROM pg_stat_database s WHERE s.datname = current_database()"""
#: QuerySchedule for the size looks at every file of the database.
SIZE_EVERY_S = 10.0


class FigureReader:
    """Turns counters into rates from one look to the next."""

    def __init__(self) -> None:
        self._before: tuple[float, asyncpg.Record] | None = None
        self._size: int | None = None
        self._sized_at: float | None = None

    async def read(self, connection: asyncpg.Connection) -> DatabaseFigures:
        """The figures now.

        Raises:
            asyncpg.PostgresError: as of any statement.
        """
        row = await connection.fetchrow(_FIGURES)
        assert row is not None
        now = time.monotonic()
        if self._sized_at is None or now - self._sized_at >= SIZE_EVERY_S:
            self._size = await connection.fetchval("SELECT pg_database_size(current_database())")
            self._sized_at = now
        before, self._before = self._before, (now, row)

        def rate(name: str) -> float | None:
            if before is None or row[name] is None or before[1][name] is None or row[name] < before[1][name]:
                return None  # at the first look, and after the server's counters began anew
            return float(row[name] - before[1][name]) / max(now - before[0], 1e-3)

        return DatabaseFigures(
            user=row["user"],
            may_act=row["may_act"],
            connections=row["connections"],
            max_connections=row["max_connections"],
            size=self._size,
            rows_s=rate("rows"),
            wal_s=rate("wal"),
            commits_s=rate("commits"),
        )
