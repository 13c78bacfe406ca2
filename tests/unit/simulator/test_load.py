from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from simulator.load import BLOCK, Inertia, Load

DAY = 86_400.0
MONDAY = 4 * DAY


def test_steps_are_in_order_and_one_to_a_block() -> None:
    load = Load(1, "machine-001")
    moments = [load.step(index)[0] for index in range(200)]
    assert moments == sorted(moments)
    assert all(index * BLOCK <= at < (index + 1) * BLOCK for index, at in enumerate(moments))


def test_a_day_shift_works_harder_than_a_night_shift_and_a_weekend() -> None:
    load = Load(1, "machine-001")

    def mean(start: float, hours: float) -> float:
        first, count = int(start / BLOCK), int(hours * 3600 / BLOCK)
        return statistics.fmean(load.step(index)[1] for index in range(first, first + count))

    by_day = mean(MONDAY + 6 * 3600, 16)
    by_night = mean(MONDAY, 6)
    on_sunday = mean(MONDAY - DAY, 24)
    assert by_day > by_night + 0.2
    assert by_night > on_sunday + 0.05


def test_machines_differ_and_a_machine_is_always_the_same() -> None:
    assert Load(1, "a").step(5) == Load(1, "a").step(5)
    assert Load(1, "a").step(5) != Load(1, "b").step(5)
    assert Load(1, "a").step(5) != Load(2, "a").step(5)


@pytest.mark.parametrize("tau", [5.0, 60.0, 900.0, 1800.0])
def test_inertia_is_the_response_of_a_first_order_lag(tau: float) -> None:
    load, inertia = Load(3, "m"), Inertia(Load(3, "m"), tau)
    # Integrated step by step, from long before: what the closed form has to be equal to.
    step = 1.0
    start = MONDAY + 8 * 3600
    state = 0.5
    index = load.index_at(start - 20 * tau)
    t = start - 20 * tau
    worst = 0.0
    while t < start + 2 * 3600:
        while load.step(index + 1)[0] <= t:
            index += 1
        if t >= start:
            worst = max(worst, abs(state - inertia.at(t)))
        state += (load.step(index)[1] - state) * step / tau
        t += step
    assert worst < (0.08 if tau < 10 else 0.01)


def test_inertia_needs_no_history() -> None:
    in_order = Inertia(Load(3, "m"), 900.0)
    moments = [MONDAY + 37.0 * number for number in range(500)]
    values = [in_order.at(t) for t in moments]
    assert [Inertia(Load(3, "m"), 900.0).at(t) for t in moments] == values


def test_inertia_is_continuous() -> None:
    inertia = Inertia(Load(3, "m"), 900.0)
    values = [inertia.at(MONDAY + t) for t in range(0, 86_400, 10)]
    # a full step of load moves it by at most 10 s / 900 s of the step
    assert max(abs(b - a) for a, b in pairwise(values)) < 0.012
