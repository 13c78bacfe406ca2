"""Is the schema the program's? Asked once, before work begins, so that the answer is one clear line."""

from __future__ import annotations

import asyncpg

from controlroom.adapters.postgres.migrate import known_migrations
from controlroom.adapters.postgres.session import Session
from controlroom.errors import ConfigError


async def require_schema(dsn: str) -> None:
    """Prove that the database is there and migrated.

    Raises:
        DatabaseUnreachable: it does not answer.
        ConfigError: the schema is not there, or not complete.
    """
    async with Session(dsn, "schema") as session:
        connection = await session.connection()
        try:
            done = {row["version"] for row in await connection.fetch("SELECT version FROM schema_migrations")}
        except asyncpg.UndefinedTableError:
            done = set()
    missing = [str(migration) for migration in known_migrations() if migration.version not in done]
    if missing:
        raise ConfigError(f"the database lacks {', '.join(missing)}", hint="run `controlroom setup`")
