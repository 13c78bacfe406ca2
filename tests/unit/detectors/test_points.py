"""Operating points: beside them is a fault, a continuous load has none, and what is held is never learned."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Profile, SensorBank
from detectors.plain import packed, unpacked
from detectors.points import BINS, Points, _merged

LEVELS = (8.0, 13.0, 20.0, 25.0, 30.0)


def work(points, minutes, levels=LEVELS, seed=1, sd=0.05, scatter=0.4):
    rng = random.Random(seed)
    found = []
    while len(found) < minutes:
        level = rng.choice(levels) if levels else rng.uniform(8.0, 30.0)
        found += [points.update(level + rng.gauss(0, sd), scatter, True) for _ in range(rng.randint(5, 30))]
    return found


def test_a_level_between_the_points_is_held_until_it_is_left_or_accepted():
    points = Points()
    assert not any(work(points, 3000))
    beside = [points.update(22.5, 0.4, True) for _ in range(3000)]
    assert all(beside[2:])
    assert points.nearest() == pytest.approx(20.0, abs=0.5)
    assert not any(work(points, 100))
    points.update(22.5, 0.4, True)
    assert points.update(22.5, 0.4, True)
    points.accept()
    assert not any(points.update(22.5 + i % 3 / 10, 0.4, True) for i in range(50))


def test_a_continuous_load_fills_its_range_and_nothing_is_unusual():
    points = Points()
    assert sum(work(points, 6000, levels=())) == 0


def test_of_a_first_day_nothing_is_said():
    points = Points()
    for level in (10.0, 20.0, 30.0) * 30:
        for _ in range(5):
            assert not points.update(level, 0.4, True, True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.floats(-1e150, 1e150), st.floats(-50, 50)), st.floats(0, 1e6), st.booleans()),
        max_size=80,
    )
)
def test_any_means_and_a_save_between_any_two(rows):
    one, other = Points(), Points()
    for mean, scatter, learn in rows * 2:
        other = unpacked(packed(other), 0, Points)
        assert one.update(mean, scatter, learn) == other.update(mean, scatter, learn)
    assert len(packed(one)) < 100


@given(st.integers(0, 2**BINS - 1))
def test_merging_keeps_every_bin(bits):
    merged = _merged(bits)
    assert merged < 2 ** (BINS // 2)
    assert all((merged >> (i // 2)) & 1 for i in range(BINS) if bits >> i & 1)


def machine(ramp):
    """A machine at four loads, every ten seconds for a day and a half; then it goes to another, at once or slowly."""
    rng, bank, load, seen = random.Random(2), SensorBank(Profile(interval=10.0, warm_up=100)), 10.0, []
    target = load
    for i in range(13_000):
        if i % 120 == 0:
            target = rng.choice((10.0, 20.0, 30.0, 45.0)) if i < 12_600 else 10.0
        load += 0.1 * (target - load)
        bank.observe(i + 1, 10.0 * i, 10.0 * i, load + rng.gauss(0, 0.3))
    step = bank._state.values.step
    step.accept()
    step.up.limit = 5.0
    for i in range(13_000, 13_100):
        load += (0.1 if ramp else 1.0) * (30.0 - load)
        found = bank.observe(i + 1, 10.0 * i, 10.0 * i, load + rng.gauss(0, 0.3))
        seen += [f.kind for f in found if f.level]
    return bank._state.values.points.sparse(), seen


def test_a_step_to_another_load_is_none_unless_it_came_at_once():
    assert machine(ramp=True) == (True, [])
    sparse, seen = machine(ramp=False)
    assert sparse
    assert {"spike", "level"} <= set(seen)
