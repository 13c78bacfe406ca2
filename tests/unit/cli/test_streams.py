"""What the commands print where the locale is not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys

import pexpect
import pytest

SAY = "from controlroom.cli.streams import fit_streams; fit_streams(); print('42.5 °C … 温度|')"


def environment(**given: str) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return {**bare, **given}


@pytest.mark.parametrize("given", [{"LC_ALL": "C"}, {}, {"LANG": "POSIX"}])
def test_a_terminal_without_utf8_is_printed_ascii_of_the_same_width(given: dict[str, str]) -> None:
    printed = pexpect.run(f'{sys.executable} -c "{SAY}"', env=environment(**given))
    assert printed == b"42.5 'C ~ ????|\r\n"


def test_a_terminal_whose_font_lacks_our_shapes_is_printed_ascii() -> None:
    printed = pexpect.run(f'{sys.executable} -c "{SAY}"', env=environment(LC_ALL="C.UTF-8", TERM="linux"))
    assert printed == b"42.5 'C ~ ????|\r\n"


@pytest.mark.parametrize(
    "given", [{"LC_ALL": "C.UTF-8", "TERM": "xterm"}, {"LC_ALL": "C", "TERM": "vt100", "CONTROLROOM_GLYPHS": "unicode"}]
)
def test_a_terminal_that_can_show_all_is_printed_all(given: dict[str, str]) -> None:
    printed = pexpect.run(f'{sys.executable} -c "{SAY}"', env=environment(**given))
    assert printed.decode() == "42.5 °C … 温度|\r\n"


@pytest.mark.parametrize(("encoding", "expected"), [("latin-1", "42.5 °C ~ ????|\n"), ("ascii", "42.5 'C ~ ????|\n")])
def test_a_pipe_keeps_its_encoding_and_never_fails(encoding: str, expected: str) -> None:
    env = environment(PYTHONIOENCODING=encoding, LC_ALL="C.UTF-8")
    run = subprocess.run([sys.executable, "-c", SAY], env=env, capture_output=True, check=True)
    assert run.stdout.decode(encoding) == expected
