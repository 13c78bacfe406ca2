import random

import pytest

from detectors import MachineBank


def rows(count, seed=2, shift=0.0):
    rng = random.Random(seed)
    load = 0.0
    for _ in range(count):
        load += 0.1 * (rng.gauss(0, 1) - load)
        yield (5.0 + 0.1 * rng.gauss(0, 1) + shift, 30.0 + load, 70.0 + 0.5 * rng.gauss(0, 1))


def run(bank, stream, start=0):
    return [bank.observe(float(start + i), row) for i, row in enumerate(stream)]


@pytest.fixture
def bank():
    bank = MachineBank(("pressure", "flow", "temperature"), learn=400)
    run(bank, rows(400))
    return bank


def test_a_shift_of_one_channel_is_the_machine_s_alarm_and_names_the_channel(bank):
    results = run(bank, rows(60, seed=3, shift=1.0))
    score, prediction, contributions = results[-1]
    assert prediction == 1
    assert score > 0.5
    assert max(contributions, key=contributions.get) == "pressure"


def test_few_false_alarms_without_a_fault(bank):
    assert sum(prediction for _, prediction, _ in run(bank, rows(2000, seed=4))) < 80


def test_the_alarm_ends_when_the_machine_is_back(bank):
    run(bank, rows(100, seed=3, shift=1.0))
    assert [prediction for _, prediction, _ in run(bank, rows(100, seed=5))][-1] == 0


def test_nothing_is_said_while_it_learns():
    bank = MachineBank(("a",), learn=100)
    assert {bank.observe(float(i), (1e6 * i,))[1] for i in range(100)} == {0}


def test_a_missing_channel_is_passed_over(bank):
    assert run(bank, [(5.0, None, None)] * 50)[-1][1] == 0


def test_save_and_load_between_any_two_rows(bank):
    other = MachineBank.load(bank.dump())
    for i, row in enumerate(rows(300, seed=6, shift=0.3)):
        other = MachineBank.load(other.dump())
        assert other.observe(float(i), row) == bank.observe(float(i), row)


def test_wrong_rows_and_bytes_are_refused(bank):
    with pytest.raises(ValueError, match="zip"):
        bank.observe(0.0, (1.0,))
    with pytest.raises(ValueError, match="machine state"):
        MachineBank.load(b"\x01\x00")
    with pytest.raises(ValueError, match="at least one channel"):
        MachineBank((), learn=400)
    with pytest.raises(ValueError, match="more than 60"):
        MachineBank(("a",), learn=60)


def test_a_channel_that_stood_still_and_moved_once_is_an_alarm_that_ends():
    bank = MachineBank(("valve", "flow"), learn=100)
    rng = random.Random(8)
    moved = [bank.observe(float(i), (float(i == 150), 30.0 + rng.gauss(0, 1)))[1] for i in range(400)]
    assert sum(moved[:150]) == 0
    assert moved[150] == 1
    assert sum(moved) < 60


def test_a_level_that_wanders_may_be_further_away_the_longer_ago_it_was_learned():
    rng = random.Random(9)
    bank = MachineBank(("still", "wandering"))
    level, predictions = 0.0, []
    for i in range(8000):
        level += 0.1 * rng.gauss(0, 1)
        predictions.append(bank.observe(float(i), (rng.gauss(0, 1), level))[1])
    assert sum(predictions) < 80
    # The same distance is a fault of the sensor that stays where it is.
    now = [bank.observe(8000.0 + i, (5.0 + rng.gauss(0, 1), level))[1] for i in range(30)]
    assert now[-1] == 1


def test_a_held_fault_stays_an_alarm_and_is_not_learned(bank):
    held = [prediction for _, prediction, _ in run(bank, rows(3000, seed=3, shift=1.0))]
    assert all(held[60:])
