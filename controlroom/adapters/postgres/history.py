"""A sensor's stored readings, in the order in which they came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session
from controlroom.core.backtest.series import Sample
from controlroom.core.records import SensorFacts
from controlroom.errors import DatabaseUnreachable, InputError

#: A reading that was refused has no row of `readings`; its arrival and that it could not be read are in `rejects`.
READINGS = """
SELECT extract(epoch FROM log_ts)::float8, extract(epoch FROM event_ts)::float8, value, seq, off
FROM readings WHERE sensor_id = $1 AND ($2::timestamptz IS NULL OR event_ts >= $2)
AND ($3::timestamptz IS NULL OR event_ts < $3)
UNION ALL
SELECT extract(epoch FROM log_ts)::float8, extract(epoch FROM log_ts)::float8, NULL, 0, off
FROM rejects WHERE key = convert_to($1, 'UTF8') AND ($2::timestamptz IS NULL OR log_ts >= $2)
AND ($3::timestamptz IS NULL OR log_ts < $3)
ORDER BY off"""

FACTS = """
SELECT sensor_id, sensor_type, unit, factory_section, machine_id, zone, warning, critical, simulated
FROM sensors WHERE sensor_id = $1"""

PREFETCH = 5000


class History:
    """Readings of sensors out of the database. Use as an asynchronous context manager."""

    def __init__(self, dsn: str) -> None:
        self._session = Session(dsn, "backtest")

    async def __aenter__(self) -> History:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def facts(self, sensor_id: str) -> SensorFacts:
        """What is known of a sensor.

        Raises:
            InputError: it was never heard of.
            DatabaseUnreachable: the database does not answer.
        """
        connection = await self._session.connection()
        row = await connection.fetchrow(FACTS, sensor_id)
        if row is None:
            raise InputError(f"no sensor {sensor_id!r} is known", hint="`detect --store all` stores its readings")
        return rows.facts_of(row)

    async def samples(
        self, sensor_id: str, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[Sample]:
        """The readings of a sensor whose event time is in [since, until).

        Raises:
            DatabaseUnreachable: the database does not answer (any more).
        """
        try:
            connection = await self._session.connection()
            async with connection.transaction(readonly=True):
                async for row in connection.cursor(READINGS, sensor_id, since, until, prefetch=PREFETCH):
                    arrived, t, value, seq, _ = row
                    yield Sample(repr(t), t, value, seq, arrived)
        except PASSING_ERRORS as error:
            self._session.drop()
            if isinstance(error, DatabaseUnreachable):
                raise
            raise DatabaseUnreachable(f"the database went away ({error})", hint="try again") from None
