"""What is sent over a real SSH login: to terminals of several types, with and without a locale, and by tmux there."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from tests.e2e.conftest import StaffedPlant
from tests.e2e.ssh_server import SshServer
from tests.e2e.terminal import Terminal
from tests.e2e.test_plain_terminals import SCREENS, all_there, is_coloured

pytestmark = [pytest.mark.timeout(300), pytest.mark.e2e]

UTF8 = "SetEnv=LANG=C.UTF-8"


@pytest.fixture(scope="module")
def server(ssh_server: SshServer, staffed: StaffedPlant) -> SshServer:
    """Keys of an account that has no locale: `room` opens the control room, `list` prints a table."""
    ssh_server.allow("room", shlex.join(staffed.command()))
    table = [sys.executable, "-m", "controlroom", "sensors", "list", "--dir", str(staffed.directory)]
    ssh_server.allow("list", shlex.join(table))
    return ssh_server


def login(server: SshServer, name: str, term: str, *options: str, lines: int = 24) -> Terminal:
    command = server.client(name, "-tt", server.address, options=options)
    # The locale of this side decides nothing: SSH passes on what it is told to.
    return Terminal(command, lines=lines, env={"TERM": term})


@pytest.mark.parametrize(
    ("term", "options", "ascii_alone", "colour"),
    [
        ("xterm-256color", (), True, True),
        ("xterm-256color", (UTF8,), False, True),
        ("screen", ("SetEnv=LC_ALL=C LANG=C.UTF-8",), True, True),
        ("linux", (UTF8,), True, True),
        ("vt100", (UTF8,), True, False),
        ("vt220", (), True, False),
        ("xterm-mono", ("SetEnv=LC_CTYPE=C.UTF-8",), False, False),
    ],
)
def test_a_login_is_sent_what_its_terminal_and_locale_can_show(
    server: SshServer, term: str, options: tuple[str, ...], ascii_alone: bool, colour: bool
) -> None:
    with login(server, "room", term, *options) as terminal:
        terminal.wait_for(all_there)
        for keys in SCREENS:
            terminal.press(*keys)
        terminal.press("3")
        terminal.wait_for("quorum led by")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert terminal.sent.isascii() is ascii_alone
        assert is_coloured(terminal.sent) is colour


@pytest.mark.parametrize(("term", "colour"), [("xterm-256color", True), ("vt100", False)])
def test_tmux_without_its_option_u_in_a_login_without_a_locale(
    server: SshServer, staffed: StaffedPlant, tmux: str, term: str, colour: bool
) -> None:
    key = f"tmux-{term}"
    inside = shlex.join(staffed.command())
    server.allow(key, shlex.join(["tmux", "-L", tmux, "-f", "/dev/null", "new-session", inside]))
    with login(server, key, term, lines=25) as terminal:
        terminal.wait_for(all_there)
        terminal.press("/", "t", "e", "m", "p", "\x1b3")
        terminal.wait_for("quorum led by")
        # tmux sends this terminal an underscore for what is not ASCII: look at what it was given.
        pane = subprocess.run(["tmux", "-u", "-L", tmux, "capture-pane", "-p"], capture_output=True, check=True).stdout
        assert b"quorum led by" in pane
        assert pane.isascii()
        terminal.press("q")
        terminal.wait_for_end()
        assert terminal.sent.isascii()
        assert is_coloured(terminal.sent) is colour


def test_a_command_prints_ascii_in_a_login_without_a_locale(server: SshServer) -> None:
    with login(server, "list", "xterm-256color") as terminal:
        assert terminal.wait_for_end() == 0
        assert b"temp-sensor-001" in terminal.sent
        assert terminal.sent.isascii()
