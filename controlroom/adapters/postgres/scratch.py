"""A database of one's own on a server, for as long as it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from controlroom.adapters.postgres.migrate import migrate
from controlroom.adapters.postgres.session import Session
from controlroom.errors import ConfigError, DatabaseUnreachable


@asynccontextmanager
async def scratch_database(dsn: str, name: str, *, keep: bool = False) -> AsyncIterator[str]:
    """The DSN of a fresh, migrated database called `name` on the server of `dsn`; it is dropped at the end.

    Args:
        dsn: a database that is there; it is not touched.
        name: letters, digits and underscores.
        keep: leave it there.

    Raises:
        DatabaseUnreachable: the server does not answer.
        ConfigError: this login may not make databases.
    """
    try:
        await _execute(dsn, f'CREATE DATABASE "{name}"')
    except asyncpg.InsufficientPrivilegeError:
        raise ConfigError(
            "the database's login may not make a database for the drill", hint="ALTER ROLE ... CREATEDB"
        ) from None
    try:
        own = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
        await migrate(own)
        yield own
    finally:
        if not keep:
            await _execute(dsn, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _execute(dsn: str, statement: str) -> None:
    async with Session(dsn, "scratch") as session:
        connection = await session.connection()
        try:
            await connection.execute(statement, timeout=60.0)
        except TimeoutError:
            raise DatabaseUnreachable("PostgreSQL does not answer in time") from None
