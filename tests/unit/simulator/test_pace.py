from __future__ import annotations

from typing import Any

import pytest

from controlroom.wire import decode_reading
from simulator.clock import Clock
from simulator.engine import Engine
from simulator.options import Options
from simulator.pace import CHUNK, Pace
from simulator.signals import QUIET
from tests.unit.simulator.bench import START, command


class Run:
    """A pace with an engine of one sensor a second, on a clock that the test moves."""

    def __init__(self, *, sensors: int = 1, **options: Any) -> None:
        self.seconds = START / 1000
        self.told: list[str] = []
        chosen = Options(**options)
        clock = Clock(chosen.speed, chosen.start, wall=lambda: self.seconds, monotonic=lambda: self.seconds)
        self.pace = Pace(chosen, self.told.append, clock)
        self.engine = Engine(1, QUIET)
        self.sent: list[bytes] = []
        now = self.pace.begin(None)
        for number in range(sensors):
            self.engine.put(
                command(f"s{number}", interval=1.0), lambda _key, value, _: self.sent.append(value), now=now
            )

    def passes(self, seconds: float) -> int:
        self.seconds += seconds
        return self.pace.advance(self.engine)


def test_in_real_time_readings_come_as_they_fall_due() -> None:
    run = Run()
    assert [run.passes(1) for _ in range(5)] == [1] * 5
    assert run.pace.readings == 5
    assert not run.pace.finished(run.engine)


def test_faster_more_of_them_do() -> None:
    assert Run(speed=60).passes(1) == 60


def test_it_begins_at_the_very_moment_that_was_asked_for() -> None:
    ticking = iter(range(1000))
    clock = Clock(3600.0, START, wall=lambda: 0.0, monotonic=lambda: next(ticking) / 1000)
    pace = Pace(Options(speed=3600.0, start=START), lambda _: None, clock)
    assert clock.now() > START
    assert (pace.begin(None), pace.began) == (START, START)


def test_a_turn_is_bounded() -> None:
    run = Run(sensors=1000)
    assert [run.passes(1), run.passes(0)] == [CHUNK, CHUNK]


def test_so_many_readings_and_no_more() -> None:
    run = Run(sensors=7, readings=10)
    taken = [run.passes(1), run.passes(1), run.passes(1)]
    assert taken == [7, 3, 0]
    assert run.pace.finished(run.engine)


def test_so_long_and_no_longer_even_if_the_machine_is_late() -> None:
    run = Run(speed=2, duration=5)
    assert run.passes(1) == 2
    assert not run.pace.finished(run.engine)
    assert run.passes(1.9) + run.passes(5) == 3
    assert run.pace.finished(run.engine)
    assert len(run.sent) == 5


def test_a_duration_without_sensors_ends_too() -> None:
    run = Run(sensors=0, duration=5)
    assert not run.pace.finished(run.engine)
    run.passes(6)
    assert run.pace.finished(run.engine)
    assert run.pace.finished(None)


def test_what_was_missed_while_the_process_stood_still_is_left_out_and_said() -> None:
    run = Run()
    run.passes(1)
    assert run.passes(600) == 0
    assert [line.partition(": ")[2] for line in run.told] == ["the readings of that time are left out"]
    assert run.passes(1) == 1


def test_a_short_delay_is_made_up_for() -> None:
    run = Run()
    assert run.passes(8) == 8
    assert run.told == []


def test_a_faster_plant_that_falls_behind_slows_down_and_misses_nothing() -> None:
    run = Run(speed=1000)
    for _ in range(10):
        run.passes(5)
    assert run.engine.next_due is not None
    assert run.pace.clock.now() - run.engine.next_due <= 1000
    assert [decode_reading(value).metadata.reading_count for value in run.sent] == list(range(1, run.pace.readings + 1))
    assert run.told == []


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    run = Run()
    run.passes(5)
    run.passes(-3600)
    assert "set back" in run.told[0]
    assert run.passes(1) == 1


def test_time_begins_where_it_is_told_once() -> None:
    pace = Pace(Options(start=5_000), lambda _: None)
    assert pace.begin(None) == pytest.approx(5_000, abs=100)
    assert pace.begin(900_000) == pytest.approx(900_000, abs=100)
    assert pace.began == pytest.approx(5_000, abs=100)


def test_taken_over_a_faster_plant_does_not_go_back_in_time() -> None:
    pace = Pace(Options(speed=60), lambda _: None)
    ahead = pace.clock.now() + 3_600_000
    assert pace.begin(ahead) >= ahead


def test_in_real_time_what_was_ahead_does_not_matter() -> None:
    pace = Pace(Options(), lambda _: None)
    assert pace.begin(pace.clock.now() + 3_600_000) == pytest.approx(pace.clock.now(), abs=100)
