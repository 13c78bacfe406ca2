"""The tutorial, followed: its keys are typed into the control room, its commands are run in a shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose_file import ROOT
from tests.e2e.terminal import Terminal

PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
KEYS = {"Enter": "\r", "Esc": "\x1b", "Tab": "\t"}

pytestmark = [pytest.mark.timeout(300), pytest.mark.e2e]


def steps() -> Iterator[tuple[list[str], str]]:
    """Rows of the tables: what is pressed, and what is to be seen then; no text: the program ends."""
    for pressed, seen in re.findall(r"^\| (?!press \|)(`.*`|nothing) \| (.*) \|$", PAGE, flags=re.MULTILINE):
        wanted = re.match(r"`([^`]+)`", seen)
        yield re.findall(r"`([^`]+)`", pressed), wanted[1] if wanted else ""


def test_its_keys_do_what_it_says(plant_dir: Path) -> None:
    found = list(steps())
    assert len(found) > 10
    assert found[-1] == (["q"], "")
    with Terminal([sys.executable, "-m", "controlroom", "--dir", str(plant_dir)]) as terminal:
        for pressed, wanted in found:
            for one in pressed:
                for key in [KEYS[one]] if one in KEYS else one:
                    terminal.press(key)
            if wanted:
                terminal.wait_for(wanted)
        assert terminal.wait_for_end() == 0


def test_its_commands_run_and_find_what_it_says(plant_dir: Path) -> None:
    commands = [line for line in PAGE.splitlines() if line.startswith(".venv/bin/controlroom ")]
    printed: dict[str, str] = {}
    env = {**os.environ, "CONTROLROOM_DIR": str(plant_dir), "XDG_CONFIG_HOME": str(plant_dir / "no-config")}
    try:
        for line in commands:
            arguments = line.split()[1:]
            done = subprocess.run(
                [sys.executable, "-m", "controlroom", *arguments],
                cwd=ROOT, env=env, capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, (line, done.stdout[-2000:], done.stderr[-2000:])
            printed[arguments[0]] = done.stdout
    finally:
        subprocess.run(
            [sys.executable, "-m", "controlroom", "down"],
            cwd=ROOT, env=env, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
    assert list(printed) == ["backtest", "up", "replay", "detect", "alarms", "history", "fsck", "down"]
    assert "spike" in printed["backtest"]
    assert '"sensor_id":"press-7"' in printed["detect"].replace(" ", "")
    assert "press-7" in printed["alarms"]
