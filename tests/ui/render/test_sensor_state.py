from __future__ import annotations

from typing import Any

import pytest

from controlroom.core.freshness import interval_of, is_stale
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.line import Role
from controlroom.ui.render.sensor_state import simulated_word, state_word
from controlroom.wire import FaultSpec
from tests.fakes.clock import START


def view_of(**fields: Any) -> SensorView:
    view = SensorView("s")
    seen_at, quality = fields.pop("seen_at", None), fields.pop("quality", 1.0)
    if seen_at is not None:
        view.take(seen_at, seen_at, 0.0, quality=quality)
    for name, value in fields.items():
        setattr(view, name, value)
    return view


FAULT = FaultSpec(fault_id="f", fault="spike", start=START)


@pytest.mark.parametrize(
    ("fields", "word", "role"),
    [
        ({}, "NO DATA", Role.STALE),
        ({"seen_at": 99.0}, "live", Role.DIM),
        ({"seen_at": 99.0, "simulated": True, "state": "running"}, "running", Role.DIM),
        ({"seen_at": 0.0, "state": "paused"}, "PAUSED", Role.STALE),
        ({"seen_at": 99.0, "state": "stopped"}, "STOPPED", Role.STALE),
        ({"seen_at": 99.0, "faults": (FAULT,)}, "spike", Role.SIM),
        ({"seen_at": 99.0, "faults": (FAULT, FAULT)}, "2 faults", Role.SIM),
        ({"seen_at": 50.0, "interval": 3.0, "faults": (FAULT,)}, "STALE 50s", Role.STALE),
        ({"seen_at": 99.0, "quality": 0.25}, "qual 0.25", Role.STALE),
    ],
)
def test_state_word(fields, word, role):
    assert state_word(view_of(**fields), 100.0) == (word, role)
    assert len(word) <= 9


def test_a_fault_with_a_hostile_name_is_literal_and_short():
    fault = FaultSpec(fault_id="f", fault="\x1b[2J" + "x" * 50, start=START)
    word, _ = state_word(view_of(seen_at=99.0, faults=(fault,)), 100.0)
    assert word == "␛[2Jxxxx…"


def test_stale_is_three_intervals_but_never_less_than_fifteen_seconds():
    assert not is_stale(view_of(seen_at=0.0, interval=3.0), 15.0)
    assert is_stale(view_of(seen_at=0.0, interval=3.0), 15.1)
    assert not is_stale(view_of(seen_at=0.0, interval=60.0), 180.0)
    assert is_stale(view_of(seen_at=0.0, interval=60.0), 180.1)


def test_the_interval_is_what_the_simulator_says_else_what_was_seen_else_usual():
    view = view_of(sensor_type="energy")
    assert interval_of(view) == 10.0
    for at in (0.0, 2.0, 4.0, 6.0, 60.0):
        view.take(at, at, 0.0)
    assert interval_of(view) == 2.0
    view.interval = 7.0
    assert interval_of(view) == 7.0


def test_simulated_is_said_and_a_drill_is_said_louder():
    assert simulated_word(view_of()) == ("   ", Role.DIM)
    assert simulated_word(view_of(simulated=True)) == ("sim", Role.DIM)
    assert simulated_word(view_of(simulated=True, faults=(FAULT,))) == ("SIM", Role.SIM)
