"""How well a backtest found what was labelled: events, not points, since point-adjusted figures flatter anybody."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from controlroom.core.backtest.labels import DAY_S, Window
from controlroom.core.backtest.series import Outcome

#: Alarms of one kind that follow each other more closely are one.
EPISODE_S = 300.0
EPISODE_ROWS = 5


@dataclass(slots=True)
class Measures:
    """Counts, over one series or many: see `document` for what they come to."""

    events: int = 0
    found: int = 0
    named: int = 0
    nameable: int = 0
    false: int = 0
    #: time that is labelled as normal, days
    days: float = 0.0
    delays_s: list[float] = field(default_factory=list)
    delays_rows: list[float] = field(default_factory=list)
    #: by row: true and false positives, false and true negatives, of the predictions
    table: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    by_name: dict[str, list[int]] = field(default_factory=dict)

    def add(self, other: Measures) -> None:
        """Count another series' in."""
        self.events += other.events
        self.found += other.found
        self.named += other.named
        self.nameable += other.nameable
        self.false += other.false
        self.days += other.days
        self.delays_s += other.delays_s
        self.delays_rows += other.delays_rows
        self.table = [a + b for a, b in zip(self.table, other.table, strict=True)]
        for name, (found, events) in other.by_name.items():
            mine = self.by_name.setdefault(name, [0, 0])
            mine[0] += found
            mine[1] += events

    @property
    def recall(self) -> float | None:
        """Share of the events that were found."""
        return self.found / self.events if self.events else None

    @property
    def precision(self) -> float | None:
        """Found events over those and the false alarms."""
        return self.found / (self.found + self.false) if self.found + self.false else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two."""
        recall, precision = self.recall, self.precision
        if recall is None:
            return None
        return 2 * precision * recall / (precision + recall) if precision and recall else 0.0

    @property
    def delay_s(self) -> float | None:
        """Median delay of what was found, seconds."""
        return statistics.median(self.delays_s) if self.delays_s else None

    @property
    def false_per_day(self) -> float | None:
        """False alarms a sensor and day of normal time."""
        return self.false / self.days if self.days > 0.0 else None

    def document(self) -> dict[str, Any]:
        """All figures, for JSON."""
        true, false, missed, quiet = self.table
        found: dict[str, Any] = {
            "events": self.events, "found": self.found, "event_recall": self.recall,
            "event_precision": self.precision, "event_f1": self.f1,
            "median_delay_s": self.delay_s,
            "median_delay_rows": statistics.median(self.delays_rows) if self.delays_rows else None,
            "false_alarms": self.false, "false_alarms_per_sensor_day": self.false_per_day,
        }  # fmt: skip
        if self.nameable:
            found["named"] = self.named
            found["found_by_name"] = {name: {"found": a, "events": b} for name, (a, b) in sorted(self.by_name.items())}
        if sum(self.table):
            found["rows"] = {
                "f1": 2 * true / (2 * true + false + missed) if true else 0.0,
                "false_alarm_percent": 100 * false / (false + quiet) if false + quiet else None,
                "missed_percent": 100 * missed / (missed + true) if missed + true else None,
            }
        return found


def measure(
    outcome: Outcome,
    windows: Sequence[Window],
    *,
    learn_rows: int,
    learn_s: float = 0.0,
    threshold: float | None = None,
) -> Measures:
    """Score what was raised against what was labelled.

    Args:
        outcome: of the series.
        windows: its faults.
        learn_rows: alarms in so many first rows are not scored.
        learn_s: the same in seconds.
        threshold: the alarms are where the score comes to this, in place of what the bank raises.
    """
    result = Measures()
    if not outcome.rows:
        return result
    first = outcome.times[min(learn_rows, outcome.rows - 1)]
    begin = max(first, outcome.times[0] + learn_s)
    alarms = _alarms(outcome, threshold)
    episode = max(EPISODE_S, EPISODE_ROWS * outcome.interval)
    for window in windows:
        if window.end < begin:
            continue
        result.events += 1
        hits = [alarm for alarm in alarms if max(begin, window.start) <= alarm[0] <= window.end]
        tally = result.by_name.setdefault(window.name, [0, 0])
        tally[1] += 1
        result.nameable += bool(window.name)
        if hits:
            result.found += 1
            tally[0] += 1
            result.named += any(kind == window.name for _, _, kind in hits)
            t, row, _ = hits[0]
            result.delays_s.append(t - window.start)
            result.delays_rows.append(sum(window.start <= at for at in outcome.times[: row + 1]) - 1)
    last: dict[str, float] = {}
    for t, row, kind in alarms:
        if t < begin or (row < learn_rows and not learn_s):
            continue
        if any(window.start - window.before <= t <= window.forgiven for window in windows):
            continue
        result.false += t - last.get(kind, float("-inf")) >= episode
        last[kind] = t
    excluded = sum(max(0.0, w.forgiven - max(begin, w.start - w.before)) for w in windows)
    result.days = max(0.0, outcome.times[-1] - begin - excluded) / DAY_S
    if outcome.marks:
        for mark, prediction in zip(outcome.marks[learn_rows:], outcome.predictions[learn_rows:], strict=True):
            result.table[(0 if prediction else 2) if mark else (1 if prediction else 3)] += 1
    return result


def _alarms(outcome: Outcome, threshold: float | None) -> list[tuple[float, int, str]]:
    """(arrival or event time, row, kind)."""
    if threshold is None:
        return [(raised.t, raised.row, raised.finding.kind) for raised in outcome.raised]
    found = []
    above = False
    for row, score in enumerate(outcome.scores):
        if score >= threshold and not above:
            found.append((outcome.times[row], row, "score"))
        above = score >= threshold
    return found
