"""The script behind `make start-sensors`: it ends the process that it started, and no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.compose_file import ROOT


def background(action: str, directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, ROOT / "scripts" / "background.py", action, "sensors", "--dir", directory]
    return subprocess.run([*line, *(["--", *command] if command else [])], capture_output=True, text=True, timeout=60)


@pytest.fixture
def bystander() -> Iterator[psutil.Process]:
    """A process that is none of ours."""
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def test_a_number_that_was_given_to_another_program_is_left_alone(tmp_path, bystander):
    stale = {"pid": bystander.pid, "create_time": bystander.create_time() - 1000}
    (tmp_path / "sensors.json").write_text(json.dumps(stale), "utf-8")
    assert background("status", tmp_path).stdout == "sensors: not running\n"
    result = background("stop", tmp_path)
    assert (result.returncode, result.stdout) == (0, "sensors: not running\n")
    assert bystander.is_running()
    assert not (tmp_path / "sensors.json").exists()


def test_the_process_that_was_started_is_ended(tmp_path, bystander):
    known = {"pid": bystander.pid, "create_time": bystander.create_time()}
    (tmp_path / "sensors.json").write_text(json.dumps(known), "utf-8")
    assert background("status", tmp_path).stdout == f"sensors: running, pid {bystander.pid}\n"
    assert background("stop", tmp_path).stdout == "sensors: stopped\n"
    assert not bystander.is_running() or bystander.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("content", ["", "{", '{"pid": "1"}'])
def test_a_damaged_file_names_nobody(tmp_path, content):
    (tmp_path / "sensors.json").write_text(content, "utf-8")
    assert background("stop", tmp_path).stdout == "sensors: not running\n"


def test_a_command_that_cannot_work_says_why_and_is_no_success(tmp_path):
    result = background("start", tmp_path, "detect")
    assert result.returncode == 5
    assert f"no plant runs in {tmp_path}" in result.stderr
    assert "Traceback" not in result.stderr
    assert background("status", tmp_path).stdout == "sensors: not running\n"


def test_stopping_where_nothing_ever_was_makes_nothing(tmp_path):
    assert background("stop", tmp_path / "none").stdout == "sensors: not running\n"
    assert not (tmp_path / "none").exists()


def test_no_log_yet_is_said_in_one_line(tmp_path):
    result = background("logs", tmp_path)
    assert result.returncode == 5
    assert result.stderr == "controlroom: sensors has no log yet: start it first\n"
