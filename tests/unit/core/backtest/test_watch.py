"""A backtest is the plant's detectors, and nothing else."""

from __future__ import annotations

import random

from controlroom.core.backtest.series import MachineRow, Outcome, Sample
from controlroom.core.backtest.watch import watch, watch_machine
from detectors import MachineBank, Profile, SensorBank, score_stream
from detectors.cheap import CheapBank

PROFILE = Profile(warning_high=30.0, range_low=0.0, range_high=100.0)


def values(count: int) -> list[float]:
    rng = random.Random(4)
    return [20.0 + rng.gauss(0, 0.5) + (20.0 if i == count - 50 else 0.0) for i in range(count)]


def test_scores_are_those_of_the_bank_and_rows_come_as_they_went() -> None:
    series = [(300.0 * i, x) for i, x in enumerate(values(1500))]
    outcome = Outcome("a")
    rows = list(watch(SensorBank(Profile()), (Sample(str(t), t, x) for t, x in series), outcome))
    assert [scored.score for _, scored in rows] == [result.score for result in score_stream(series)]
    assert [sample.text for sample, _ in rows] == [str(t) for t, _ in series]
    assert list(outcome.scores) == [scored.score for _, scored in rows]
    assert {raised.row for raised in outcome.raised} >= {1450}


def test_silence_is_found_while_it_lasts_and_every_alarm_ends_as_in_the_plant() -> None:
    samples = [Sample("", float(i), 20.0 + i % 3, i + 1, i + 0.1) for i in range(400)]
    samples += [Sample("", 1000.0 + i, 20.0 + i % 3, 401 + i, 1000.1 + i) for i in range(5)]
    for bank in (SensorBank(PROFILE), CheapBank(PROFILE)):
        outcome = Outcome("a")
        for _ in watch(bank, samples, outcome):
            pass
        (dropout,) = [raised for raised in outcome.raised if raised.finding.kind == "dropout"]
        assert 399 < dropout.t < 421
        assert dropout.row == 400


def test_what_cannot_be_read_is_a_row_too() -> None:
    samples = [Sample("", float(i), None if i == 350 else 20.0 + i % 3, i + 1, float(i)) for i in range(400)]
    outcome = Outcome("a")
    assert len(list(watch(SensorBank(PROFILE), samples, outcome))) == 400
    assert (outcome.unreadable, [r.finding.kind for r in outcome.raised]) == (1, ["corrupt"])


def test_a_machines_alarm_begins_once_and_names_who_moved() -> None:
    rng = random.Random(7)
    rows = [(rng.gauss(5, 0.1), rng.gauss(30, 1) - (15 if i > 600 else 0)) for i in range(700)]
    outcome = Outcome("m")
    bank = MachineBank(["pressure", "flow"], learn=300)
    found = list(watch_machine(bank, (MachineRow(str(i), float(i), row) for i, row in enumerate(rows)), outcome))
    assert [scored.prediction for _, scored in found][-1] == 1
    (raised,) = outcome.raised
    assert raised.row > 600
    assert "flow" in raised.finding.message
