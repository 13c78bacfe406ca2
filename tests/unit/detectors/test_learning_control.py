"""Operators decide what is learned: frozen, paused, taught; and a held fault teaches nothing by waiting."""

from __future__ import annotations

import random

import pytest

from detectors import Profile, SensorBank
from detectors.cheap import CheapBank

PROFILE = Profile(interval=1.0)


def feed(bank, first, count, level=20.0, sd=0.3, seed=1, gap=1.0):
    rng = random.Random(seed + first)
    found = []
    for i in range(first, first + count):
        found += bank.observe(i + 1, i * gap, i * gap, level + rng.gauss(0, sd))
    return found


def limits(bank):
    return [tail.limit for tail in bank._state.values._tails()]


@pytest.fixture
def bank():
    bank = SensorBank(PROFILE)
    feed(bank, 0, 6000)
    return bank


def test_nothing_is_learned_while_frozen_and_what_was_seen_is_in_no_block(bank):
    before = limits(bank)
    bank.freeze(True)
    feed(bank, 6000, 1000, sd=3.0)
    assert limits(bank) == before
    bank.freeze(False)
    feed(bank, 7000, 3000)
    after = limits(bank)
    assert all(b <= a * 1.5 for a, b in zip(before, after, strict=True) if a < 1e9)
    assert bank._state.silence.longest == 1.0


def test_a_window_of_maintenance_is_not_learned_from_and_ends_by_itself(bank):
    other = SensorBank.load(PROFILE, bank.dump())
    bank.pause(6500.0, 7500.0)
    before = limits(bank)
    feed(bank, 6000, 400)
    feed(bank, 6400, 100)
    learned = limits(bank)
    assert learned != before
    feed(bank, 6500, 1000, sd=3.0)
    assert limits(bank) == learned
    feed(bank, 7500, 500)
    assert limits(bank) != learned
    assert bank._state.pauses == []
    # Without the window it would have taught.
    feed(other, 6000, 500)
    feed(other, 6500, 1000, sd=3.0)
    assert limits(other) != learned


def test_a_silence_in_a_window_does_not_stretch_what_is_usual(bank):
    bank.pause(6000.0, 9000.0)
    bank.observe(6001, 6000.0, 6000.0, 20.0)
    bank.observe(6002, 8000.0, 8000.0, 20.0)
    assert bank._state.silence.longest == 1.0


def test_a_held_offset_is_never_learned(bank):
    raised = feed(bank, 6000, 300, level=30.0)
    assert ("level", 1) in [(f.kind, f.level) for f in raised]
    held = feed(bank, 6300, 40_000, level=30.0)
    assert [f for f in held if f.kind == "level"] == []
    assert "level" in bank._state.conditions.held
    assert [(f.kind, f.level) for f in bank.accept() if f.kind == "level"] == [("level", 0)]
    assert [f for f in feed(bank, 46_300, 2000, level=30.0) if f.kind == "level" and f.level] == []


def test_an_alarm_that_was_false_raises_its_limit_beyond_itself():
    bank = SensorBank(PROFILE)
    feed(bank, 0, 6000)
    (spike,) = [f for f in bank.observe(6001, 6000.0, 6000.0, 26.0) if f.kind == "spike"]
    bank.teach(spike.kind, spike.detector, spike.score)
    feed(bank, 6001, 200)
    assert [f for f in bank.observe(6202, 6201.0, 6201.0, 25.8) if f.kind == "spike" and f.level] == []
    assert [f for f in bank.observe(6203, 6202.0, 6202.0, 60.0) if f.kind == "spike" and f.level] != []


@pytest.mark.parametrize("kind", ["level", "drift", "noise", "dropout", "stuck", "late", "order", "limit", "machine"])
def test_whatever_is_called_false_the_bank_stays_sound(bank, kind):
    for score in (0.0, -5.0, 1e308, float("inf"), float("nan")):
        bank.teach(kind, "", score, 2.0)
    again = SensorBank.load(PROFILE, bank.dump())
    assert feed(again, 6000, 300) is not None
    assert all(limit == limit and limit > 0 for limit in limits(again))


def test_reset_thaws_and_keeps_windows(bank):
    bank.freeze(True)
    bank.pause(0.0, 1e12)
    bank.reset()
    assert not bank.frozen
    assert bank._state.pauses == [(0.0, 1e12)]


def test_the_cheap_bank_obeys_too():
    bank = CheapBank(PROFILE)
    feed(bank, 0, 500)
    bank.freeze(True)
    mean, variance = bank._mean, bank._variance
    feed(bank, 500, 500, level=21.0)
    assert (bank._mean, bank._variance) == (mean, variance)
    bank = CheapBank.load(PROFILE, bank.dump())
    assert bank.frozen
    bank.freeze(False)
    feed(bank, 1000, 500, level=21.0)
    assert bank._mean > mean
    bank.pause(1500.0, 1600.0)
    mean = bank._mean
    feed(bank, 1500, 100, level=22.0)
    assert bank._mean == mean
    bank.reset()
    assert bank._n == 0
