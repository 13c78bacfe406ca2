from __future__ import annotations

from datetime import timedelta

import pytest

from controlroom.core.fault_view import FaultView
from controlroom.ui.render.glyphs import ASCII, UNICODE
from controlroom.ui.render.line import Role, plain
from controlroom.ui.render.timeline import alarm_strip, cells_of, fault_strip, score_strip
from tests.fakes.clock import START
from tests.fakes.plant import event

NOW = START.timestamp()
AXIS = (NOW - 100.0, NOW)


def at(seconds: float):
    return START - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("start", "end", "cells"),
    [(-100, 0, range(10)), (-500, 500, range(10)), (-5, 50, range(9, 10)), (-200, -101, range(0)), (0, 9, range(0))],
)
def test_cells_of_a_stretch_of_time(start, end, cells):
    assert cells_of(NOW + start, NOW + end, AXIS, 10) == cells


def test_an_alarm_is_as_long_as_it_stood_and_as_bad_as_it_was():
    events = [
        event("s", "limit", at(85), severity="warning"),
        event("s", "limit", at(65), severity="critical", what="severity-rose", version=2),
        event("s", "limit", at(45), severity="critical", state="ACKED", what="acked", version=3),
        event("s", "limit", at(35), severity="critical", state="NORMAL", what="closed", version=4),
        event("s", "noise", at(15), severity="warning"),
    ]
    assert plain(alarm_strip(events, AXIS, NOW, 10, UNICODE)) == " ▲▲■■■■ ▲▲"


def test_what_returned_by_itself_stands_no_more_and_the_future_is_empty():
    events = [
        event("s", "limit", at(85)),
        event("s", "limit", at(65), state="RTN-UNACK", what="returned", version=2),
        event("s", "noise", at(45)),
    ]
    line = alarm_strip(events, AXIS, NOW - 20, 10, ASCII)
    assert plain(line) == " ^^^ ^^^  "
    assert {role for text, role in line if "^" in text} == {Role.WARN}


def test_a_fault_has_its_name_where_there_is_room():
    long = FaultView("f1", ("s",), "ada", NOW - 90, planned_end=NOW - 30, fault="drift")
    short = FaultView("f2", ("s",), "ada", NOW - 10, NOW - 5, "over", fault="spike")
    assert plain(fault_strip([short, long], AXIS, NOW, 20, UNICODE)) == "  ━drift━━━━━━    ━ "


def test_scores_of_a_cell_are_its_highest_and_stand_out_from_the_limit_on():
    scores = [(NOW - 95, 0.0), (NOW - 91, 0.3), (NOW - 85, 0.6), (NOW - 75, 1.0)]
    line = score_strip(scores, AXIS, 10, UNICODE)
    assert plain(line)[:3] == "▃▅█"
    assert [role for text, role in line][:2] == [Role.SPARK, Role.STRONG]
    assert plain(line)[3:] == " " * 7


def test_scores_that_are_not_kept_are_said_so():
    assert "not kept" in plain(score_strip(None, AXIS, 40, UNICODE))
