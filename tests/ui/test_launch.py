"""Starting: what terminal there is, and what the environment says of it; then for real, in a terminal."""

from __future__ import annotations

import os
import sys
import time

import pexpect
import pyte
import pytest

from controlroom.errors import TerminalError
from controlroom.ui import UiOptions, launch, options_for

PROGRAM = """
import sys
from controlroom.errors import ControlroomError
from controlroom.ui import UiOptions, run
from tests.fakes.clock import FrozenClock
from tests.fakes.commands import RecordingCommands
from tests.fakes.plant import make_plant
try:
    sys.exit(run(make_plant(), RecordingCommands(), UiOptions(clock=FrozenClock(), mouse=False)))
except ControlroomError as error:
    print(error)
    sys.exit(error.exit_code)
"""


class Terminal:
    """The program in a pseudo-terminal, and what a terminal emulator makes of it."""

    def __init__(self, columns: int = 80, lines: int = 24, **environ: str) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        env = {**os.environ, "TERM": "xterm-256color", **environ}
        self.child = pexpect.spawn(sys.executable, ["-c", PROGRAM], dimensions=(lines, columns), env=env, timeout=20)

    def until(self, said: str, timeout: float = 20.0) -> str:
        """Read until `said` is on the screen; the screen."""
        end = time.monotonic() + timeout
        while said not in (text := "\n".join(self.screen.display)):
            assert time.monotonic() < end, text
            try:
                self.stream.feed(self.child.read_nonblocking(65536, timeout=0.2))
            except pexpect.TIMEOUT:
                continue
        return text

    def code(self) -> int | None:
        """The exit status, once it has ended."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


def test_a_terminal_that_is_none():
    with pytest.raises(TerminalError, match="no terminal"):
        launch.check_terminal()


@pytest.fixture
def tty(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


@pytest.mark.parametrize("size", [(79, 24), (80, 23)])
def test_a_terminal_that_is_too_small_says_what_is_needed(tty, size):
    tty.setattr("os.get_terminal_size", lambda *_: os.terminal_size(size))
    with pytest.raises(TerminalError, match=f"{size[0]}x{size[1]}.*80x24.*enlarge"):
        launch.check_terminal()


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (0, 0)])
def test_a_terminal_that_will_do(tty, size):
    tty.setattr("os.get_terminal_size", lambda *_: os.terminal_size(size))
    launch.check_terminal()


@pytest.mark.parametrize("term", ["", "dumb"])
def test_a_terminal_without_a_cursor(tty, term):
    tty.setenv("TERM", term)
    with pytest.raises(TerminalError, match="set TERM"):
        launch.check_terminal()


def test_over_ssh_it_draws_less_and_leaves_the_mouse_alone():
    options = options_for({"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"})
    assert options.refresh_rate < UiOptions().refresh_rate
    assert not options.mouse


def test_what_is_given_wins_over_the_environment():
    options = options_for(
        {"SSH_CONNECTION": "x", "CONTROLROOM_GLYPHS": "ascii"}, mouse=True, ascii=None, banner="b", read_only=True
    )
    assert (options.mouse, options.ascii, options.banner, options.read_only) == (True, True, "b", True)


def test_run_draws_in_a_real_terminal_and_q_ends_it():
    terminal = Terminal()
    assert "local plant" in terminal.until("CONTROLROOM")
    terminal.until("temp-sensor-001")
    terminal.child.send("3")
    assert "127.0.0.1:9096" in terminal.until("OFFLINE")
    terminal.child.send("q")
    assert terminal.code() == 0


def test_run_refuses_a_small_terminal_in_one_line():
    terminal = Terminal(60, 20)
    terminal.child.expect(pexpect.EOF)
    assert b"the terminal has 60x20, the control room needs 80x24: enlarge" in terminal.child.before
    assert terminal.code() == 6


@pytest.mark.parametrize(
    "exported", [{}, {"COLUMNS": "80", "LINES": "24"}], ids=["size from the terminal", "size exported"]
)
def test_a_running_terminal_may_shrink_and_grow(exported):
    terminal = Terminal(**exported)
    terminal.until("temp-sensor-001")
    terminal.screen.resize(20, 70)
    terminal.child.setwinsize(20, 70)
    terminal.until("terminal too small: 80x24 needed")
    terminal.screen.resize(30, 100)
    terminal.child.setwinsize(30, 100)
    terminal.until("temp-sensor-001")
    terminal.child.send("q")
    assert terminal.code() == 0
