"""Faults of the messages: each is named for what it is."""

import random

import pytest

from detectors import Profile, SensorBank

INTERVAL = 1.0


def steady(bank, start, count, *, seq=None, lateness=0.1, seed=1, interval=INTERVAL):
    """Readings as usual; the findings they gave."""
    rng = random.Random(seed)
    findings = []
    for i in range(count):
        t = start + i * interval
        number = (start / interval + i if seq is None else seq + i) + 1
        findings += bank.observe(int(number), t, t + lateness + rng.uniform(0, 0.1), 20.0 + rng.gauss(0, 0.2))
    return findings


@pytest.fixture
def bank():
    bank = SensorBank(Profile(unit="°C", range_low=-40.0, range_high=200.0, interval=INTERVAL))
    assert steady(bank, 0.0, 600) == []
    return bank


def raised(findings):
    return [finding.kind for finding in findings if finding.level]


def test_a_repeated_number_is_a_duplicate(bank):
    assert raised(bank.observe(600, 599.0, 600.5, 20.0)) == ["duplicate"]


def test_a_number_that_fills_a_gap_is_out_of_order(bank):
    assert raised(bank.observe(603, 602.0, 602.1, 20.0)) == []
    assert raised(bank.observe(602, 601.0, 602.5, 20.0)) == ["order"]


def test_a_sensor_that_starts_again_is_not_in_disorder(bank):
    assert raised(steady(bank, 600.0, 300, seq=0)) == []


def test_a_sensor_that_starts_again_with_its_clock_set_back_is_accepted_after_a_few_readings(bank):
    findings = []
    for i in range(200):
        findings += bank.observe(i + 1, 100.5 + i, 600.1 + i, 20.0)
    assert findings[-1].level == 0 or "order" not in raised(findings[20:])


def test_number_zero_is_unknown_and_says_nothing():
    bank = SensorBank(Profile(interval=INTERVAL))
    assert [f for i in range(300) for f in bank.observe(0, float(i), i + 0.1, 20.0 + i % 3)] == []


def test_a_late_reading_is_late_and_a_clock_ahead_is_a_clock(bank):
    assert raised(bank.observe(601, 600.0, 630.0, 20.0)) == ["dropout"]
    later = [raised(bank.observe(602 + i, 601.0 + i, 631.0 + i, 20.0)) for i in range(20)]
    assert later.index(["late"]) == 11  # what waited during the silence may come with pauses
    assert raised(bank.observe(622, 700.0, 652.0, 20.0)) == ["clock"]


@pytest.mark.parametrize("stall", [4.0, 6.0, 30.0])
def test_what_waited_is_not_late_when_its_way_stalls_again(bank, stall):
    findings, number, arrived = [], 600, 640.0
    while number < arrived:
        number += 1
        if number in (602, 610, 630):
            arrived += stall
        findings += bank.observe(number, number - 1.0, arrived, 20.0 + number % 3 / 10)
    assert "late" not in raised(findings)


def test_a_gap_that_is_no_silence_of_this_sensor_explains_what_is_late_after_it(bank):
    bank.teach("dropout", "silence", 60.0)  # it may pause for so long
    findings, number, arrived = [], 600, 630.0
    while number < arrived:
        number += 1
        findings += bank.observe(number, number - 1.0, arrived, 20.0 + number % 3 / 10)
    assert raised(findings) == []


