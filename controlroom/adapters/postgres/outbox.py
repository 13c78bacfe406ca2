"""What the brokers have confirmed leaves the outbox."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session

log = logging.getLogger(__name__)


class Outgoing(NamedTuple):
    """A record that is committed and has to be on a topic."""

    outbox_id: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Outbox:
    """Deletes entries that were sent. What cannot be deleted now is deleted with the next ones."""

    def __init__(self, dsn: str, owner: str) -> None:
        self._session = Session(dsn, f"{owner} outbox")
        self._sent: list[int] = []

    async def mark_sent(self, ids: Sequence[int]) -> set[int]:
        """The brokers have these. Returns what has left the outbox now."""
        self._sent.extend(ids)
        gone: set[int] = set()
        try:
            connection = await self._session.connection()
            await connection.execute(rows.DELETE_OUTBOX, self._sent)
        except PASSING_ERRORS as error:
            # A repeat of an event has its id, so it is harmless to send one again after a restart.
            self._session.drop()
            log.debug("sent alarm events are not marked yet: %s", error)
        else:
            gone.update(self._sent)
            self._sent.clear()
        return gone

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()
