"""Numbered SQL files bring the schema to the version that this program knows.

Each `NNNN_name.sql` runs once, in a transaction of its own together with its row in `schema_migrations`. An advisory
lock makes it safe that several programs start at once. Files are never changed once released: the recorded checksum
tells one that was.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import asyncpg

from controlroom.adapters.postgres.session import Session
from controlroom.errors import ConfigError, ControlroomError, DatabaseUnreachable, ProgramTooOld

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_LOCK_KEY = 0x636F6E74726F6C  # "control", a number that no other program is likely to lock
_LOCK_TIMEOUT = 60.0
_MIGRATION_TIMEOUT = 600.0
#: Transactions in which workers store batches are short; a backup is not. Workers queue behind a migration that waits.
_ALONE_TIMEOUT = "10s"

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True)
class Migration:
    """One file: its number, its name, its SQL."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.version:04}_{self.name}"


def known_migrations(directory: Traversable | None = None) -> list[Migration]:
    """The migrations in `directory` (by default the program's own), by number.

    Raises:
        ControlroomError: the numbers are not 1, 2, 3 and so on.
    """
    directory = directory or resources.files("controlroom.adapters.postgres").joinpath("migrations")
    found = [
        Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8"))
        for entry in directory.iterdir()
        if (match := _FILE.fullmatch(entry.name))
    ]
    found.sort(key=lambda migration: migration.version)
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ControlroomError(f"the migrations are not numbered 1 to {len(found)}: {', '.join(map(str, found))}")
    return found


async def migrate(dsn: str, directory: Traversable | None = None) -> list[int]:
    """Bring the schema of the database to the newest known version.

    Args:
        dsn: URI of the database.
        directory: where the SQL files are; by default the program's own.

    Returns:
        The versions that were applied now; empty when the schema was up to date.

    Raises:
        DatabaseUnreachable: it does not answer, or another program's migration does not end.
        ProgramTooOld: the schema is newer than this program.
        ConfigError: it was made by files that differ from this program's.
        ControlroomError: a migration failed; the schema is as the one before left it.
    """
    known = known_migrations(directory)
    async with Session(dsn, "migrate") as session:
        connection = await session.connection()
        await _lock(connection)  # held until the session ends
        await connection.execute(_TABLE)
        pending = await _pending(connection, known)
        for migration in pending:
            await _apply(connection, migration)
    return [migration.version for migration in pending]


async def pending_migrations(connection: asyncpg.Connection, directory: Traversable | None = None) -> list[int]:
    """Versions that `migrate` would apply; all of them when the database has no schema yet.

    Raises:
        ConfigError: as `migrate`.
    """
    return [migration.version for migration in await _pending(connection, known_migrations(directory))]


async def schema_version(connection: asyncpg.Connection) -> int:
    """The schema's version; 0 when nothing was ever migrated."""
    return max(await _applied(connection), default=0)


async def _lock(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK_KEY})", timeout=_LOCK_TIMEOUT)
    except TimeoutError as error:
        raise DatabaseUnreachable(
            "another program has been migrating this database for a minute", hint="try again when it is done"
        ) from error


async def _pending(connection: asyncpg.Connection, known: list[Migration]) -> list[Migration]:
    applied = await _applied(connection)
    _check(known, applied)
    return [migration for migration in known if migration.version not in applied]


async def _applied(connection: asyncpg.Connection) -> dict[int, str]:
    """What was applied: version -> checksum of its file."""
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT version, checksum FROM schema_migrations")
    return {row["version"]: row["checksum"] for row in rows}


def _check(known: list[Migration], applied: dict[int, str]) -> None:
    newest = max(applied, default=0)
    if newest > len(known):
        raise ProgramTooOld(
            f"the database's schema is version {newest}, this program knows {len(known)}",
            hint="use the newer controlroom that migrated it",
        )
    for migration in known:
        if migration.version in applied and applied[migration.version] != migration.checksum:
            raise ConfigError(
                f"migration {migration} differs from the one that this database was made with",
                hint="use the controlroom that made it, or another database",
            )


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            # Each batch of a running worker is wholly before the migration, or sees the new version and is not stored.
            await connection.execute(f"SET LOCAL lock_timeout = '{_ALONE_TIMEOUT}'")
            await connection.execute("LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE")
            await connection.execute("SET LOCAL lock_timeout = DEFAULT")
            await connection.execute(migration.sql, timeout=_MIGRATION_TIMEOUT)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.checksum,
            )
    except asyncpg.LockNotAvailableError:
        raise DatabaseUnreachable(
            "a backup or another long transaction holds the database", hint="migrate again when it has ended"
        ) from None
    except (asyncpg.PostgresError, TimeoutError) as error:
        raise ControlroomError(
            f"migration {migration} failed ({str(error) or 'no answer in time'})", hint="the schema is as it was before"
        ) from error
