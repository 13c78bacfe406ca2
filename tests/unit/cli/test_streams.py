"""What the commands print where the locale is not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

CLOSED = """
import os, sys
from controlroom.cli.streams import fit_streams, replace_closed_streams
replace_closed_streams(); fit_streams()
print('said'); print('said', file=sys.stderr)
opened = os.open(os.devnull, os.O_RDONLY)
sys.exit(0 if opened > 2 and not sys.stdin.isatty() and sys.stdin.read() == '' else 1)
"""
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


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_none_that_anything_else_gets(closed: str) -> None:
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, CLOSED]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def test_a_start_without_stdin_is_told_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('brokers = "127.0.0.1:1"\ndsn = "postgresql://u@127.0.0.1:1/x"\n')
    config.chmod(0o600)
    command = ["sh", "-c", 'exec "$0" -m controlroom --restricted --config "$1" <&-', sys.executable, str(config)]
    run = subprocess.run(command, capture_output=True, check=False)
    assert run.returncode == 6
    assert run.stderr.splitlines()[-1] == b"controlroom: a terminal is needed: log in with `ssh -t`"
    assert b"Traceback" not in run.stderr
