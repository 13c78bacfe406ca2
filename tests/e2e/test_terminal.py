"""The terminal as terminals are: resized, stalled, hung up, detached, without colour. All attach to one plant."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time

import asyncpg
import pytest

from tests.e2e.conftest import StaffedPlant
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.timeout(300), pytest.mark.e2e]

STALL_S = 15.0


def live(text: str) -> bool:
    return bool(re.search(r"\d+ sensors", text) and re.search(r"[1-9][\d.]* readings/s", text))


def clock(text: str) -> str:
    found = re.search(r"\d\d:\d\d:\d\d UTC", text)
    return found.group() if found else ""


def beside(text: str) -> list[str]:
    """The lines of the screen behind a dialog that can be seen, tmux' own line left out."""
    lines = text.splitlines()[:24]
    return [line for line in lines if line[76:].strip() or "CONTROLROOM" in line or "Quit" in line]


def committed(dsn: str, pid: int) -> int:
    """How far the detection worker in this process is with the partitions that it has, in records."""
    statement = "SELECT coalesce(sum(next_offset), 0) FROM watermark WHERE owner LIKE '%-' || $1"

    async def ask() -> int:
        connection = await asyncpg.connect(dsn)
        try:
            return int(await connection.fetchval(statement, str(pid)))
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_suspended_and_continued_it_leaves_the_terminal_and_comes_back_whole(staffed: StaffedPlant) -> None:
    with Terminal(staffed.command()) as terminal:
        terminal.wait_for(live)
        terminal.press("2")
        terminal.wait_for("worst first")
        terminal.suspend()
        assert terminal.restored
        terminal.resume()
        terminal.wait_for(
            lambda text: all(word in text for word in ("CONTROLROOM", "1 Overview  2 Alarms", "worst first", "Quit"))
        )
        terminal.press("1")
        terminal.wait_for(live)
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_resize_to_larger_to_smaller_and_too_small(staffed: StaffedPlant) -> None:
    with Terminal(staffed.command()) as terminal:
        terminal.wait_for(live)
        terminal.resize(132, 43)
        terminal.wait_for(lambda text: re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\s*$", text.splitlines()[0]))
        assert "Quit" in terminal.text.splitlines()[42]
        terminal.resize(80, 24)
        terminal.wait_for(lambda text: "Quit" in text.splitlines()[23] and live(text))
        terminal.resize(60, 15)
        terminal.wait_for("80x24 needed")
        terminal.resize(80, 24)
        terminal.wait_for(lambda text: live(text) and "needed" not in text)
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_a_stalled_terminal_stops_nothing_and_recovers(staffed: StaffedPlant) -> None:
    """The reader stops for 15 s, as after Ctrl-S: detection goes on meanwhile, and then the screen is the present.

    Not attached, but with a detection worker in the terminal's own process: it takes over some of the partitions.
    """
    with Terminal(staffed.command(attach=False), columns=120, lines=40) as terminal:
        terminal.wait_for(live)
        pid = terminal.child.pid
        terminal.wait_for(lambda _: committed(staffed.dsn, pid) > 0)
        terminal.wait_for("workers 2")
        before, stale = committed(staffed.dsn, pid), clock(terminal.text)
        terminal.stall()
        deadline, steps = time.monotonic() + STALL_S, []
        while time.monotonic() < deadline:
            time.sleep(STALL_S / 3)  # it is the stall itself
            steps.append(committed(staffed.dsn, pid))
        assert before < steps[0] < steps[1] < steps[2]
        terminal.go_on()
        began = time.time()
        terminal.wait_for(lambda text: clock(text) > stale and seconds_apart(clock(text), began) < 8, patience=30)
        terminal.press("3")
        terminal.wait_for("quorum led by")
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def seconds_apart(shown: str, at: float) -> float:
    hours, minutes, seconds = (int(part) for part in shown.removesuffix(" UTC").split(":"))
    ahead = (hours * 3600 + minutes * 60 + seconds - at) % 86_400
    return min(ahead, 86_400 - ahead)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
@pytest.mark.parametrize("reading", [True, False], ids=["read", "stalled"])
def test_a_signal_ends_it_whether_or_not_the_terminal_is_read(
    staffed: StaffedPlant, number: signal.Signals, reading: bool
) -> None:
    with Terminal(staffed.command()) as terminal:
        terminal.wait_for(live)
        if not reading:
            terminal.stall()
        os.kill(terminal.child.pid, number)
        assert terminal.wait_for_end(reading=reading) == 0
        if reading:
            assert terminal.restored


def test_a_terminal_that_goes_away_ends_it(staffed: StaffedPlant) -> None:
    """The link is cut: the pty's other end closes, which is SIGHUP to who is on it."""
    with Terminal(staffed.command()) as terminal:
        terminal.wait_for(live)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, terminal.child.child_fd)
        os.close(nowhere)
        assert terminal.wait_for_end(reading=False) == 0


