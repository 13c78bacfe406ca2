"""How near each detector is to its limit, and what it expects, beside what it raises."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from detectors import Profile, SensorBank, evidence

CALM = 16_000


def calm(seed: int = 1, interval: float = 1.0) -> SensorBank:
    """A bank that has seen noise of deviation 0.3 about 20."""
    rng = random.Random(seed)
    bank = SensorBank(Profile(interval=interval))
    for i in range(CALM):
        bank.observe(i + 1, i * interval, i * interval, 20.0 + rng.gauss(0.0, 0.3))
    return bank


def run(bank: SensorBank, values: Callable[[int, random.Random], float], count: int = 400) -> dict[str, float]:
    """The highest multiple of each kind in so many further readings; what is raised must be beyond its limit."""
    rng = random.Random(2)
    highest: dict[str, float] = {}
    for i in range(count):
        n = CALM + i
        found = bank.observe(n + 1, float(n), float(n), values(i, rng))
        multiples = evidence.multiples(bank)
        for kind, multiple in multiples.items():
            highest[kind] = max(highest.get(kind, 0.0), multiple)
        for finding in found:
            if finding.level and finding.kind in multiples:
                assert multiples[finding.kind] >= 1.0, (finding, multiples)
    return highest


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("spike", lambda i, rng: 20.0 + rng.gauss(0.0, 0.3) + (9.0 if i == 100 else 0.0)),
        ("level", lambda i, rng: 20.0 + rng.gauss(0.0, 0.3) + (3.0 if i >= 100 else 0.0)),
        ("noise", lambda i, rng: 20.0 + rng.gauss(0.0, 1.5 if i >= 100 else 0.3)),
        ("stuck", lambda i, rng: 20.0 if i >= 100 else 20.0 + rng.gauss(0.0, 0.3)),
    ],
)
def test_what_rings_is_beyond_its_limit(kind: str, values: Callable[[int, random.Random], float]) -> None:
    assert run(calm(), values)[kind] > 1.0


def test_what_is_usual_is_below_every_limit() -> None:
    highest = run(calm(), lambda _, rng: 20.0 + rng.gauss(0.0, 0.3))
    assert {"spike", "level", "noise", "drift", "stuck"} <= set(highest)
    assert all(multiple < 1.0 for multiple in highest.values()), highest


def test_kinds_that_are_not_watched_for_are_not_told() -> None:
    bank = SensorBank(Profile(detectors=("limit", "spike")))
    bank.observe(1, 0.0, 0.0, 1.0)
    assert set(evidence.multiples(bank)) == {"spike"}


def test_silence_grows_until_the_limit() -> None:
    bank = calm()
    last = float(CALM - 1)
    assert evidence.silence(bank, last + 1.0) < 1.0
    assert evidence.silence(bank, bank.due) == pytest.approx(1.0)
    assert evidence.silence(SensorBank(Profile()), 5.0) == 0.0


def test_a_reading_beyond_the_expected_range_is_a_spike_and_one_within_is_none() -> None:
    bank = calm()
    band = evidence.expected(bank, "spike")
    assert band is not None
    low, high = band
    assert low < 19.0
    assert high > 21.0
    room = 0.05 * (high - low)
    for value, beyond in ((high + room, True), (high - room, False), (low - room, True), (low + room, False)):
        copy = SensorBank.load(bank.profile, bank.dump())
        copy.observe(CALM + 1, float(CALM), float(CALM), value)
        assert (evidence.multiples(copy)["spike"] > 1.0) is beyond


@pytest.mark.parametrize("detector", ["step", "short", "medium"])
def test_a_level_is_expected_where_the_mean_is(detector: str) -> None:
    band = evidence.expected(calm(interval=10.0), "level", detector)
    assert band is not None
    low, high = band
    assert 17.0 < low < 20.0 < high < 23.0


def test_a_held_step_still_expects_where_it_came_from() -> None:
    bank = calm()
    run(bank, lambda i, rng: 30.0 + rng.gauss(0.0, 0.3))
    band = evidence.expected(bank, "level", "step")
    assert band is not None
    assert band[1] < 25.0


def test_a_young_detector_expects_nothing() -> None:
    bank = SensorBank(Profile())
    for i in range(30):
        bank.observe(i + 1, float(i), float(i), 20.0 + i % 3)
    for kind in ("spike", "level", "drift"):
        assert evidence.expected(bank, kind) is None


def test_a_rare_sensor_is_judged_by_its_novelty() -> None:
    bank = calm(interval=300.0)
    assert "anomaly" in evidence.multiples(bank)
    assert evidence.expected(bank, "anomaly") is None
    n = CALM
    bank.observe(n + 1, n * 300.0, n * 300.0, 60.0)
    assert evidence.multiples(bank)["anomaly"] > 1.0
