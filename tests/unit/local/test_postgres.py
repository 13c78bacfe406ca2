from __future__ import annotations

import os
from pathlib import Path

import pytest

from controlroom.local import postgres
from controlroom.local.paths import PlantPaths
from controlroom.local.postgres import DatabaseProcess
from controlroom.local.state import ProcessId


@pytest.fixture
def database(tmp_path: Path) -> DatabaseProcess:
    (tmp_path / "postgres").mkdir()
    return DatabaseProcess(PlantPaths(tmp_path))


def pid_file(database: DatabaseProcess, pid: int, state: str = "ready") -> Path:
    path = database.paths.database / "postmaster.pid"
    path.write_text(f"{pid}\n{database.paths.database}\n1712346200\n5432\n\n127.0.0.1\n1 2\n{state}   \n")
    return path


def test_ready_is_what_this_very_server_says(database: DatabaseProcess) -> None:
    assert not database.ready(ProcessId(7, 0.0))
    pid_file(database, 7, "starting")
    assert not database.ready(ProcessId(7, 0.0))
    pid_file(database, 7)
    assert database.ready(ProcessId(7, 0.0))
    assert not database.ready(ProcessId(8, 0.0))


def test_a_pid_file_whose_number_is_another_program_s_now_is_removed(database: DatabaseProcess) -> None:
    path = pid_file(database, os.getpid())
    database.drop_stale_pid_file()
    assert not path.exists()


def test_a_pid_file_of_nobody_is_left_to_postgres(database: DatabaseProcess) -> None:
    path = pid_file(database, 2**22 + 1)  # beyond the highest number that Linux gives
    database.drop_stale_pid_file()
    assert path.exists()


def test_only_passing_through_is_allowed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    assert closed in postgres.let_pass(closed / "data")
    assert closed.stat().st_mode & 0o777 == 0o701
    assert postgres.let_pass(closed / "data") == []


def test_the_binaries_are_the_newest_that_the_wheel_has() -> None:
    assert postgres.version().startswith("18.")
