"""What is still to be told to whom, and why it waits: for who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from controlroom.adapters.postgres.session import PASSING_ERRORS, Session
from controlroom.core.alarms.notify import Planned
from controlroom.errors import ConfigError, DatabaseUnreachable, NotAllowed

FIND = """
SELECT doc, due_at, attempts, last_error, sent_at, given_up, message_id, clock_timestamp() AS now
FROM notifications
WHERE ($1::text IS NULL OR receiver = $1) AND (sent_at IS NULL AND NOT given_up OR $2 AND given_up OR $3)
ORDER BY coalesce(sent_at, due_at), receiver, id LIMIT $4"""

#: Written by transactions and not planned yet: nobody is on duty.
UNPLANNED = "SELECT count(*) FROM alarm_notices"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One notification with what has come of it so far."""

    planned: Planned
    due_at: datetime
    attempts: int
    error: str
    sent_at: datetime | None
    given_up: bool
    message_id: str
    #: the database's time
    now: datetime

    @property
    def why(self) -> str:
        """Why it is where it is, in some words."""
        due = f"{self.due_at:%H:%M:%S}"
        if self.sent_at is not None:
            return f"sent {self.sent_at:%H:%M:%S}"
        if self.given_up:
            return f"given up after {self.attempts} attempts: {self.error}"
        if self.attempts:
            return f"failed {self.attempts} times, again at {due}: {self.error}"
        if self.planned.topic == "escalated" and self.due_at > self.now:
            return f"escalates at {due} unless it is acked"
        if self.due_at > self.now:
            return f"gathered until {due}" if self.planned.batch.startswith("digest") else f"waits until {due}"
        return "rate limit" if not self.message_id else "on its way"


async def waiting(
    dsn: str, *, receiver: str | None, given_up: bool, sent: bool, limit: int
) -> tuple[Sequence[Waiting], int]:
    """Notifications that are not sent yet, the next to be due first; and how many changes nobody has planned yet.

    Raises:
        DatabaseUnreachable, NotAllowed, ConfigError: in the operator's words.
    """
    async with Session(dsn, "notifications") as session:
        try:
            connection = await session.connection()
            rows = await connection.fetch(FIND, receiver, given_up, sent, limit)
            unplanned = await connection.fetchval(UNPLANNED)
        except asyncpg.InsufficientPrivilegeError as error:
            raise NotAllowed(f"the database says: {error}", hint="log in as one that has controlroom_viewer") from None
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
            raise ConfigError("the database's schema is not this program's", hint="run `controlroom setup`") from None
        except DatabaseUnreachable:
            raise
        except PASSING_ERRORS as error:
            session.drop()
            raise DatabaseUnreachable(f"the database does not answer ({str(error) or type(error).__name__})") from None
    found = [
        Waiting(
            msgspec.json.decode(row["doc"], type=Planned),
            row["due_at"],
            row["attempts"],
            row["last_error"],
            row["sent_at"],
            row["given_up"],
            row["message_id"],
            row["now"],
        )
        for row in rows
    ]
    return found, int(unplanned)
