from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from controlroom.local import process
from controlroom.local.process import Marker
from controlroom.local.state import ProcessId

_SLEEP = "import sys, time; print('begun', flush=True); time.sleep(60)"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "sleeper.log"


@pytest.fixture
def sleeper(tmp_path: Path, log: Path) -> Iterator[ProcessId]:
    identity = process.start([sys.executable, "-c", _SLEEP, str(tmp_path)], log)
    # The kernel closes the pipe that tells of a successful exec a moment before it shows the new command line.
    wait_for(lambda: process.search(marker(tmp_path)) is not None)
    yield identity
    running = process.find(identity, marker(tmp_path))
    if running is not None:
        running.kill()
        running.wait(10)
    process.reap(identity.pid)


def marker(directory: Path) -> Marker:
    return Marker(Path(sys.executable).name, str(directory))


def test_a_started_process_is_found_in_a_session_of_its_own(sleeper: ProcessId, tmp_path: Path) -> None:
    running = process.find(sleeper, marker(tmp_path))
    assert running is not None
    assert running.pid == sleeper.pid
    assert sid(running.pid) == running.pid != sid(psutil.Process().pid)


def test_a_recycled_number_is_not_taken_for_ours(sleeper: ProcessId, tmp_path: Path) -> None:
    stale = ProcessId(sleeper.pid, sleeper.create_time - 1000)
    assert process.find(stale, marker(tmp_path / "another plant")) is None


def test_a_clock_that_was_set_does_not_hide_our_process(sleeper: ProcessId, tmp_path: Path) -> None:
    shifted = ProcessId(sleeper.pid, sleeper.create_time - 1000)
    assert process.find(shifted, marker(tmp_path)) is not None


def test_a_process_nobody_wrote_down_is_found_by_its_command_line(sleeper: ProcessId, tmp_path: Path) -> None:
    found = process.search(marker(tmp_path))
    assert found is not None
    assert process.identity_of(found) == sleeper
    assert process.search(marker(tmp_path / "another")) is None


def test_a_child_that_ended_is_reaped_and_not_found(sleeper: ProcessId, tmp_path: Path) -> None:
    running = process.find(sleeper, marker(tmp_path))
    assert running is not None
    process.send(running, signal.SIGKILL)
    running.wait(10)
    assert process.ended(running)
    assert process.find(sleeper, marker(tmp_path)) is None
    process.send(running, signal.SIGTERM)  # gone: nobody is signalled, nothing is raised


def test_a_zombie_counts_as_ended(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "", str(tmp_path)])
    running = psutil.Process(child.pid)
    identity = process.identity_of(running)
    await_zombie(running)
    assert process.ended(running)
    assert process.find(identity, marker(tmp_path)) is None
    child.wait()


def test_output_goes_to_the_log(sleeper: ProcessId, log: Path, tmp_path: Path) -> None:
    running = process.find(sleeper, marker(tmp_path))
    assert running is not None
    wait_for(lambda: "begun" in log.read_text())


def test_a_log_that_outgrew_its_limit_is_put_aside_once(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for content in ("first", "second", "third"):
        log.write_text(content * 10)
        process.keep_bounded(log, limit=10)
    assert not log.exists()
    assert (tmp_path / "a.log.1").read_text() == "third" * 10
    assert len(list(tmp_path.iterdir())) == 1


def test_the_last_wanted_line_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("one ERROR\ntwo ERROR\nthree\n\n")
    assert process.last_line(log) == "three"
    assert process.last_line(log, lambda line: "ERROR" in line) == "two ERROR"
    assert process.last_line(log, lambda line: "FATAL" in line) == ""
    assert process.last_line(tmp_path / "none") == ""


def sid(pid: int) -> int:
    return os.getsid(pid)


def await_zombie(running: psutil.Process) -> None:
    wait_for(lambda: running.status() == psutil.STATUS_ZOMBIE)


def wait_for(condition: Callable[[], bool], patience: float = 10.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.01)
