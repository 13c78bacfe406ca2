"""Run recorded readings through a bank, strictly in the order in which they came."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator

from controlroom.core.backtest.series import MachineRow, Outcome, Raised, Sample, Scored
from detectors import MachineBank, SensorBank
from detectors.cheap import CheapBank
from detectors.finding import Finding

#: Silence is looked for at whole seconds, as the worker does.
TICK_S = 1.0
#: A file's time that does not advance is moved so far after the last one, so that every reading is judged.
LEAST_S = 0.001


def watch(bank: SensorBank | CheapBank, samples: Iterable[Sample], outcome: Outcome) -> Iterator[tuple[Sample, Scored]]:
    """Run a sensor's readings through its bank; `outcome` collects what came of them, each row is handed on.

    Readings without an arrival time arrive at their event time; readings without numbers are never repeats.
    """
    last = -math.inf
    standing: set[str] = set()
    score = 0.0
    for row, sample in enumerate(samples):
        began = time.process_time()
        t, value = sample.t, sample.value
        if sample.arrived is None:
            last = t = arrived = t if t > last else last + LEAST_S
        else:
            arrived = sample.arrived
        for at, finding in _let_pass(bank, arrived):
            _note(outcome, standing, at, row, finding)
        if isinstance(bank, CheapBank) and value is not None:
            score = bank.score_of(value)
        findings = bank.reject(arrived) if value is None else bank.observe(sample.seq, t, arrived, value)
        for finding in findings:
            _note(outcome, standing, arrived, row, finding)
        if isinstance(bank, SensorBank):
            score = bank.score
        outcome.cpu_s += time.process_time() - began
        outcome.unreadable += value is None
        outcome.times.append(sample.t)
        outcome.values.append(math.nan if value is None else value)
        outcome.scores.append(score)
        outcome.predictions.append(bool(standing))
        yield sample, Scored(score, int(bool(standing)))
    outcome.state_bytes = len(bank.dump())


def watch_machine(
    bank: MachineBank, rows: Iterable[MachineRow], outcome: Outcome
) -> Iterator[tuple[MachineRow, Scored]]:
    """The same for all channels of one machine."""
    was = 0
    for number, row in enumerate(rows):
        began = time.process_time()
        score, prediction, shares = bank.observe(row.t, row.values)
        outcome.cpu_s += time.process_time() - began
        outcome.unreadable += any(value is None for value in row.values)
        if prediction and not was:
            outcome.raised.append(Raised(row.t, number, _machine_finding(row.t, score, shares)))
        was = prediction
        outcome.times.append(row.t)
        outcome.values.append(score)
        outcome.scores.append(score)
        outcome.predictions.append(prediction)
        yield row, Scored(score, prediction)
    outcome.state_bytes = len(bank.dump())


def _let_pass(bank: SensorBank | CheapBank, until: float) -> Iterator[tuple[float, Finding]]:
    """The clock comes to `until` with no reading to show it: silence is found in it, and conditions end."""
    while (due := bank.due) < until:
        at = (math.floor(due / TICK_S) + 1.0) * TICK_S
        if at >= until:
            return
        for finding in bank.tick(at):
            yield at, finding
        if bank.due <= due:
            return


def _note(outcome: Outcome, standing: set[str], at: float, row: int, finding: Finding) -> None:
    if finding.level:
        standing.add(finding.kind)
        outcome.raised.append(Raised(at, row, finding))
    else:
        standing.discard(finding.kind)


def _machine_finding(t: float, score: float, shares: dict[str, float]) -> Finding:
    most = sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:3]
    named = ", ".join(f"{name} {share:.0%}" for name, share in most if share >= 0.1)
    return Finding("machine", 1, t, None, None, 0.5, score, "machine", f"its sensors are not as they were: {named}")
