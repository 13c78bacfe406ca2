"""Alarm events that others than a partition's owner have written, handed to the owner for the alerts topic.

NOTIFY tells at once, and is only a hint: what it loses at a disconnect is found by looking, every second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.alarm_journal import POSTED_CHANNEL, OutboxEntry
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session

log = logging.getLogger(__name__)

POLL_S = 1.0


class PostedEvents:
    """Looks for entries of the partitions that are ours.

    Args:
        partitions: tells which these are now.
        push: takes what was found, also again while it is not marked as sent.
    """

    def __init__(
        self,
        dsn: str,
        owner: str,
        topic: str,
        partitions: Callable[[], Sequence[int]],
        push: Callable[[Sequence[OutboxEntry]], None],
    ) -> None:
        self._session = Session(dsn, f"{owner} posted")
        self._topic = topic
        self._partitions = partitions
        self._push = push
        self._hint = asyncio.Event()
        self._listening: asyncpg.Connection | None = None

    async def run(self) -> None:
        """Look until cancelled; a database that is away is waited for."""
        try:
            while True:
                self._hint.clear()
                try:
                    await self._look()
                except PASSING_ERRORS as error:
                    self._session.drop()
                    log.debug("posted alarm events wait for the database: %s", error)
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._hint.wait()
                except TimeoutError:
                    continue
        finally:
            await self._session.close()

    async def _look(self) -> None:
        connection = await self._session.connection()
        if connection is not self._listening:
            await connection.add_listener(POSTED_CHANNEL, lambda *_: self._hint.set())
            self._listening = connection
        ours = list(self._partitions())
        if ours:
            self._push([tuple(row) for row in await connection.fetch(rows.LOAD_POSTED, self._topic, ours)])
