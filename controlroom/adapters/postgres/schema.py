"""Is the schema the program's? Asked before work begins, and while it goes on: a newer program may migrate it."""

from __future__ import annotations

from functools import cache

import asyncpg

from controlroom.adapters.postgres.migrate import Migration, known_migrations
from controlroom.adapters.postgres.session import Session
from controlroom.errors import ConfigError, DatabaseUnreachable, ProgramTooOld

NEWEST = "SELECT coalesce(max(version), 0) FROM schema_migrations"


async def require_schema(dsn: str) -> None:
    """Prove that the database is there and migrated.

    Raises:
        DatabaseUnreachable: it does not answer, or is being migrated.
        ConfigError: the schema is not there, or not complete.
        ProgramTooOld: a newer version of the program has migrated it.
    """
    known = _known()
    async with Session(dsn, "schema") as session:
        connection = await session.connection()
        try:
            done = {row["version"] for row in await connection.fetch("SELECT version FROM schema_migrations")}
        except asyncpg.UndefinedTableError:
            done = set()
        except TimeoutError:
            raise DatabaseUnreachable("the database is being migrated", hint="try again when it is done") from None
    if missing := [str(migration) for migration in known if migration.version not in done]:
        raise ConfigError(f"the database lacks {', '.join(missing)}", hint="run `controlroom setup`")
    _require_known(max(done))


async def require_no_newer_schema(connection: asyncpg.Connection) -> None:
    """Prove that no newer version of the program has migrated the database.

    Inside a transaction it also holds for what follows: a migration waits for the transaction's end.

    Raises:
        ProgramTooOld: one has.
    """
    _require_known(await connection.fetchval(NEWEST))


def known_version() -> int:
    """The newest version of the schema that this process knows."""
    return len(_known())


def _require_known(version: int) -> None:
    if version > known_version():
        raise ProgramTooOld(
            f"the database's schema is version {version}, this program knows {known_version()}",
            hint="a newer controlroom has migrated it: start that one",
        )


@cache
def _known() -> tuple[Migration, ...]:
    # Read once: the files may be replaced by those of a newer version while this process runs.
    return tuple(known_migrations())
