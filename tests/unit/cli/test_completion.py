"""Completion by Tab, as a shell asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def controlroom(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "controlroom", *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    assert f"_CONTROLROOM_COMPLETE={shell}_complete" in controlroom("completion", shell)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("controlroom al", "alarms"),
        ("controlroom alarms sh", "shelve"),
        ("controlroom detect --until", "--until-idle"),
        ("controlroom console --asc", "--ascii"),
    ],
)
def test_commands_and_options_are_completed(typed: str, wanted: str) -> None:
    out = controlroom(
        _CONTROLROOM_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(len(typed.split()) - 1)
    )  # fmt: skip
    assert wanted in [line.partition(",")[2] for line in out.splitlines()]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_takes_the_script(tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(controlroom("completion", "bash"))
    done = subprocess.run(
        ["bash", "-c", f"source {script} && complete -p controlroom"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "controlroom" in done.stdout
