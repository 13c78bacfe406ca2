"""Terminals that show less than most, and keys that follow an Esc at once.

More types of terminals, over SSH: `test_ssh_terminals.py`.
"""

from __future__ import annotations

import re

import pytest

from tests.e2e.conftest import StaffedPlant
from tests.e2e.terminal import Terminal

COLOUR = re.compile(rb"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9\d|10\d)(?:;[\d;]*)?m")
SCREENS = (
    ("1", "2", "3", "4", "?", "\x1b"),
    ("1", "i", "\x1b", "n", "\x1b", ":", "t", "\x1b"),
    ("2", "m", "\x1b", "S", "\x1b", "/", "é", "\x1b", "\x1b"),
)


def is_coloured(sent: bytes) -> bool:
    return COLOUR.search(sent) is not None


def all_there(text: str) -> bool:
    """The plant's 15 sensors; another test of the same plant may have made one more."""
    return bool(re.search(r"1[5-9] sensors", text))


@pytest.mark.parametrize(
    ("env", "colour"),
    [
        ({"LC_ALL": "C", "TERM": "xterm-256color"}, True),
        ({"TERM": "vt100"}, False),
    ],
    ids=lambda value: value.get("TERM") if isinstance(value, dict) else None,
)
def test_a_plain_terminal_is_sent_nothing_that_it_lacks(
    staffed: StaffedPlant, env: dict[str, str], colour: bool
) -> None:
    with Terminal(staffed.command(), env=env) as terminal:
        terminal.wait_for(all_there)
        for keys in SCREENS:
            terminal.press(*keys)
            assert terminal.sent.isascii()
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert terminal.sent.isascii()
        assert is_coloured(terminal.sent) is colour


def test_unicode_can_be_asked_for(staffed: StaffedPlant) -> None:
    with Terminal([*staffed.command(), "--unicode"], env={"LC_ALL": "C"}) as terminal:
        terminal.wait_for(all_there)
        assert not terminal.sent.isascii()
        terminal.press("q")
        assert terminal.wait_for_end() == 0


@pytest.mark.parametrize(("key", "shown"), [("3", "quorum led by"), ("2", "10 min"), ("q", "")])
def test_escape_and_a_key_at_once_are_two_keys(staffed: StaffedPlant, key: str, shown: str) -> None:
    with Terminal(staffed.command()) as terminal:
        terminal.wait_for(all_there)
        terminal.press("/")
        terminal.wait_for(" / ")
        terminal.press("temp")
        terminal.wait_for("temp")
        terminal.press("\x1b" + key)
        if key == "q":
            assert terminal.wait_for_end() == 0
        else:
            assert "£" not in terminal.wait_for(shown)
            terminal.press("q")
            assert terminal.wait_for_end() == 0


def test_escape_and_a_key_at_once_in_tmux(staffed: StaffedPlant, tmux: str) -> None:
    inside = " ".join(staffed.command())
    with Terminal(["tmux", "-L", tmux, "-f", "/dev/null", "new-session", inside], lines=25) as terminal:
        terminal.wait_for(all_there)
        terminal.press("/", "t", "e", "m", "p", "\x1b3")
        assert "£" not in terminal.wait_for("quorum led by")
        terminal.press("q")
        terminal.wait_for_end()
