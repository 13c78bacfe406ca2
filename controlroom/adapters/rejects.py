"""Rejected records: found, shown, published again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.errors import InputError

_COLUMNS = "part, off, log_ts, reason, detail, key, raw, raw_size, sha256, replayed_at"
_FIND = f"""
SELECT {_COLUMNS} FROM rejects
WHERE topic = $1 AND ($2::text IS NULL OR reason = $2) AND ($3::int IS NULL OR part = $3)
  AND ($4::bigint IS NULL OR off = $4) AND ($5 OR replayed_at IS NULL)
ORDER BY log_ts DESC, part, off DESC LIMIT $6"""  # noqa: S608 - our own column names
_MARK = "UPDATE rejects SET replayed_at = now() WHERE topic = $1 AND part = $2 AND off = $3"


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A row of `rejects`. `raw` may be cut short: `size` is its true length in bytes."""

    part: int
    off: int
    log_ts: datetime
    reason: str
    detail: str
    key: bytes | None
    raw: bytes | None
    size: int
    sha256: bytes
    replayed_at: datetime | None

    @property
    def whole(self) -> bool:
        """Whether all of the record's value is kept."""
        return len(self.raw or b"") == self.size


@dataclass(frozen=True, slots=True)
class Which:
    """Which rejects are meant; None: any."""

    reason: str | None = None
    part: int | None = None
    off: int | None = None
    #: also those that were published again before
    replayed: bool = True
    limit: int = 50


async def find_rejects(connection: asyncpg.Connection, topic: str, which: Which) -> list[StoredReject]:
    """The newest first."""
    rows = await connection.fetch(_FIND, topic, which.reason, which.part, which.off, which.replayed, which.limit)
    return [StoredReject(*row) for row in rows]


async def replay_rejects(
    kafka: KafkaConnection, connection: asyncpg.Connection, topic: str, rejects: Sequence[StoredReject]
) -> int:
    """Publish rejects to their topic again, oldest first, with their key; they become new records of it.

    Returns:
        How many were published. What the brokers do not confirm is not marked and can be asked for again.

    Raises:
        InputError: one of them is not kept whole; nothing is published.
        KafkaUnreachable: no broker answers.
    """
    for reject in rejects:
        if not reject.whole:
            raise InputError(
                f"partition {reject.part} offset {reject.off}: only a part of {reject.size} bytes is kept",
                hint="leave it out; the topic itself may still have it",
            )
    producer = AIOKafkaProducer(**kafka.options, acks="all", enable_idempotence=True)
    try:
        await producer.start()
        for reject in sorted(rejects, key=lambda r: (r.part, r.off)):
            await producer.send_and_wait(topic, key=reject.key, value=reject.raw)
            await connection.execute(_MARK, topic, reject.part, reject.off)
    except KafkaError as error:
        raise await kafka.why_unreachable(error) from None
    finally:
        await producer.stop()
    return len(rejects)
