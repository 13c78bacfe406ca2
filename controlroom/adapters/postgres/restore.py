"""Restore a backup into a database.

What the database holds is moved to a schema of its own first, and deleted last: a backup that cannot be read, or a
restore that is cut off, loses nothing.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from controlroom.adapters.postgres.backup import Watermark, read_watermarks
from controlroom.adapters.postgres.client_programs import ClientPrograms, find_programs
from controlroom.adapters.postgres.migrate import migrate, schema_version
from controlroom.adapters.postgres.session import Session, transaction
from controlroom.errors import ActionRefused, InputError

#: Where the database's own tables are while a backup takes their place.
ASIDE = "controlroom_before_restore"
#: Moving and dropping many tables, and counting what is in them, may take a while.
LONG_S = 600.0

_OTHERS = """
SELECT application_name FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'controlroom %'
ORDER BY application_name"""
_FILLED = """
SELECT EXISTS (SELECT FROM watermark) OR EXISTS (SELECT FROM sensors) OR EXISTS (SELECT FROM audit)
    OR EXISTS (SELECT FROM shift_notes)"""
# All that is in the schema, but for what belongs to an extension.
_TABLES = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname"""
_FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = $1::regnamespace AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1"""
# As migration 0003 makes them, so that what was granted to them can be granted again.
_ROLES = """
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['controlroom_viewer', 'controlroom_operator'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            END IF;
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), name);
        EXCEPTION
            WHEN duplicate_object OR unique_violation OR insufficient_privilege OR undefined_object THEN NULL;
        END;
    END LOOP;
END $$"""
# An epoch that no worker had which ran after the backup was taken: one that was stopped, and goes on, is fenced; and
# consoles take what the new owners tell for newer than what they have heard. A partition is claimed less than once a
# second, so a second restore raises it again.
_FENCE = """
UPDATE watermark SET epoch = greatest(epoch, extract(epoch FROM clock_timestamp())::bigint), owner = 'restored'"""
_LOST = f"""
SELECT (SELECT count(*) FROM {ASIDE}.audit WHERE id > (SELECT coalesce(max(id), 0) FROM audit))
     + (SELECT count(*) FROM {ASIDE}.shift_notes WHERE id > (SELECT coalesce(max(id), 0) FROM shift_notes))
     + (SELECT count(*) FROM {ASIDE}.handovers WHERE id > (SELECT coalesce(max(id), 0) FROM handovers))"""  # noqa: S608 - a name of our own


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put into the database."""

    #: the backup's version of the schema, and the migrations that were applied to it
    schema: int
    applied: tuple[int, ...]
    watermarks: tuple[Watermark, ...]
    #: acts of operators, notes and handovers that the database had and the backup has not; None: it is not known
    lost_acts: int | None
    #: rights that could not be granted again, as their roles are not on this server
    ungranted: int


