"""What one worker of all must do: the wall-clock timers of alarms, and notifications.

Whoever holds an advisory lock is on duty. The lock belongs to the very connection that the work is done on, so a worker
that loses one loses the other; one that is stopped (SIGSTOP) is dropped by the server, which ends an idle session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import asyncpg

from controlroom.adapters.postgres.alarm_actions import CLOCK, apply_event, lock_alarm
from controlroom.adapters.postgres.schema import require_no_newer_schema
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, transaction
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import WallClock

log = logging.getLogger(__name__)

LOCK_KEY = 0x616C61726D73  # "alarms"
POLL_S = 1.0
#: A session on duty that asks nothing for so long is ended by the server.
IDLE_S = 30
MOST_AT_ONCE = 500

DUE = """
SELECT sensor_id, kind FROM alarms WHERE wake_at <= clock_timestamp() ORDER BY wake_at, sensor_id, kind LIMIT $1"""


class Duty:
    """Tries to be on duty, and does what is due while it is.

    Args:
        definitions: how alarms behave.
        also: done at every turn on duty, with the connection that holds the lock.
        wake: set when the next turn should come at once.
    """

    def __init__(
        self,
        dsn: str,
        owner: str,
        definitions: Definitions,
        also: Callable[[asyncpg.Connection], Awaitable[None]],
        wake: asyncio.Event,
    ) -> None:
        self._session = Session(dsn, f"{owner} duty")
        self._definitions = definitions
        self._also = also
        self._held_by: asyncpg.Connection | None = None
        self._wake = wake

    async def run(self) -> None:
        """Work until cancelled; a database that is away is waited for.

        Raises:
            ProgramTooOld: a newer version of the program has migrated the database.
        """
        try:
            while True:
                self._wake.clear()
                try:
                    await self._turn()
                except PASSING_ERRORS as error:
                    self._session.drop()
                    log.debug("the timers of alarms wait for the database: %s", error)
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            await self._session.close()

    async def _turn(self) -> None:
        connection = await self._session.connection()
        # Also of a worker that is not on duty: one that has nothing to commit must end as well.
        await require_no_newer_schema(connection)
        if connection is not self._held_by:
            await connection.execute(f"SET idle_session_timeout = '{IDLE_S}s'")
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
                return
            self._held_by = connection
            log.info("on duty for the timers of alarms and notifications")
        await self.let_time_pass(connection)
        await self._also(connection)

    async def let_time_pass(self, connection: asyncpg.Connection) -> None:
        """Shelves warn and end, acked alarms ring again, each in a transaction of its own."""
        for row in await connection.fetch(DUE, MOST_AT_ONCE):
            async with transaction(connection):
                locked = await lock_alarm(connection, row["sensor_id"], row["kind"])
                if locked is not None:
                    event = WallClock(at=await connection.fetchval(CLOCK))
                    await apply_event(connection, locked, event, self._definitions)