@pytest.mark.parametrize("pace", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("chunk", [1, 5])
def test_what_waited_during_a_silence_is_not_late_when_it_comes_in(bank, pace, chunk):
    """Ten minutes without a link; then all that was measured meanwhile comes, also in chunks."""
    findings, number, arrived = [], 600, 1200.0
    while number < arrived:
        number += 1
        arrived += pace * chunk * (number % chunk == 0)
        findings += bank.observe(number, number - 1.0, arrived, 20.0 + number % 3 / 10)
    findings += steady(bank, float(number), 120, seq=number)
    assert [(f.kind, f.level) for f in findings] == [("dropout", 1), ("dropout", 0)] or raised(findings) == ["dropout"]


def test_a_sensor_that_is_late_from_its_return_on_is_late(bank):
    findings = steady(bank, 600.0, 60, lateness=300.0, seq=600)
    assert raised(findings) == ["dropout", "late"]
    # And what waited does not hide lateness that comes after it.
    bank = SensorBank(Profile(interval=INTERVAL))
    steady(bank, 0.0, 600)
    for i in range(300):
        bank.observe(601 + i, 600.0 + i, 900.0 + i / 100, 20.0)
    assert raised(steady(bank, 904.0, 60, seq=904)) == []
    assert raised(steady(bank, 964.0, 60, lateness=40.0, seq=964)) == ["dropout", "late"]


def test_a_constant_skew_of_the_clock_is_usual():
    bank = SensorBank(Profile(interval=INTERVAL, ahead_limit=None))
    assert steady(bank, 0.0, 400, lateness=-3600.0) == []


def test_an_unreadable_payload_and_an_impossible_value_are_corrupt(bank):
    assert raised(bank.reject(600.5)) == ["corrupt"]
    other = SensorBank(Profile(range_low=-40.0, range_high=200.0))
    assert raised(other.observe(1, 0.0, 0.1, 1e9)) == ["corrupt"]


def test_silence_is_a_dropout_once_and_ends_with_the_next_reading(bank):
    assert bank.tick(601.0) == ()
    first = bank.tick(610.0)
    assert raised(first) == ["dropout"]
    assert "no reading for 11 s; one every 1.0 s is usual" in first[0].message
    assert bank.tick(900.0) == ()
    assert [(f.kind, f.level) for f in bank.observe(1501, 1500.0, 1500.1, 20.0)] == [("dropout", 0)]


def test_silence_is_measured_by_the_sensor_s_own_rhythm():
    bank = SensorBank(Profile())
    assert raised(steady(bank, 0.0, 100, interval=120.0)) == []
    assert bank.tick(99 * 120.0 + 300.0) == ()
    assert raised(bank.tick(99 * 120.0 + 900.0)) == ["dropout"]


def test_a_value_at_the_range_s_end_is_a_rail(bank):
    findings = [*bank.observe(601, 600.0, 600.1, 200.0), *bank.observe(602, 601.0, 601.1, 200.0)]
    assert raised(findings) == ["rail"]


def test_a_frozen_value_is_stuck(bank):
    findings = [f for i in range(30) for f in bank.observe(601 + i, 600.0 + i, 600.1 + i, 20.125)]
    assert raised(findings) == ["stuck"]
    assert "in a row" in findings[0].message


def test_a_transient_condition_ends_when_it_was_not_seen_for_its_quiet_time(bank):
    bank.observe(600, 599.0, 600.5, 20.0)
    later = steady(bank, 601.0, 90, seq=600)
    assert [(f.kind, f.level) for f in later] == [("duplicate", 0)]


def test_kinds_that_are_not_chosen_are_not_raised():
    bank = SensorBank(Profile(detectors=("limit",), warning_high=30.0))
    bank.observe(1, 0.0, 0.1, 20.0)
    assert raised(bank.observe(1, 0.0, 0.2, 20.0)) == []
    assert raised(bank.observe(2, 1.0, 1.1, 31.0)) == ["limit"]


def test_a_reading_from_the_future_is_a_fact_from_the_first_on() -> None:
    bank = SensorBank(Profile(interval=1.0))
    found = []
    for i in range(100):
        found += bank.observe(i + 1, 1000.0 + i + 600.0, 1000.0 + i, 20.0)
    assert [(f.kind, f.level) for f in found] == [("clock", 1)]
    # The clock is set right: it returns, once.
    for i in range(100, 300):
        found += bank.observe(i + 1, 1000.0 + i, 1000.0 + i, 20.0)
    assert [(f.kind, f.level) for f in found if f.kind == "clock"] == [("clock", 1), ("clock", 0)]


@pytest.mark.parametrize(("ahead", "limit"), [(59.0, 60.0), (600.0, None), (-7200.0, 60.0)])
def test_a_clock_that_is_a_little_ahead_or_behind_is_none(ahead: float, limit: float | None) -> None:
    bank = SensorBank(Profile(interval=1.0, ahead_limit=limit))
    found = []
    for i in range(100):
        found += bank.observe(i + 1, 10_000.0 + i + ahead, 10_000.0 + i, 20.0)
    assert found == []
