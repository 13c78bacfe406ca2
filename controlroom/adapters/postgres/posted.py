"""Alarm events that others than a partition's owner have written, handed to the owner for the alerts topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.alarm_journal import POSTED_CHANNEL, OutboxEntry
from controlroom.adapters.postgres.poller import Poller


class PostedEvents(Poller):
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
        super().__init__(dsn, f"{owner} posted", POSTED_CHANNEL)
        self._topic = topic
        self._partitions = partitions
        self._push = push

    async def look(self, connection: asyncpg.Connection) -> None:
        """Hand over what is there for our partitions."""
        ours = list(self._partitions())
        if ours:
            self._push([tuple(row) for row in await connection.fetch(rows.LOAD_POSTED, self._topic, ours)])
