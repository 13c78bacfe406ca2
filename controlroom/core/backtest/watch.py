"""Run recorded readings through a bank, strictly in the order in which they came."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from controlroom.core.backtest.series import MachineRow, Outcome, Raised, Sample, Scored
from detectors import MachineBank, SensorBank
from detectors.cheap import CheapBank
from detectors.finding import Finding

#: Silence is looked for at whole seconds, as the worker does.
TICK_S = 1.0
#: A file's time that does not advance is moved so far after the last one, so that every reading is judged.
LEAST_S = 0.001
#: Rows whose cost is measured together: a look at the clock costs as much as a detector.
CHUNK = 512


def watch(bank: SensorBank | CheapBank, samples: Iterable[Sample], outcome: Outcome) -> Iterator[tuple[Sample, Scored]]:
    """Run a sensor's readings through its bank; `outcome` collects what came of them, each row is handed on.

    Readings without an arrival time arrive at their event time; readings without numbers are never repeats.
    """
    run = SensorRun(bank, outcome)
    rows = iter(samples)
    while chunk := list(islice(rows, CHUNK)):
        began = time.process_time()
        scored = [run.take(sample) for sample in chunk]
        outcome.cpu_s += time.process_time() - began
        for sample, result in zip(chunk, scored, strict=True):
            outcome.unreadable += sample.value is None
            _keep(outcome, sample.t, math.nan if sample.value is None else sample.value, result)
            yield sample, result
    outcome.state_bytes = len(bank.dump())


def watch_machine(
    bank: MachineBank, rows: Iterable[MachineRow], outcome: Outcome
) -> Iterator[tuple[MachineRow, Scored]]:
    """The same for all channels of one machine."""
    was = number = 0
    source = iter(rows)
    while chunk := list(islice(source, CHUNK)):
        began = time.process_time()
        results = [bank.observe(row.t, row.values) for row in chunk]
        outcome.cpu_s += time.process_time() - began
        for row, (score, prediction, shares) in zip(chunk, results, strict=True):
            outcome.unreadable += any(value is None for value in row.values)
            if prediction and not was:
                outcome.raised.append(Raised(row.t, number, machine_finding(row.t, score, shares)))
            was = prediction
            number += 1
            scored = Scored(score, prediction)
            _keep(outcome, row.t, score, scored)
            yield row, scored
    outcome.state_bytes = len(bank.dump())


class SensorRun:
    """A bank in the middle of a series: `take` is given one reading after another, in the order in which they came."""

    def __init__(self, bank: SensorBank | CheapBank, outcome: Outcome) -> None:
        self._bank = bank
        self._outcome = outcome
        self._last = -math.inf
        self._standing: set[str] = set()
        self._row = 0
        self._score = 0.0

    def take(self, sample: Sample) -> Scored:
        """One reading through the bank."""
        bank = self._bank
        _, t, value, seq, came = sample
        if came is None:
            self._last = t = arrived = t if t > self._last else self._last + LEAST_S
        else:
            arrived = came
        if bank.due < arrived:
            self._let_pass(arrived)
        if value is None:
            findings = bank.reject(arrived)
        elif isinstance(bank, SensorBank):
            findings = bank.observe(seq, t, arrived, value)
            self._score = bank.score
        else:
            self._score = bank.score_of(value)
            findings = bank.observe(seq, t, arrived, value)
        for finding in findings:
            self._note(arrived, finding)
        self._row += 1
        return Scored(self._score, int(bool(self._standing)))

    def _let_pass(self, until: float) -> None:
        """The clock comes to `until` with no reading to show it: silence is found in it, and conditions end."""
        bank = self._bank
        while (due := bank.due) < until:
            at = (math.floor(due / TICK_S) + 1.0) * TICK_S
            if at >= until:
                return
            for finding in bank.tick(at):
                self._note(at, finding)
            if bank.due <= due:
                return

    def _note(self, at: float, finding: Finding) -> None:
        if finding.level:
            self._standing.add(finding.kind)
            self._outcome.raised.append(Raised(at, self._row, finding))
        else:
            self._standing.discard(finding.kind)


def machine_finding(t: float, score: float, shares: dict[str, float]) -> Finding:
    """What is told of a machine's alarm: the sensors that moved, by their share of the deviation."""
    most = sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:3]
    named = ", ".join(f"{name} {share:.0%}" for name, share in most if share >= 0.1)
    return Finding("machine", 1, t, None, None, None, score, "machine", f"its sensors are not as they were: {named}")


def _keep(outcome: Outcome, t: float, value: float, scored: Scored) -> None:
    outcome.times.append(t)
    outcome.values.append(value)
    outcome.scores.append(scored.score)
    outcome.predictions.append(scored.prediction)
