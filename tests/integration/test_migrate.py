"""The migration runner on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from controlroom.adapters.postgres.migrate import known_migrations, migrate, pending_migrations, schema_version
from controlroom.errors import ConfigError, ControlroomError, DatabaseUnreachable

FIRST = "CREATE TABLE first_table (id integer PRIMARY KEY);"
SECOND = "CREATE TABLE second_table (id integer PRIMARY KEY); INSERT INTO second_table VALUES (1), (2);"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text(FIRST)
    (tmp_path / "0002_second.sql").write_text(SECOND)
    (tmp_path / "README.md").write_text("not a migration")
    return tmp_path


@pytest.fixture
async def bare(database: str) -> str:
    """A database without any schema."""
    await _execute(database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return database


async def test_applies_each_file_once_and_in_order(bare: str, files: Path) -> None:
    assert await _version(bare) == 0
    assert await _pending(bare, files) == [1, 2]
    assert await migrate(bare, files) == [1, 2]
    assert await _pending(bare, files) == []
    assert await migrate(bare, files) == []
    assert await _version(bare) == 2
    assert await _fetch(bare, "SELECT count(*) FROM second_table") == 2


async def test_applies_only_what_is_new(bare: str, files: Path) -> None:
    await migrate(bare, files)
    (files / "0003_third.sql").write_text("ALTER TABLE first_table ADD COLUMN name text;")
    assert await migrate(bare, files) == [3]


async def test_two_at_once_apply_each_file_once(bare: str, files: Path) -> None:
    (files / "0002_second.sql").write_text("SELECT pg_sleep(0.3); " + SECOND)
    applied = await asyncio.gather(*(migrate(bare, files) for _ in range(4)))
    assert sorted(applied) == [[], [], [], [1, 2]]
    assert await _fetch(bare, "SELECT count(*) FROM second_table") == 2


async def test_refuses_a_file_that_was_changed_after_it_was_applied(bare: str, files: Path) -> None:
    await migrate(bare, files)
    (files / "0001_first.sql").write_text(FIRST + " -- changed")
    with pytest.raises(ConfigError, match="0001_first differs"):
        await migrate(bare, files)


async def test_refuses_a_schema_that_is_newer_than_the_program(bare: str, files: Path) -> None:
    await migrate(bare, files)
    (files / "0002_second.sql").unlink()
    with pytest.raises(ConfigError, match="version 2, this program knows 1"):
        await migrate(bare, files)


async def test_a_failing_file_leaves_nothing_of_itself(bare: str, files: Path) -> None:
    (files / "0002_second.sql").write_text(SECOND + " SELECT 1/0;")
    with pytest.raises(ControlroomError, match=r"0002_second failed .*division by zero"):
        await migrate(bare, files)
    assert await _version(bare) == 1
    assert await _fetch(bare, "SELECT to_regclass('second_table')") is None


async def test_says_where_nothing_answers(files: Path) -> None:
    with pytest.raises(DatabaseUnreachable):
        await migrate("postgresql://nobody@127.0.0.1:1/none", files)


def test_refuses_a_gap_in_the_numbers(files: Path) -> None:
    (files / "0004_fourth.sql").write_text("SELECT 1;")
    with pytest.raises(ControlroomError, match="not numbered 1 to 3"):
        known_migrations(files)


async def test_the_program_s_own_schema_works_on_postgresql_15(pg15_dsn: str) -> None:
    assert str(await _fetch(pg15_dsn, "SHOW server_version")).startswith("15.")
    assert await _version(pg15_dsn) == len(known_migrations())
    assert await migrate(pg15_dsn) == []


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _version(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await schema_version(connection)
    finally:
        await connection.close()


async def _pending(dsn: str, files: Path) -> list[int]:
    connection = await asyncpg.connect(dsn)
    try:
        return await pending_migrations(connection, files)
    finally:
        await connection.close()


async def _fetch(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
