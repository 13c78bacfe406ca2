"""Alarms by area and by cause, and what came first of a burst."""

from __future__ import annotations

from datetime import timedelta

from controlroom.core.alarm_groups import By, first_out, grouped
from controlroom.core.plant_state import PlantState
from controlroom.wire import Location
from tests.fakes.clock import START
from tests.fakes.plant import event, reading

PLACES = {
    "a-1": Location("hall", "press-1", "east"),
    "a-2": Location("hall", "press-1", "east"),
    "a-3": Location("hall", "press-1", "east"),
    "b-1": Location("hall", "press-2", "east"),
    "c-1": Location("hall", "", "west"),
    "c-2": Location("hall", "", "west"),
    "n-1": Location(),
    "n-2": Location(),
}


def plant(*alarms: tuple[str, float, str]) -> PlantState:
    """(sensor, seconds after the start, severity)."""
    state = PlantState()
    for name, place in PLACES.items():
        state.apply_reading(reading(name, "temperature", place, 20.0, START), seen_at=0.0, simulated=False)
    for name, seconds, severity in alarms:
        at = START + timedelta(seconds=seconds)
        state.apply_alarm(event(name, "machine" if ":" in name else "limit", at, severity=severity))
    return state


def shown(state: PlantState, by: By) -> list[tuple[str, list[str]]]:
    groups = grouped(list(state.live_alarms()), state.sensors, by)
    return [(group.label, [alarm.sensor_id for alarm in group.alarms]) for group in groups]


def test_by_area_the_worst_first_and_every_alarm_once():
    state = plant(("a-1", 0, "warning"), ("c-1", 5, "critical"), ("b-1", 9, "warning"), ("n-1", 2, "warning"))
    assert shown(state, By.AREA) == [("hall/west", ["c-1"]), ("hall/east", ["a-1", "b-1"]), ("no area", ["n-1"])]


def test_by_cause_what_follows_on_one_machine_within_a_minute_is_one_burst_and_its_first_is_marked():
    state = plant(
        *(("a-2", 0, "warning"), ("a-1", 50, "critical"), ("a-3", 111, "warning")),
        *(("b-1", 20, "warning"), ("c-1", 30, "warning"), ("c-2", 31, "warning")),
        *(("n-1", 1, "warning"), ("n-2", 2, "warning"), ("machine:press-1", 40, "warning")),
    )
    assert shown(state, By.CAUSE) == [
        ("press-1", ["a-2", "machine:press-1", "a-1"]),
        # 61 seconds after the one before: something else.
        ("press-1", ["a-3"]),
        ("west", ["c-1", "c-2"]),
        ("press-2", ["b-1"]),
        # Sensors that stand nowhere have nothing in common.
        ("n-2", ["n-2"]),
        ("n-1", ["n-1"]),
    ]
    assert first_out(state.live_alarms(), state.sensors) == {"a-2/limit"}


def test_a_burst_keeps_its_name_while_more_comes():
    state = plant(("a-1", 0, "warning"))
    (before,) = grouped(list(state.live_alarms()), state.sensors, By.CAUSE)
    state.apply_alarm(event("a-2", "limit", START + timedelta(seconds=10), severity="critical"))
    (after,) = grouped(list(state.live_alarms()), state.sensors, By.CAUSE)
    assert (after.key, after.seconds, after.first.sensor_id) == (before.key, 10.0, "a-1")
