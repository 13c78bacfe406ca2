"""The guided tour on a real plant: by keys alone, in a terminal of 80x24 without colours and with ASCII shapes."""

from __future__ import annotations

import re
import sys

import pytest

from tests.e2e.conftest import StaffedPlant
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.timeout(300), pytest.mark.e2e]


def test_the_tour_injects_waits_and_is_acknowledged(staffed: StaffedPlant) -> None:
    command = [sys.executable, "-m", "controlroom", "tour", "--attach", "--ascii", "--dir", str(staffed.directory)]
    with Terminal(command, env={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("TOUR 1 of 9")
        terminal.press(">")
        terminal.wait_for("TOUR 2 of 9")
        terminal.press(">")
        # What follows is the plant's doing: the fault is found by its detection.
        found = terminal.wait_for("TOUR 4 of 9")
        assert re.search(r"Found after \d+ s by the detector `\w+`", " ".join(found.split()))
        terminal.press("2")
        said = " ".join(terminal.wait_for("TOUR 5 of 9").split())
        victim = re.search(r"the alarm of (\S+) with", said)
        assert victim is not None
        # Other tests of this plant may have left alarms.
        terminal.press("/", *victim[1], "\r")
        terminal.wait_for(lambda text: "of 9  Acknowledge" in text and victim[1] in text.splitlines()[4])
        terminal.press("a")
        terminal.wait_for("TOUR 6 of 9")
        terminal.press("h")
        shown = terminal.wait_for(lambda text: "TOUR 7 of 9" in text and "JOURNAL" in text and "acked" in text)
        assert shown.isascii()
        terminal.press(">")
        terminal.wait_for("TOUR 8 of 9")
        terminal.wait_for(f"{victim[1]}: clearing faults")
        # Left before its end; the control room goes on.
        terminal.press("Q")
        terminal.wait_for(lambda text: "TOUR" not in text and "JOURNAL" in text)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
