"""A backup of the database: everything in the schema, as of one moment, in one file of `pg_dump`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from controlroom.adapters.postgres.client_programs import find_programs
from controlroom.adapters.postgres.migrate import schema_version
from controlroom.adapters.postgres.session import Session
from controlroom.errors import ConfigError, InputError

#: A table that is being changed (a day's partition is attached or dropped) is waited for so long.
LOCK_WAIT = "60s"
#: gzip's lowest: a third of the time of its usual level, and files that are a twelfth larger.
COMPRESSION = 1

# By way of JSON, since the hash is not there in older schemas, which are backed up before they are migrated.
_WATERMARKS = """
SELECT grp, topic, part, next_offset, decode(substr(to_jsonb(w) ->> 'tail_hash', 3), 'hex')
FROM watermark w ORDER BY grp, topic, part"""


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a group's workers have come in a partition of the readings' topic, by the database."""

    group: str
    topic: str
    partition: int
    next_offset: int
    #: `tail_hash` of the record before that, if it is known
    tail: bytes | None


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds."""

    path: Path
    size: int
    taken_at: datetime
    schema: int
    watermarks: tuple[Watermark, ...]


async def read_watermarks(connection: asyncpg.Connection) -> tuple[Watermark, ...]:
    """All watermarks."""
    return tuple(Watermark(*row) for row in await connection.fetch(_WATERMARKS))


async def take_backup(
    dsn: str, path: Path, *, directories: Iterable[Path] = (), progress: Callable[[int], None] = lambda _: None
) -> Backup:
    """Write a backup; workers and control rooms may go on meanwhile.

    Args:
        dsn: the database.
        path: a file that does not exist; it is there only once it is complete.
        directories: where to look for pg_dump first.
        progress: hears how many bytes are written.

    Raises:
        InputError: the file is there already, or cannot be written; pg_dump is missing or too old.
        ConfigError: the database has no schema of ours.
        DatabaseUnreachable: it does not answer.
        ControlroomError: pg_dump failed.
    """
    if await asyncio.to_thread(path.exists):
        raise InputError(f"{path} exists", hint="name another file, or remove it")
    unfinished = path.with_name(f"{path.name}.part")
    async with Session(dsn, "backup") as session:
        connection = await session.connection()
        programs = await find_programs(connection.get_server_version().major, directories)
        # What is told of the backup is as of the same moment as what is in it.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            # Nothing is asked on this connection while pg_dump works.
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            schema = await schema_version(connection)
            if schema == 0:
                raise ConfigError("the database has no schema of the control room", hint="check --dsn")
            taken_at = await connection.fetchval("SELECT clock_timestamp()")
            watermarks = await read_watermarks(connection)
            try:
                # Nobody else may read what is in it.
                os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
                await programs.run(
                    "pg_dump", "--format=custom", f"--compress={COMPRESSION}", f"--snapshot={snapshot}",
                    f"--lock-wait-timeout={LOCK_WAIT}",
                    f"--schema={await connection.fetchval('SELECT quote_ident(current_schema())')}",
                    f"--file={unfinished}",
                    dsn=dsn, progress=lambda: progress(_size(unfinished)),
                )  # fmt: skip
                # A backup that is cut short by a full disk or a crash must not look like one.
                _to_disk(unfinished)
                unfinished.rename(path)
            except OSError as error:
                raise InputError(f"{path} cannot be written ({error.strerror})", hint="name another file") from None
            finally:
                unfinished.unlink(missing_ok=True)
    return Backup(path, _size(path), taken_at.astimezone(UTC), schema, watermarks)


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