async def restore_backup(
    dsn: str,
    path: Path,
    *,
    replace: bool = False,
    directories: Iterable[Path] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Put a backup into a database, bring its schema to this program's version, and fence all workers of before.

    Args:
        dsn: a database that is empty, or has an empty schema of ours.
        path: what `take_backup` wrote.
        replace: whether what the database holds is deleted; else a database that holds anything is refused.
        directories: where to look for pg_restore first.
        progress: hears what is being done, and again every second while that takes long.

    Raises:
        InputError: the file is no backup of ours, or cannot be read; pg_restore is missing or too old.
        ActionRefused: the database holds something, or workers or control rooms are connected to it.
        ConfigError: the backup is of a newer version of the program.
        DatabaseUnreachable: the database does not answer.
        ControlroomError: pg_restore failed. The database is then as it was.
    """
    if not await asyncio.to_thread(path.is_file):
        raise InputError(f"{path} is not there", hint="name a file that `controlroom backup` wrote")
    async with Session(dsn, "restore") as session:
        connection = await session.connection()
        programs = await find_programs(connection.get_server_version().major, directories)
        schema_name = str(await connection.fetchval("SELECT current_schema()"))
        contents = await _contents(programs, path, schema_name)
        await _require_alone(connection)
        left_over = await _undo_what_was_cut_off(connection, schema_name)
        filled = await _is_filled(connection) or left_over
        if filled and not replace:
            raise ActionRefused(
                "the database holds the data of a plant",
                hint="--replace deletes it once the backup is restored; or name another database with --dsn",
            )
        if filled:
            reading = "reading the backup through, before anything is moved"
            progress(reading)
            await programs.run("pg_restore", "--file=/dev/null", str(path), progress=lambda: progress(reading))
        set_aside = await _set_aside(connection, schema_name)
        try:
            progress("restoring")
            await programs.run(
                "pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error",
                f"--schema={schema_name}", str(path),
                dsn=dsn, progress=lambda: progress("restoring"),
            )  # fmt: skip
            version = await schema_version(connection)
            applied = await migrate(dsn)
            ungranted = await _grant(programs, connection, dsn, path, contents)
            async with transaction(connection):
                await connection.execute(_FENCE)
        except BaseException:
            if set_aside:
                await _put_back(connection, schema_name)
            else:
                await _drop_tables(connection, schema_name)
            raise
        lost = await _lost_acts(connection) if filled else None
        if set_aside:
            await connection.execute(f"DROP SCHEMA {ASIDE} CASCADE", timeout=LONG_S)
        progress("updating the planner's statistics")
        await connection.execute("ANALYZE", timeout=None)
        return Restored(version, tuple(applied), await read_watermarks(connection), lost, ungranted)


async def _contents(programs: ClientPrograms, path: Path, schema_name: str) -> list[str]:
    """The entries of the backup's table of contents.

    Raises:
        InputError: it is no backup of ours.
    """
    code, out, err = await programs.attempt("pg_restore", "--list", str(path))
    entries = [line for line in out.splitlines() if line and not line.startswith(";")]
    schemas = {
        match[1] for entry in entries if (match := re.search(r" TABLE (\S+) (?:watermark|schema_migrations) ", entry))
    }
    if code or not schemas:
        why = f" ({err.strip().splitlines()[-1]})" if code and err.strip() else ""
        raise InputError(
            f"{path} is no backup of a control room{why}", hint="name a file that `controlroom backup` wrote"
        )
    if schemas != {schema_name}:
        raise InputError(
            f"the backup is of schema {', '.join(sorted(schemas))}, the database's is {schema_name}",
            hint="give the database the same search_path",
        )
    return entries


async def _require_alone(connection: asyncpg.Connection) -> None:
    """Nobody else of ours works with the database.

    Raises:
        ActionRefused: somebody does.
    """
    others = [row[0].removeprefix("controlroom ") for row in await connection.fetch(_OTHERS)]
    if others:
        raise ActionRefused(
            f"workers or control rooms have {len(others)} connections to the database ({', '.join(others[:3])})",
            hint="stop them, and try again",
        )


async def _undo_what_was_cut_off(connection: asyncpg.Connection, schema_name: str) -> bool:
    """After a restore that was cut off the database is as before it.

    Returns:
        Whether it was cut off when all was restored, and had only to delete what it had replaced.
    """
    if await connection.fetchval("SELECT to_regnamespace($1)", ASIDE) is None:
        return False
    if await schema_version(connection) > 0:
        return True
    await _put_back(connection, schema_name)
    return False


async def _is_filled(connection: asyncpg.Connection) -> bool:
    if await schema_version(connection) == 0:
        return False
    try:
        return bool(await connection.fetchval(_FILLED))
    except asyncpg.UndefinedTableError:
        # Of an older version, which had not all of these: not ours to call empty.
        return True


async def _lost_acts(connection: asyncpg.Connection) -> int | None:
    try:
        return int(await connection.fetchval(_LOST, timeout=LONG_S))
    except asyncpg.UndefinedTableError:
        # What was replaced was of an older version.
        return None


async def _set_aside(connection: asyncpg.Connection, schema_name: str) -> bool:
    """Move the schema's tables and functions out of the way; whether there were any."""
    if not await connection.fetch(_TABLES, schema_name):
        return False
    async with transaction(connection):
        await connection.execute(f"DROP SCHEMA IF EXISTS {ASIDE} CASCADE", timeout=LONG_S)
        await connection.execute(f"CREATE SCHEMA {ASIDE}")
        await _move(connection, schema_name, ASIDE)
    return True


async def _put_back(connection: asyncpg.Connection, schema_name: str) -> None:
    async with transaction(connection):
        await _drop_tables(connection, schema_name)
        await _move(connection, ASIDE, schema_name)
        await connection.execute(f"DROP SCHEMA {ASIDE}")


async def _move(connection: asyncpg.Connection, source: str, target: str) -> None:
    """All tables and functions of a schema to another."""
    from_, to = [await connection.fetchval("SELECT quote_ident($1)", name) for name in (source, target)]
    for (name,) in await connection.fetch(_TABLES, source):
        quoted = await connection.fetchval("SELECT quote_ident($1)", name)
        await connection.execute(f"ALTER TABLE {from_}.{quoted} SET SCHEMA {to}", timeout=LONG_S)
    for (signature,) in await connection.fetch(_FUNCTIONS, source):
        await connection.execute(f"ALTER FUNCTION {signature} SET SCHEMA {to}")


async def _drop_tables(connection: asyncpg.Connection, schema_name: str) -> None:
    """Delete all tables and functions of a schema."""
    quoted = await connection.fetchval("SELECT quote_ident($1)", schema_name)
    for (name,) in await connection.fetch(_TABLES, schema_name):
        table = await connection.fetchval("SELECT quote_ident($1)", name)
        await connection.execute(f"DROP TABLE IF EXISTS {quoted}.{table} CASCADE", timeout=LONG_S)
    for (signature,) in await connection.fetch(_FUNCTIONS, schema_name):
        await connection.execute(f"DROP FUNCTION IF EXISTS {signature} CASCADE")


async def _grant(
    programs: ClientPrograms, connection: asyncpg.Connection, dsn: str, path: Path, contents: list[str]
) -> int:
    """Grant again what was granted; how many grants failed, as a role is not on this server."""
    await connection.execute(_ROLES)
    grants = [entry for entry in contents if " ACL " in entry]
    if not grants:
        return 0
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".list") as chosen:
        chosen.write("\n".join(grants) + "\n")
        chosen.flush()
        _, _, err = await programs.attempt("pg_restore", "--no-owner", f"--use-list={chosen.name}", str(path), dsn=dsn)
    return len(re.findall(r": error: could not execute query", err))
