"""Looks in the database for what others have left for us: every second, and when it is told.

NOTIFY tells at once, and is only a hint: what it loses at a disconnect is found by looking.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod

import asyncpg

from controlroom.adapters.postgres.session import PASSING_ERRORS, Session

log = logging.getLogger(__name__)

POLL_S = 1.0


class Poller(ABC):
    """One thing that is looked for.

    Args:
        dsn: the database.
        name: of the connection, and in the log.
        channel: what NOTIFY tells it on.
    """

    def __init__(self, dsn: str, name: str, channel: str) -> None:
        self._session = Session(dsn, name)
        self._name = name
        self._channel = channel
        self._hint = asyncio.Event()
        self._listening: asyncpg.Connection | None = None

    @abstractmethod
    async def look(self, connection: asyncpg.Connection) -> None:
        """Look once; what is found may be found again."""

    async def run(self) -> None:
        """Look until cancelled; a database that is away is waited for."""
        try:
            while True:
                self._hint.clear()
                try:
                    await self.look(await self._connection())
                except PASSING_ERRORS as error:
                    self._session.drop()
                    log.debug("%s waits for the database: %s", self._name, error)
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._hint.wait()
                except TimeoutError:
                    continue
        finally:
            await self._session.close()

    async def _connection(self) -> asyncpg.Connection:
        connection = await self._session.connection()
        if connection is not self._listening:
            await connection.add_listener(self._channel, lambda *_: self._hint.set())
            self._listening = connection
        return connection
