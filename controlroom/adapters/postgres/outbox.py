"""What the brokers have confirmed leaves the outbox; what is not sent yet is found there."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import NamedTuple

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session
from controlroom.core.dead_letter import dead_letter_headers

log = logging.getLogger(__name__)


class Outgoing(NamedTuple):
    """A record that is committed and has to be on a topic."""

    outbox_id: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def dead_letter(
    outbox_id: int,
    key: bytes | None,
    raw: bytes | None,
    topic: str,
    part: int,
    offset: int,
    reason: str,
    detail: str,
    size: int,
) -> Outgoing:
    """A reject as it goes to the dead letters."""
    return Outgoing(outbox_id, key, raw, dead_letter_headers(topic, part, offset, reason, detail, size))


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

    async def events(self, topic: str, parts: Sequence[int], known: Collection[int], most: int) -> list[Outgoing]:
        """The oldest alarm events of these partitions that are not `known`.

        Raises:
            one of PASSING_ERRORS: try again later.
        """
        found = await self._load(rows.LOAD_OUTBOX, topic, parts, known, most)
        return [Outgoing(row["id"], row["key"].encode(), row["payload"]) for row in found]

    async def dead_letters(self, topic: str, parts: Sequence[int], known: Collection[int], most: int) -> list[Outgoing]:
        """The same of rejects."""
        found = await self._load(rows.LOAD_DEAD_LETTERS, topic, parts, known, most)
        return [
            dead_letter(outbox_id, key, raw, topic, part, offset, reason, detail, size)
            for outbox_id, key, raw, part, offset, reason, detail, size in found
        ]

    async def _load(
        self, query: str, topic: str, parts: Sequence[int], known: Collection[int], most: int
    ) -> list[asyncpg.Record]:
        try:
            connection = await self._session.connection()
            return list(await connection.fetch(query, topic, list(parts), list(known), most))
        except PASSING_ERRORS:
            self._session.drop()
            raise

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()
