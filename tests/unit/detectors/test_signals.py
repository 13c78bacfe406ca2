"""Signals of every kind are quiet from the first reading on, and a fault in them is found."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from benchmarks._signals import FAULTS, JUMPING, SHAPES, Signal, drawn
from benchmarks.signals import watch
from detectors import Profile, SensorBank

MOST = 12_000
# No shrinking: it takes minutes, and a signal is told by its family and seed.
quick = settings(max_examples=60, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))


def bank_of(signal, kind=None):
    return SensorBank(Profile(interval=signal.interval, signal=kind))


def alarms(signal, count=None):
    count = count or min(MOST, max(3000, int(1000 * signal.period)))
    return watch(bank_of(signal), signal.times(count), signal.values(count))


@quick
@given(st.sampled_from(sorted(SHAPES)), st.integers(1000, 9999))
def test_no_family_raises_an_alarm(family, seed):
    assert alarms(drawn(family, seed)) == []


@quick
@given(
    st.sampled_from(sorted(set(SHAPES) - set(JUMPING))),
    st.floats(3.0, 5000.0),
    st.floats(-9.0, 9.0),
    st.floats(-50.0, 50.0),
    st.sampled_from([0.1, 1.0, 7.3, 30.0]),
)
def test_neither_unit_nor_offset_nor_pace_makes_a_smooth_signal_ring(family, period, power, offset, interval):
    amplitude = 10.0**power
    assert alarms(Signal(family, period, amplitude, offset * amplitude, interval=interval), 6000) == []


@pytest.mark.parametrize("period", [3, 8, 10, 24])
@pytest.mark.parametrize("interval", [1.0, 7.3])
def test_whole_periods_of_few_readings(period, interval):
    for family in ("sine", "saw", "pulse", "counter", "coarse sine"):
        assert alarms(Signal(family, period, 13.7, 101.3, interval=interval, seed=5), 6000) == [], family


@pytest.mark.parametrize(
    ("signal", "readings"),
    [
        # Five or six readings a minute of a held value: their sums come to means that differ by a double's rounding.
        (drawn("staircase", 203), 35_000),
        # Held for a few readings at random: noise from minute to minute.
        (drawn("rare steps", 305), 14_000),
        # It rises for hours, and rests for hours at a value that rounding holds.
        (drawn("charge", 201), 30_000),
    ],
)
def test_minutes_that_rest_for_hours_between_moves(signal, readings):
    assert alarms(signal, readings) == []


def test_the_rounded_sine_that_was_reported():
    bank = SensorBank(Profile())
    assert (
        watch(bank, [float(i) for i in range(150_000)], [round(20 + math.sin(i / 20), 3) for i in range(150_000)]) == []
    )
    assert bank.signal == "periodic"


@quick
@given(st.sampled_from(sorted(set(SHAPES) - {"ramp"})), st.integers(1, 999), st.sampled_from(FAULTS[:2]))
def test_what_was_never_seen_before_is_found(family, seed, fault):
    signal = replace(drawn(family, seed), period=20.0 + seed % 100, noise=0.0)
    count, length = 12_000, 1500
    bank, times, values = bank_of(signal), signal.times(count), signal.with_fault(fault, count, length)
    begin = count - length
    assert watch(bank, times[:begin], values[:begin]) == []
    assert watch(bank, times[begin:], values[begin:], begin) != []


@pytest.mark.parametrize("family", ["sine", "triangle", "saw", "square", "charge", "counter", "on and off", "ramp"])
@pytest.mark.parametrize("noise", [0.0, 0.001])
def test_a_signal_that_stops_is_found(family, noise):
    signal = Signal(family, 200.0, 5.0, 20.0, noise)
    if family in ("ramp", "on and off") and noise:
        pytest.skip("nothing tells a ramp or an uneven signal from one that rests, in noise")
    bank, times, values = bank_of(signal), signal.times(20_000), signal.with_fault("stop", 20_000, 4000)
    assert watch(bank, times[:16_000], values[:16_000]) == []
    assert "stuck" in {kind for _, kind in watch(bank, times[16_000:], values[16_000:], 16_000)}


@pytest.mark.parametrize(
    ("signal", "kind"),
    [
        (Signal("sine", 300.0), "periodic"),
        (Signal("sine", 300.0, noise=0.001), "periodic"),
        (Signal("sine", 30_000.0, noise=0.5), "noisy"),
        (Signal("sine", 300.0, noise=0.5, step=0.5), "quantised"),
        (Signal("square", 300.0), "held"),
        (Signal("rare steps", 90.0), "held"),
        (Signal("square", 300.0, noise=0.001), "switched"),
        (Signal("ramp", 300.0), "counter"),
        (Signal("two sines", 3000.0), "smooth"),
    ],
)
def test_the_kind_of_a_signal_is_found_and_kept(signal, kind):
    bank = bank_of(signal)
    assert bank.signal == ""
    watch(bank, signal.times(9000), signal.values(9000))
    assert bank.signal == kind
    assert SensorBank.load(bank.profile, bank.dump()).signal == kind


def test_the_kind_that_the_profile_gives_is_used():
    signal = Signal("sine", 400.0)
    times, values = signal.times(6000), signal.values(6000)
    bank = bank_of(signal, "noisy")
    watch(bank, times[:3000], values[:3000])
    assert (bank.signal, bank._state.values.kind.readings.structured) == ("noisy", False)
    bank = SensorBank.load(Profile(interval=1.0), bank.dump())
    watch(bank, times[3000:], values[3000:], 3000)
    assert (bank.signal, bank._state.values.kind.readings.structured) == ("smooth", True)
    with pytest.raises(ValueError, match="no such kind of signal: 'loud'"):
        Profile(signal="loud")


@quick
@given(st.sampled_from(sorted(SHAPES)), st.integers(1, 999), st.integers(1, 400))
def test_a_save_and_load_anywhere_changes_nothing(family, seed, every):
    signal = drawn(family, seed)
    times, values = signal.times(1600), signal.with_fault("spike", 1600, 200)
    one, other = bank_of(signal), bank_of(signal)
    for i, (t, x) in enumerate(zip(times, values, strict=True)):
        if i % every == 0:
            other = SensorBank.load(other.profile, other.dump())
        assert list(one.observe(i + 1, t, t, x)) == list(other.observe(i + 1, t, t, x))
    assert one.dump() == other.dump()


@pytest.mark.parametrize("family", sorted(SHAPES))
def test_the_state_is_bounded(family):
    signal = Signal(family, 97.0, 1234.5, noise=0.001)
    bank = bank_of(signal)
    watch(bank, signal.times(20_000), signal.values(20_000))
    assert len(bank.dump()) <= 4096


def test_a_constant_is_no_stuck_sensor_and_a_gross_spike_is_found_in_a_young_one():
    bank = SensorBank(Profile())
    assert watch(bank, [float(i) for i in range(5000)], [42.0] * 5000) == []
    signal = Signal("sine", 50_000.0, noise=0.05)
    bank, values = bank_of(signal), signal.values(5000)
    values[4998] += 500.0
    assert {kind for _, kind in watch(bank, signal.times(5000), values)} == {"spike"}


@pytest.mark.parametrize(("size", "said"), [(10.0, "where"), (-10.0, "was back at once")])
def test_a_spike_of_a_ramp_is_told_at_once_or_where_it_may_be_a_reset_when_it_comes_back(size, said):
    signal = Signal("ramp", 500.0)
    bank, values = bank_of(signal), signal.values(3000)
    values[2900] += size
    findings = []
    for i, (t, x) in enumerate(zip(signal.times(3000), values, strict=True)):
        findings += bank.observe(i + 1, t, t, x)
    assert [(f.kind, f.level, f.t) for f in findings[:1]] == [("spike", 1, 2900.0 if size > 0.0 else 2902.0)]
    assert said in findings[0].message


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_ramp_that_jumps_ahead_is_found_and_one_that_is_reset_is_not(seed):
    signal = replace(drawn("ramp", seed), period=20.0 + 3 * seed, noise=0.0)
    times, ahead = signal.times(6000), signal.with_fault("offset", 6000, 1000)
    assert watch(bank_of(signal), times[:5000], ahead[:5000]) == []
    assert watch(bank_of(signal), times, ahead)[0][0] == 5000
    reset = [x if i < 5000 else x - ahead[5000] + ahead[0] for i, x in enumerate(ahead)]
    assert watch(bank_of(signal), times, reset) == []


def test_a_detector_that_rang_falsely_says_by_how_much_it_has_become_quieter():
    bank = SensorBank(Profile())
    rng = random.Random(3)
    for i in range(5000):
        bank.observe(i + 1, float(i), float(i), 20.0 + rng.gauss(0.0, 0.2))
    assert set(bank.raised_limits.values()) == {1.0}
    (spike,) = [f for f in bank.observe(5001, 5000.0, 5000.0, 30.0) if f.kind == "spike"]
    bank.teach("spike", spike.detector, spike.score)
    assert bank.raised_limits["spike"] > 1.2
    assert bank.raised_limits["drift"] == 1.0
    assert SensorBank.load(Profile(), bank.dump()).raised_limits == bank.raised_limits