def test_no_color_sends_no_colour(staffed: StaffedPlant) -> None:
    with Terminal(staffed.command(), env={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for(live)
        terminal.press("2")
        terminal.wait_for("state")
        colours = {(char.fg, char.bg) for row in terminal.screen.buffer.values() for char in row.values()}
        for name in {colour for pair in colours for colour in pair} - {"default", "black", "white"}:
            assert re.fullmatch(r"([0-9a-f]{2})\1\1", name), name
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_tmux_detach_and_attach(staffed: StaffedPlant, tmux: str) -> None:
    inside = " ".join(staffed.command())
    with Terminal(["tmux", "-L", tmux, "-f", "/dev/null", "new-session", inside], lines=25) as terminal:
        terminal.wait_for(live)
        shown = clock(terminal.text)
        subprocess.run(["tmux", "-L", tmux, "detach-client"], check=True)
        assert terminal.wait_for_end() == 0
    with Terminal(["tmux", "-L", tmux, "attach"], columns=100, lines=31) as terminal:
        terminal.wait_for(lambda text: live(text) and clock(text) > shown and "Quit" in text.splitlines()[29])
        terminal.press("3")
        terminal.wait_for("quorum led by")
        terminal.press("q")
        terminal.wait_for_end()


def test_what_a_console_in_tmux_shows_at_first_and_behind_dialogs(staffed: StaffedPlant, tmux: str) -> None:
    inside = " ".join(staffed.command())
    with Terminal(["tmux", "-L", tmux, "-f", "/dev/null", "new-session", inside], lines=25) as terminal:
        # What is read back from the topics is not taken for what comes in: these sensors send three readings a second.
        rates = []

        def told(text: str) -> bool:
            rates.extend(re.findall(r"([\d.k?]+) readings/s", text))
            return sum(rate != "?" for rate in rates) >= 20

        terminal.wait_for(told)
        assert rates[0] == "?"
        assert all(rate == "?" or float(rate) <= 20.0 for rate in rates), rates
        # A fault goes into a sensor that runs; a test before may have left the alarm of one that it removed.
        terminal.press("1", "/", *"energy-sensor-001", "\r")
        terminal.wait_for(lambda text: re.search(r"\b1 of \d+", text))
        # A dialog covers a screen of 80 columns: nothing of what is behind it is to be seen beside it.
        for keys, title in (("1i", "FAULT INJECTION"), ("1n", "NEW SIMULATED SENSOR"), ("3K", "Kill broker")):
            for key in keys:
                terminal.press(key)
                if key == "3":
                    terminal.wait_for("quorum led by")
            terminal.wait_for(lambda text, title=title: title in text and not beside(text))
            terminal.press("\x1b")
            terminal.wait_for(lambda text: "CONTROLROOM" in text)
        terminal.press("q")
        terminal.wait_for_end()
