"""Trends that operators save by name, for all of them."""

from __future__ import annotations

import asyncpg

from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, explained
from controlroom.core.trends import SavedTrend, decode_trend
from controlroom.errors import ActionRefused, DatabaseUnreachable, NotAllowed

#: that are listed
MOST_TRENDS = 500

LIST = """
SELECT name, doc, saved_by, extract(epoch FROM saved_at)::float8 AS saved_s FROM trends ORDER BY name LIMIT $1"""

SAVE_NEW = """
INSERT INTO trends (name, doc, saved_by) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING RETURNING name"""

REPLACE = """
INSERT INTO trends (name, doc, saved_by) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE
SET doc = excluded.doc, saved_by = excluded.saved_by, db_role = session_user, saved_at = now() RETURNING name"""

REMOVE = "DELETE FROM trends WHERE name = $1 RETURNING name"


async def list_trends(connection: asyncpg.Connection) -> tuple[SavedTrend, ...]:
    """All of them by name; one that a newer version has saved in another form is left out."""
    found = []
    for row in await connection.fetch(LIST, MOST_TRENDS):
        try:
            trend = decode_trend(row["doc"])
        except ValueError:
            continue
        found.append(SavedTrend(row["name"], trend, row["saved_by"], row["saved_s"]))
    return tuple(found)


class TrendStore:
    """One operator's saved trends. Calls must not overlap.

    Args:
        dsn: the database, with the operator's own login.
        who: the operator.
    """

    def __init__(self, dsn: str, *, who: str) -> None:
        self._session = Session(dsn, f"trends {who}")
        self._who = who.replace("\0", "")

    async def save(self, name: str, trend: str, *, replace: bool = False) -> None:
        """Keep a trend, as `encode_trend` has it, under a name.

        Raises:
            ActionRefused: the name is taken, and `replace` was not said.
            NotAllowed: the login may only look.
            DatabaseUnreachable: nobody knows whether it was kept.
        """
        done = await self._run(REPLACE if replace else SAVE_NEW, name, trend, self._who)
        if done is None:
            raise ActionRefused(f"there is a trend {name!r} already", hint="open it first, or take another name")

    async def remove(self, name: str) -> None:
        """Forget a trend.

        Raises:
            ActionRefused: there is none of that name.
            NotAllowed, DatabaseUnreachable: as above.
        """
        if await self._run(REMOVE, name) is None:
            raise ActionRefused(f"there is no trend {name!r}")

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()

    async def _run(self, statement: str, *values: str) -> object:
        try:
            connection = await self._session.connection()
            return await connection.fetchval(statement, *values)
        except PASSING_ERRORS as error:
            self._session.drop()
            told = explained(error)
            raise told or DatabaseUnreachable(f"PostgreSQL does not answer ({error})") from None
        except asyncpg.InsufficientPrivilegeError:
            self._session.drop()
            hint = "an administrator gives it the role controlroom_operator"
            raise NotAllowed("this login may open trends but not save or remove them", hint=hint) from None
        except asyncpg.PostgresError as error:
            self._session.drop()
            told = explained(error)
            if told is None:
                raise
            raise told from None
