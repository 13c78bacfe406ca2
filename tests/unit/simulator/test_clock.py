from __future__ import annotations

from simulator.clock import Clock


class Time:
    def __init__(self) -> None:
        self.wall = 1000.0
        self.monotonic = 50.0

    def clock(self, speed: float = 1.0, start: int | None = None) -> Clock:
        return Clock(speed, start, wall=lambda: self.wall, monotonic=lambda: self.monotonic)

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


def test_real_time_is_the_wall_clock_with_its_steps() -> None:
    time = Time()
    clock = time.clock()
    assert clock.follows_wall
    assert clock.now() == 1_000_000
    time.wall -= 500
    assert clock.now() == 500_000
    clock.hold_back(0)
    assert clock.now() == 500_000


def test_faster_time_starts_now_and_runs_ahead() -> None:
    time = Time()
    clock = time.clock(speed=60)
    time.passes(2)
    assert clock.now() == 1_000_000 + 120_000
    assert clock.seconds_until(1_000_000 + 180_000) == 1
    time.wall += 1_000_000
    assert clock.now() == 1_000_000 + 120_000


def test_time_may_start_elsewhere() -> None:
    time = Time()
    clock = time.clock(start=5_000)
    time.passes(1)
    assert clock.now() == 6_000
    assert not clock.follows_wall


def test_held_back_it_goes_on_from_there() -> None:
    time = Time()
    clock = time.clock(speed=10)
    time.passes(100)
    clock.hold_back(1_200_000)
    time.passes(1)
    assert clock.now() == 1_210_000
