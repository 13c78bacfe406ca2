"""For any finite input: no exception, no NaN, a bounded state, the same scores however it was cut."""

import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors import MachineBank, Profile, SensorBank

VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-100, 100),
    st.sampled_from([0.0, -0.0, 1e-308, -1e308, 1e308, 5e-324, 1e150, -1e150, 42.0]),
)
TIMES = st.one_of(st.floats(-1e12, 1e12), st.floats(0, 1e4), st.floats(allow_nan=False, allow_infinity=False))
READING = st.tuples(st.integers(0, 2**53), TIMES, TIMES, VALUES)
CALL = st.one_of(READING, READING, READING, st.tuples(TIMES), st.tuples(TIMES, st.none()))
LARGEST_STATE = 4096 + 1024  # with every condition raised at once


def perform(bank, call):
    if len(call) == 4:
        return list(bank.observe(*call))
    return list(bank.tick(call[0]) if len(call) == 1 else bank.reject(call[0]))


def check(bank, findings):
    assert 0.0 <= bank.score <= 1.0
    for f in findings:
        assert all(v is None or math.isfinite(v) for v in (f.t, f.value, f.expected, f.limit, f.score)), f
        assert f.level in (0, 1, 2)
        assert f.message


@settings(max_examples=150, deadline=None)
@given(st.lists(CALL, max_size=300), st.booleans())
def test_any_finite_input_in_any_order(calls, limits):
    profile = (
        Profile(warning_high=10.0, critical_high=20.0, warning_low=-10.0, rate_limit=1.0, warm_up=10)
        if limits
        else Profile(range_low=-50.0, range_high=50.0, interval=0.1, warm_up=10)
    )
    bank = SensorBank(profile)
    for call in calls:
        check(bank, perform(bank, call))
    assert len(bank.dump()) <= LARGEST_STATE


@settings(max_examples=40, deadline=None)
@example([4.705827990156507, 0.0, 0.0, 0.0, 0.0, 1.3563625717080635e18, -3.0], 300, 31.0)
@given(st.lists(VALUES, min_size=1, max_size=40), st.integers(300, 2500), st.floats(0.01, 400.0))
def test_any_values_at_a_steady_pace(values, count, interval):
    bank = SensorBank(Profile(warm_up=10))
    for i in range(count):
        t = i * interval
        check(bank, bank.observe(i + 1, t, t + 0.1, values[i * 7919 % len(values)]))
    assert len(bank.dump()) <= LARGEST_STATE


def readings(count, seed=5, pace=30.0):
    """A day's shape in little: noise, a jump, an outlier, a silence, repeats, disorder, a stuck stretch."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        t = pace * i + (400.0 if i > count // 2 else 0.0)
        x = 20.0 + 5.0 * math.sin(t / 13_751.0) + rng.gauss(0, 0.3)
        x += 4.0 if count * 0.6 < i < count * 0.7 else 0.0
        x = 21.5 if count * 0.8 < i < count * 0.81 else x
        rows.append((i + 1, t, t + rng.uniform(0.05, 0.3), x + (30.0 if rng.random() < 0.002 else 0.0)))
        if rng.random() < 0.01:
            rows.append(rows[rng.randrange(max(0, len(rows) - 5), len(rows))])
    return rows


@pytest.mark.parametrize("pace", [30.0, 300.0, 3600.0])
@pytest.mark.parametrize("every", [1, 7, 250])
def test_a_save_and_load_between_any_two_readings_changes_nothing(every, pace):
    profile = Profile(interval=pace, unit="°C", warning_high=27.0, range_low=-40.0, range_high=200.0)
    rows = readings(1500 if every == 1 else 6000, pace=pace)
    one, other = SensorBank(profile), SensorBank(profile)
    for i, row in enumerate(rows):
        expected = list(one.observe(*row)), one.score
        if i % every == 0:
            other = SensorBank.load(profile, other.dump())
        assert (list(other.observe(*row)), other.score) == expected
    assert other.dump() == one.dump()


def test_sensors_do_not_know_of_each_other():
    profile = Profile(interval=30.0)
    streams = [readings(800, seed) for seed in range(3)]
    alone = []
    for stream in streams:
        bank = SensorBank(profile)
        alone.append([(f.kind, f.level, f.t) for row in stream for f in bank.observe(*row)])
    banks = [SensorBank(profile) for _ in streams]
    mixed = [[] for _ in streams]
    order = [k for k, stream in enumerate(streams) for _ in stream]
    random.Random(1).shuffle(order)
    position = [0] * len(streams)
    for k in order:
        row = streams[k][position[k]]
        position[k] += 1
        mixed[k] += [(f.kind, f.level, f.t) for f in banks[k].observe(*row)]
    assert mixed == alone


@pytest.mark.parametrize("start", [1e15, 1e18, 1e19, 1e20, 1e100])
def test_times_so_far_off_that_they_have_no_half_hours(start):
    bank, t = SensorBank(Profile(warm_up=10)), start
    for i in range(600):
        t = max(math.nextafter(t, math.inf), t + 300.0)
        check(bank, bank.observe(i + 1, t, t, (1.0, 2.0, 1e150, -1e150)[i % 4]))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff\x90", SensorBank(Profile()).dump()[:-3]])
def test_bytes_that_are_no_state_are_refused(data):
    with pytest.raises(ValueError, match="detector state"):
        SensorBank.load(Profile(), data)


def test_loading_with_other_limits_keeps_what_was_learned_and_what_is_raised():
    bank = SensorBank(Profile(warning_high=30.0))
    bank.observe(1, 0.0, 0.0, 31.0)
    bank = SensorBank.load(Profile(warning_high=40.0), bank.dump())
    assert [(f.kind, f.level) for f in bank.observe(2, 1.0, 1.0, 31.0)] == [("limit", 0)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), VALUES), st.one_of(st.none(), VALUES)), min_size=1, max_size=200))
def test_a_machine_takes_any_rows(rows):
    bank = MachineBank(("a", "b"), learn=61)
    for i in range(200):
        score, prediction, contributions = bank.observe(float(i), rows[i % len(rows)])
        assert 0.0 <= score <= 1.0
        assert prediction in (0, 1)
        assert all(0.0 <= share <= 1.0 for share in contributions.values())
