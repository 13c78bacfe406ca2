"""Sensors that are read once a minute or more rarely: judged by novelty alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import msgspec
import pytest

from detectors import Finding, Profile, SensorBank
from detectors.novelty import VIEWS, Novelty
from detectors.plain import packed, unpacked

MINUTE = 60.0
START = 1_700_000_000.0

Signal = Callable[[int], float]


def noisy(seed: int = 1) -> Signal:
    rng = random.Random(seed)
    return lambda i: 20.0 + rng.gauss(0.0, 1.0)


def watch(bank: SensorBank, values: list[float], every: float = 5 * MINUTE, start: int = 0) -> list[Finding]:
    found: list[Finding] = []
    for i, x in enumerate(values, start):
        t = START + i * every
        found += [f for f in bank.observe(i + 1, t, t, x) if f.level]
    return found


REGULAR: dict[str, Callable[[int], Signal]] = {
    "sine": lambda period: lambda i: 20.0 + math.sin(2.0 * math.pi * i / period),
    "rounded sine": lambda period: lambda i: round(20.0 + math.sin(2.0 * math.pi * i / period), 2),
    "triangle": lambda period: lambda i: abs(i % period / period - 0.5),
    "saw": lambda period: lambda i: i % period / period,
    "square": lambda period: lambda i: float(i % period < period / 2),
    "pulse": lambda period: lambda i: float(i % period < max(1.0, period / 20)),
    "staircase": lambda period: lambda i: float(i % period * 5 // period),
    "two sines": lambda period: (
        lambda i: math.sin(2.0 * math.pi * i / period) + 0.5 * math.sin(2.0 * math.pi * i / (0.618 * period))
    ),
}


@pytest.mark.parametrize("period", [3, 20, 144])
@pytest.mark.parametrize("name", REGULAR)
def test_a_regular_signal_is_quiet(name: str, period: int) -> None:
    signal = REGULAR[name](period)
    bank = SensorBank(Profile())
    assert watch(bank, [signal(i) for i in range(1_900)]) == []


@pytest.mark.parametrize("period", [3, 20, 144])
@pytest.mark.parametrize("name", REGULAR)
def test_a_fault_in_a_regular_signal_is_found(name: str, period: int) -> None:
    signal = REGULAR[name](period)
    bank = SensorBank(Profile())
    watch(bank, [signal(i) for i in range(1_700)])
    found = watch(bank, [signal(1_700) + 10.0], start=1_700)
    assert [f.kind for f in found] == ["anomaly"]


@pytest.mark.parametrize("budget", [0.01, 0.0025])
def test_the_budget_of_false_alarms_is_met_in_the_long_run(budget: float) -> None:
    days, sensors, unsettled = 480, 3, 240
    late = 0
    for seed in range(sensors):
        signal = noisy(seed)
        bank = SensorBank(Profile(false_alarms_per_day=budget))
        watch(bank, [signal(i) for i in range(unsettled * 48)], every=30 * MINUTE)
        rest = [signal(i) for i in range((days - unsettled) * 48)]
        late += len(watch(bank, rest, every=30 * MINUTE, start=unsettled * 48))
    # Four views, each with its budget; twice that for chance.
    assert late <= 2 * 4 * budget * sensors * (days - unsettled)


def test_one_disturbance_is_one_alarm_and_says_what_was_unusual() -> None:
    signal = noisy()
    bank = SensorBank(Profile(unit="°C"))
    watch(bank, [signal(i) for i in range(2_000)])
    found = watch(bank, [signal(i) + 12.0 for i in range(100)], start=2_000)
    assert [f.kind for f in found] == ["anomaly"]
    assert found[0].detector in VIEWS
    assert "°C" in found[0].message


def known_novelty(signal: Signal) -> Novelty:
    novelty = Novelty()
    for i in range(2_000):
        novelty.update(START + i * 5 * MINUTE, signal(i))
    return novelty


def test_soon_after_a_score_only_one_that_is_clearly_higher_counts() -> None:
    signal = noisy()
    novelty = known_novelty(signal)
    scores = []
    for i, far in enumerate((9.0, 0.0, 0.0, 0.0, 0.0, 9.5, 0.0, 0.0, 0.0, 0.0, 40.0)):
        scores.append(novelty.update(START + (2_000 + i) * 5 * MINUTE, 20.0 + far))
    assert scores[0] > 0.5
    assert scores[5] == 0.0
    assert scores[10] > scores[0]


def test_recent_is_the_mean_of_the_last_four_readings() -> None:
    novelty = Novelty()
    means = []
    for i, x in enumerate((8.0, 8.0, 4.0, 0.0, 4.0, 12.0)):
        novelty.update(START + i * 5 * MINUTE, x)
        means.append(novelty.recent)
    assert means == [8.0, 8.0, 7.0, 5.0, 4.0, 5.0]


def test_a_state_from_before_the_mean_of_four_readings_goes_on_quietly() -> None:
    signal = noisy()
    novelty = known_novelty(signal)
    fields = msgspec.msgpack.decode(packed(novelty))
    old = unpacked(msgspec.msgpack.encode(fields[:-2]), 0, Novelty)
    scores = [old.update(START + i * 5 * MINUTE, signal(i)) for i in range(2_000, 2_300)]
    assert abs(old.recent - 20.0) < 3.0
    assert max(scores) < 0.5


def test_what_rings_often_makes_the_sensor_quieter() -> None:
    signal = noisy()
    bank = SensorBank(Profile())
    watch(bank, [signal(i) for i in range(2_000)])
    counts = []
    for again in range(6):
        start = 2_000 + again * 300
        found = watch(bank, [signal(i) + (9.0 if i == 150 else 0.0) for i in range(300)], start=start)
        counts.append(len(found))
    assert counts[0] == 1
    assert sum(counts[1:]) < 5


def test_a_false_alarm_that_an_operator_marks_does_not_ring_again() -> None:
    rings = []
    for taught in (False, True):
        signal = noisy()
        bank = SensorBank(Profile())
        watch(bank, [signal(i) for i in range(2_000)])
        [first] = watch(bank, [28.0], start=2_000)
        if taught:
            bank.teach(first.kind, first.detector, first.score)
        watch(bank, [signal(i) for i in range(300)], start=2_001)
        rings.append(len(watch(bank, [32.0], start=2_301)))
    assert rings == [1, 0]


def test_frozen_rings_and_does_not_learn() -> None:
    signal = noisy()
    bank = SensorBank(Profile())
    watch(bank, [signal(i) for i in range(2_000)])
    bank.freeze(True)
    novelty = bank._state.values.novelty
    before = (list(novelty.value_rarity.counts), novelty.value_record.high, bytes(novelty.weekly.knots))
    assert [f.kind for f in watch(bank, [40.0], start=2_000)] == ["anomaly"]
    watch(bank, [signal(i) for i in range(500)], start=2_001)
    assert (list(novelty.value_rarity.counts), novelty.value_record.high, bytes(novelty.weekly.knots)) == before


@pytest.mark.parametrize("every", [MINUTE, 5 * MINUTE, 3_600.0, 86_400.0])
def test_a_sensor_is_rare_from_a_minute_on_and_no_more_when_it_is_read_faster(every: float) -> None:
    signal = noisy()
    bank = SensorBank(Profile())
    watch(bank, [signal(i) for i in range(50)], every=every)
    assert bank._state.values.rare
    t = START + 50 * every
    for second in range(1_800):
        bank.observe(51 + second, t + second, t + second, signal(second))
    assert not bank._state.values.rare


def test_a_fast_sensor_is_never_judged_by_novelty() -> None:
    signal = noisy()
    bank = SensorBank(Profile())
    found: list[Finding] = []
    for second in range(20_000):
        found += bank.observe(second + 1, START + second, START + second, signal(second) + (second > 15_000) * 8.0)
    assert not bank._state.values.rare
    assert "anomaly" not in {f.kind for f in found}


def test_the_score_is_half_at_the_limit_and_the_state_is_small() -> None:
    signal = noisy()
    bank = SensorBank(Profile())
    for i in range(20_000):
        t = START + i * 5 * MINUTE
        raised = any(f.level and f.kind == "anomaly" for f in bank.observe(i + 1, t, t, signal(i)))
        assert not raised or bank.score >= 0.5
    assert len(bank.dump()) <= 4_096
