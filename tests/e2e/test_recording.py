"""A real plant is recorded, and the recording is a control room again."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from controlroom.adapters.files.recordings import RecordingReader
from controlroom.errors import InputError
from tests.e2e.conftest import StaffedPlant
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.timeout(300), pytest.mark.e2e]


def record(staffed: StaffedPlant, file: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "controlroom", "record", str(file), "--dir", str(staffed.directory), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def kinds(file: Path) -> Counter[str]:
    if not file.exists() or not file.stat().st_size:
        return Counter()
    try:
        return Counter(entry.kind for entry in RecordingReader(file).entries())
    except InputError:
        return Counter()  # its first line is being written


def enough(found: Counter[str]) -> bool:
    """Everything that a screen shows, and readings for a line of some length: a plant that has just begun has few."""
    return {"status", "cluster", "detail", "database", "pipeline"} <= found.keys() and found["reading"] >= 60


@pytest.fixture(scope="module")
def recording(staffed: StaffedPlant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds of the plant, ended as by Ctrl-C."""
    file = tmp_path_factory.mktemp("recording") / "session.rec"
    process = record(staffed, file)
    deadline = time.monotonic() + 60
    while not enough(kinds(file)):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert b"things seen" in said
    assert b"ended as asked" in said
    return file


def test_it_is_whole_and_is_not_written_over(staffed: StaffedPlant, recording: Path) -> None:
    reader = RecordingReader(recording)
    assert sum(1 for _ in reader.entries()) > 20
    assert not reader.cut_off
    before = recording.read_bytes()
    again = record(staffed, recording)
    _, said = again.communicate(timeout=60)
    assert again.returncode == 4
    assert b"is there already" in said
    assert recording.read_bytes() == before


def test_it_ends_by_itself_and_one_that_is_killed_can_be_replayed(staffed: StaffedPlant, tmp_path: Path) -> None:
    timed = record(staffed, tmp_path / "timed.rec", "--for", "2")
    assert timed.wait(60) == 0
    assert b"the time is over" in timed.communicate()[1]

    killed, file = record(staffed, tmp_path / "killed.rec"), tmp_path / "killed.rec"
    deadline = time.monotonic() + 60
    while not kinds(file)["reading"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    killed.kill()
    killed.communicate()
    reader = RecordingReader(file)
    assert [entry for entry in reader.entries() if entry.kind == "reading"]
    assert reader.cut_off


def test_the_replay_is_the_control_room_of_then(recording: Path) -> None:
    command = [sys.executable, "-m", "controlroom", "replay-session", str(recording), "--speed", "4"]
    with Terminal(command) as terminal:
        terminal.wait_for(lambda text: "REPLAY" in text and re.search(r"\b[1-9]\d* sensors", text))
        terminal.wait_for(re.compile(r"[▁▂▃▄▅▆▇█]{2}").search)
        terminal.press("3")
        terminal.wait_for("quorum led by")
        terminal.wait_for(lambda text: " end " in text.splitlines()[0])
        terminal.press("{")
        terminal.wait_for(lambda text: "0:00:0" in text.splitlines()[0])
        terminal.press("P")
        terminal.wait_for("paused")
        terminal.press("n", "K")
        assert "NEW SIMULATED SENSOR" not in terminal.text
        assert "Kill broker" not in terminal.text
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_what_is_no_recording_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("timestamp,value\n")
    command = [sys.executable, "-m", "controlroom", "replay-session", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 4
    assert result.stderr.splitlines() == [
        "controlroom: this is not a recording: `controlroom record FILE` makes one",
    ]
