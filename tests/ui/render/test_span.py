from __future__ import annotations

from datetime import timedelta

from controlroom.core.archive import Answer, Series, Statistics
from controlroom.core.plant_state import PlantState
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.span import end_of, redraw_stamp, span_data
from controlroom.wire import Location
from tests.fakes.clock import START
from tests.fakes.plant import event, reading

NOW = START.timestamp()


def sensor(*ages: float, seen_late_s: float = 0.0) -> SensorView:
    state = PlantState()
    for age in ages:
        at = START - timedelta(seconds=age)
        seen = at.timestamp() + seen_late_s
        state.apply_reading(reading("s", "temperature", Location(), age, at), seen_at=seen, simulated=False)
    return state.sensors["s"]


def test_memory_alone():
    data = span_data(sensor(90, 50, 10), None, [], 60.0, NOW, asks=False)
    assert data.values == [50, 10]
    assert data.statistics == Statistics(2, 10, 50, 30, data.statistics.deviation, 10)
    assert (data.scores, data.source) == (None, "memory")


def test_readings_of_the_database_come_before_those_in_memory_and_none_comes_twice():
    kept = Series(NOW - 60, NOW, "raw", (NOW - 55, NOW - 50, NOW - 30), (5.0, 50.0, 7.0), scores=((NOW - 55, 0.4),))
    data = span_data(sensor(50, 10), Answer(NOW, kept), [], 60.0, NOW, asks=True)
    assert data.values == [5.0, 50, 10]
    assert data.scores == ((NOW - 55, 0.4),)
    assert data.source == "readings"


def test_readings_that_overtook_each_other_are_in_order():
    assert span_data(sensor(10, 50, 30), None, [], 60.0, NOW, asks=False).values == [50, 30, 10]


def test_roll_ups_take_the_place_of_readings_with_the_statistics_of_all_of_them():
    figures = Statistics(1000, 1.0, 9.0, 5.0, 2.0, 6.0)
    kept = Series(NOW - 7200, NOW, "minute", (NOW - 90, NOW - 30), (5.0, 6.0), (4.0, 5.0), (6.0, 9.0), figures)
    data = span_data(sensor(10), Answer(NOW, kept), [], 7200.0, NOW, asks=True)
    assert (data.values, data.lows, data.highs) == ([5.0, 6.0], (4.0, 5.0), (6.0, 9.0))
    assert (data.statistics, data.width, data.scores) == (figures, 60.0, None)


def test_events_are_those_of_the_database_and_those_just_heard_each_once():
    old, new = event("s", "limit", START - timedelta(seconds=40)), event("s", "limit", START, what="acked", version=2)
    kept = Series(NOW - 60, NOW, "raw", events=(old,))
    assert span_data(sensor(10), Answer(NOW, kept), [new, old], 60.0, NOW, asks=True).events == [old, new]


def test_what_the_database_owes_is_said():
    assert "asking the database" in span_data(sensor(10), None, [], 60.0, NOW, asks=True).source
    failed = Answer(NOW, None, "it does not answer")
    assert span_data(sensor(10), failed, [], 60.0, NOW, asks=True).source == "memory; database away"


def test_a_silent_sensor_s_span_ends_now_and_one_of_another_time_with_its_last_reading():
    assert end_of(sensor(500), NOW) == NOW
    assert end_of(sensor(90_000, seen_late_s=90_000), NOW) == NOW - 90_000 + 1


def test_a_long_span_is_not_drawn_anew_for_every_reading():
    view = sensor(10)
    before = redraw_stamp(view, NOW, 86_400.0, 70), redraw_stamp(view, NOW, 60.0, 70)
    view.touch()
    after = redraw_stamp(view, NOW + 1, 86_400.0, 70), redraw_stamp(view, NOW, 60.0, 70)
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)
