"""What values can do: limits from the first reading, and the faults that statistics find."""

import random

import pytest

from detectors import Profile, SensorBank
from detectors.profile import CHEAP
from detectors.step import Step

DAY = 86_400


def raised(findings):
    return {finding.kind for finding in findings if finding.level}


class Plant:
    """A sensor that reads 50 with noise of 0.5 each ten seconds, and whatever is added."""

    def __init__(self, profile=None, seed=3):
        self.bank = SensorBank(profile or Profile(interval=10.0))
        self.rng = random.Random(seed)
        self.i = 0

    def run(self, count, change=lambda k, x: x):
        findings = []
        for k in range(count):
            self.i += 1
            t = 10.0 * self.i
            x = change(k, 50.0 + self.rng.gauss(0, 0.5))
            findings += self.bank.observe(self.i, t, t + 0.1, x)
        return findings


@pytest.fixture(scope="module")
def trained_state():
    plant = Plant()
    findings = plant.run(DAY // 10)
    assert raised(findings) == set()
    return plant.bank.dump(), plant.i


@pytest.fixture
def plant(trained_state):
    plant = Plant(seed=4)
    plant.bank = SensorBank.load(plant.bank.profile, trained_state[0])
    plant.i = trained_state[1]
    return plant


def test_limits_work_from_the_first_reading_with_a_deadband():
    bank = SensorBank(Profile(unit="°C", warning_high=35.0, critical_high=40.0))
    changes = []
    for i, x in enumerate((42.0, 39.8, 39.0, 34.9, 34.0, 36.0)):
        changes += [(f.level, f.limit) for f in bank.observe(i + 1, float(i), i + 0.1, x)]
    assert changes == [(2, 40.0), (1, 35.0), (0, None), (1, 35.0)]


def test_what_is_not_watched_for_any_more_ends_and_what_was_learned_stays(plant):
    assert "spike" in raised(plant.run(1, lambda k, x: x + 30))
    learned = plant.bank._state.values.step.up.limit
    watched = tuple(kind for kind in plant.bank.profile.detectors if kind not in ("spike", "dropout"))
    plant.bank = SensorBank.load(Profile(interval=10.0, detectors=watched), plant.bank.dump())
    ended = [finding for finding in plant.run(1) if finding.kind == "spike"]
    assert [(finding.level, finding.message) for finding in ended] == [(0, "not watched for any more")]
    assert plant.bank._state.values.step.up.limit == learned
    assert "spike" not in raised(plant.run(1, lambda k, x: x + 30))


def test_a_limit_that_was_passed_while_nobody_watched_it_is_told_when_somebody_does():
    profile = Profile(unit="°C", warning_high=35.0, critical_high=40.0)
    bank = SensorBank(Profile(unit="°C", warning_high=35.0, critical_high=40.0, detectors=("rail",)))
    assert raised(bank.observe(1, 0.0, 0.1, 42.0)) == set()
    bank = SensorBank.load(profile, bank.dump())
    assert [(f.kind, f.level) for f in bank.observe(2, 1.0, 1.1, 42.1)] == [("limit", 2)]


def test_low_limits():
    bank = SensorBank(Profile(warning_low=10.0, critical_low=5.0))
    levels = [f.level for i, x in enumerate((20.0, 9.0, 4.0, 20.0)) for f in bank.observe(i + 1, i, i, x)]
    assert levels == [1, 2, 0]


def test_a_rate_limit():
    bank = SensorBank(Profile(unit="K", rate_limit=1.0))
    bank.observe(1, 0.0, 0.0, 20.0)
    (finding,) = bank.observe(2, 10.0, 10.0, 35.0)
    assert finding.kind == "rate"
    assert finding.message == "changes by 1.5 K a second, more than 1 K"


def test_a_spike_is_found_at_once_and_explained(plant):
    findings = plant.run(1, lambda k, x: x + 6.0)
    assert raised(findings) == {"spike"}
    spike = findings[0]
    assert spike.expected == pytest.approx(50.0, abs=1.0)
    assert spike.expected < spike.limit < spike.value
    assert "was expected" in spike.message


def test_an_offset_is_a_level_that_is_held_until_it_returns(plant):
    start = plant.run(60, lambda k, x: x + 3.0)
    assert "level" in raised(start)
    held = plant.run(3000, lambda k, x: x + 3.0)
    assert [f for f in held if f.kind == "level"] == []
    back = plant.run(120)
    assert [f.level for f in back if f.kind == "level"] == [0]


def test_a_step_that_comes_back_by_and_by_is_no_step_the_other_way():
    step, rng = Step(), random.Random(5)
    for i in range(5000):
        step.update(rng.uniform(0.0, 1.0), 0.25)
        if i % 100 == 99:
            step.close(0.001)
    assert [step.update(3.0 + rng.uniform(0.0, 1.0), 0.25) for _ in range(100)][-1] == 1
    back = [step.update(3.0 - 1.8 * min(1.0, i / 300) + rng.uniform(0.0, 1.0), 0.25) for i in range(600)]
    assert back[0] == 1
    assert set(back[back.index(0) :]) == {0}


def test_the_scatter_of_a_level_that_is_held_is_not_learned(plant):
    assert "level" in raised(plant.run(30, lambda k, x: x + 16.0))
    local = plant.bank._state.values.local
    before = list(local.bins), local.low, local.scatter
    plant.run(300, lambda k, x: 66.0 + 0.1 * (x - 50.0))
    assert (list(local.bins), local.low, local.scatter) == before
    plant.run(300)
    assert list(local.bins) != before[0]


def test_an_accepted_offset_is_the_new_normal(plant):
    plant.run(60, lambda k, x: x + 3.0)
    accepted = plant.bank.accept()
    assert {(f.kind, f.level) for f in accepted} >= {("level", 0)}
    assert raised(plant.run(3000, lambda k, x: x + 3.0)) == set()


def test_growing_scatter_is_noise(plant):
    findings = plant.run(60, lambda k, x: 50.0 + 4.0 * (x - 50.0))
    assert "noise" in raised(findings)


def test_a_slow_drift_is_found_before_it_is_ten_scatters(plant):
    findings = plant.run(600, lambda k, x: x + 5.0 * k / 600)
    assert raised(findings) & {"drift", "level"}


def test_a_quiet_second_day_raises_nothing(plant):
    assert raised(plant.run(DAY // 10)) == set()


def test_frozen_learning_raises_and_teaches_nothing(plant):
    plant.bank.freeze(True)
    assert "spike" in raised(plant.run(1, lambda k, x: x + 6.0))
    before = plant.bank._state.values.short.center
    plant.run(2000, lambda k, x: x + 0.4)
    assert plant.bank._state.values.short.center == before


def test_reset_forgets_everything(plant):
    plant.bank.reset()
    fresh = SensorBank(plant.bank.profile)
    assert plant.bank.dump() == fresh.dump()


def test_the_cheap_kinds_do_not_touch_the_statistics():
    plant = Plant(Profile(interval=10.0, detectors=CHEAP))
    plant.run(500)
    assert plant.bank._state.values.local.n == 0


def test_findings_are_one_line_with_the_unit():
    plant = Plant(Profile(interval=10.0, unit="kW", warning_high=60.0))
    findings = [*plant.run(1000), *plant.run(30, lambda k, x: x + 20.0)]
    assert findings
    assert all("\n" not in f.message and "kW" in f.message for f in findings if f.level)
