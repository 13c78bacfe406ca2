"""An operator's first hour, on a real terminal and a real plant: start, look, spawn, inject, see the alarm, quit."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.timeout(300), pytest.mark.e2e]


@pytest.fixture
def command(plant_dir: Path) -> list[str]:
    return [sys.executable, "-m", "controlroom", "--dir", str(plant_dir)]


def processes_of(directory: Path) -> list[psutil.Process]:
    """Whatever runs for the plant in `directory`: its path stands in their command lines."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(directory) in " ".join(process.cmdline()) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def live(text: str) -> bool:
    """Whether fifteen sensors are there and readings come."""
    return bool(re.search(r"1[5-9] sensors", text) and re.search(r"[1-9][\d.]* readings/s", text))


def test_start_look_spawn_inject_alarm_quit_and_nothing_left(command: list[str], plant_dir: Path) -> None:
    with Terminal(command, columns=80, lines=24) as terminal:
        terminal.wait_for(live)
        terminal.wait_for(lambda text: bool(re.search(r"[▁▂▃▄▅▆▇█]{3}", text)))
        terminal.wait_for("brokers 3/3")

        terminal.press("?")
        terminal.wait_for("KEYS AND MARKS")
        terminal.press("\x1b")
        terminal.wait_for(lambda text: "KEYS AND MARKS" not in text)

        terminal.press("n")
        terminal.wait_for("NEW SIMULATED SENSOR")
        terminal.press("\r")
        terminal.wait_for("16 sensors")

        terminal.press("/")
        for key in "temp-sensor-002":
            terminal.press(key)
        terminal.press("\r")
        terminal.wait_for(lambda text: "temp-sensor-002" in text and "vib-sensor-001" not in text)
        terminal.press("i")
        terminal.wait_for("FAULT INJECTION")
        terminal.wait_for("temp-sensor-002")
        # Long enough for what follows, also on a slow machine.
        terminal.press("\t", "\t", "\x15", *"10m", "\r")
        alarm = terminal.wait_for(lambda text: "CRIT" in text or "WARN" in text)
        assert "SIM" in alarm

        terminal.press("2")
        terminal.wait_for("UNACK")
        terminal.press("a")
        terminal.wait_for(re.compile(r"\bACKED\b").search)

        # The alarm under the cursor: its story, then into the shelved list and back.
        terminal.press("h")
        terminal.wait_for(lambda text: "JOURNAL" in text and "acked" in text and "raised" in text)
        terminal.press("\x1b")
        terminal.wait_for("10 min")
        terminal.press("s")
        terminal.wait_for("SHELVE")
        terminal.press(*"noisy", "\r")
        terminal.wait_for("suppressed 1")
        terminal.press("S")
        terminal.wait_for(lambda text: "SUPPRESSED ALARMS" in text and "noisy" in text)
        terminal.press("u")
        terminal.wait_for("no alarm is suppressed")
        terminal.press("\x1b")
        # Acked still, or rung again: the fault rides on the critical limit.
        terminal.wait_for(re.compile(r"\b(ACKED|UNACK)\b").search)

        # The sensor's chart, an hour and a day of it.
        terminal.press("\r", "]")
        terminal.wait_for("ALARM EVENTS")
        terminal.press("]", "]")
        terminal.wait_for("minute means")
        terminal.press("\x1b")
        terminal.wait_for("10 min")
        terminal.press("1")
        terminal.wait_for("ALARM EVENTS")

        terminal.press("p")
        terminal.wait_for("PAUSED")

        terminal.press("q")
        assert terminal.wait_for_end() == 0
    assert processes_of(plant_dir) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order(command: list[str], plant_dir: Path, number: signal.Signals) -> None:
    with Terminal(command) as terminal:
        terminal.wait_for("readings/s")
        os.kill(terminal.child.pid, number)
        assert terminal.wait_for_end() == 0
    assert processes_of(plant_dir) == []


def test_a_stalled_terminal_does_not_keep_it_from_ending(command: list[str], plant_dir: Path) -> None:
    """Ctrl-S, or a dead link: nobody reads what the program draws, and yet SIGTERM leaves nothing behind."""
    with Terminal(command, columns=200, lines=60) as terminal:
        terminal.wait_for("readings/s")
        os.kill(terminal.child.pid, signal.SIGTERM)
        assert terminal.wait_for_end(reading=False) == 0
    assert processes_of(plant_dir) == []


def test_a_terminal_that_is_too_small_is_told_so(command: list[str], plant_dir: Path) -> None:
    with Terminal(command, columns=70, lines=20) as terminal:
        assert terminal.wait_for_end() == 6
        assert "80x24" in terminal.text
    assert processes_of(plant_dir) == []
