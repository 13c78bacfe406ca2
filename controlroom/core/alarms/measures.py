"""The measures of an alarm system against the targets of ISA-18.2 and EEMUA 191, streamed over its journal.

Feed the journal in order of time, an hour of it or months: what is kept grows with the alarms that exist, not with
the lines read. Lines from before the period only tell what stands when it begins. All times must be of one clock;
where operators act, that is wall-clock time (the time at which a line was recorded).
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import Counter
from enum import StrEnum
from itertools import pairwise
from statistics import median

import msgspec

from controlroom.core.alarms.floods import FLOOD_STARTS_ABOVE, WINDOW_S, FloodMeter, FloodPeriod
from controlroom.core.alarms.model import Priority
from controlroom.core.alarms.transitions import Transition, TransitionKind

__all__ = ["Frequent", "Measure", "Measurement", "Record", "Report", "Verdict", "record_of"]

STALE_S = 86_400.0
DAY_S = 86_400.0
RESPONSE_EDGES_S = (60.0, 300.0, 600.0, 1800.0, 3600.0)
"""Where the classes of response times end; the last class has no end."""
FLEETING_S = 10.0
"""An alarm that is gone sooner than this left its operator nothing to do. The standards name no figure."""


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the measures need of a journal line; seconds since the epoch."""

    at: float
    event: TransitionKind
    sensor_id: str
    alarm_kind: str
    occurrence_id: str = ""
    annunciated: bool = False
    priority: Priority | None = None
    simulated: bool = False


def record_of(transition: Transition, at: float | None = None) -> Record:
    """The record of a journal line; ``at`` is the clock of the report where it is not the line's own."""
    return Record(
        at=transition.at if at is None else at,
        event=transition.kind,
        sensor_id=transition.sensor_id,
        alarm_kind=transition.alarm_kind,
        occurrence_id=transition.occurrence_id,
        annunciated=transition.annunciated,
        priority=transition.priority,
        simulated=transition.simulated,
    )


class Verdict(StrEnum):
    """Against the target; NONE when there is nothing to judge."""

    PASS = "pass"  # noqa: S105  # a verdict, not a password
    MANAGEABLE = "manageable"
    FAIL = "fail"
    NONE = "n/a"


class Measure(msgspec.Struct, frozen=True):
    """One line of the table: ``value`` in ``unit`` (None if there is nothing to measure)."""

    key: str
    name: str
    value: float | None
    unit: str
    target: str
    verdict: Verdict
    detail: str = ""


class Frequent(msgspec.Struct, frozen=True):
    """An alarm with the number of its annunciations and its share of all."""

    sensor_id: str
    alarm_kind: str
    count: int
    share: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All measures of a period, and the lists behind them."""

    start: float
    end: float
    operators: int
    annunciations: int
    simulated: int
    measures: tuple[Measure, ...]
    frequent: tuple[Frequent, ...]
    chattering: tuple[Frequent, ...]
    floods: tuple[FloodPeriod, ...]
    stale: tuple[tuple[str, str, float], ...]
    """(sensor id, kind, active since) of what is active for over 24 h at the end."""
    windows: tuple[int, ...]
    """Annunciations in each 10 minutes from ``start``; the last may be cut short."""
    priorities: dict[str, int]
    response_median_s: float | None
    response_p90_s: float | None
    responses: int
    response_classes: tuple[int, ...] = ()
    """Responses within a minute, 5, 10, 30 minutes, an hour, and later ones."""


class _Open(msgspec.Struct):
    sensor_id: str
    alarm_kind: str
    active_since: float
    first_gone: float | None = None
    active: bool = True
    recurred: bool = False
    rang_at: float | None = None
    answered: bool = False


class Measurement:
    """Collects the journal of a period; ``report`` may be asked at any time, and collecting goes on."""

    def __init__(self, start: float, *, operators: int = 1, include_simulated: bool = True) -> None:
        """``start`` of the period; the load is judged per operator."""
        self._start = start
        self._operators = operators
        self._include_simulated = include_simulated
        self._total = 0
        self._simulated = 0
        self._windows = array("l")
        self._by_alarm: Counter[tuple[str, str]] = Counter()
        self._by_priority: Counter[str] = Counter()
        self._chatter: Counter[tuple[str, str]] = Counter()
        self._fleeting: Counter[tuple[str, str]] = Counter()
        self._responses = array("d")
        self._open: dict[str, _Open] = {}
        self._stale_days: Counter[int] = Counter()
        self._flood = FloodMeter(operators)

    def add(self, record: Record) -> None:
        """The next line of the journal."""
        if record.simulated and not self._include_simulated:
            return
        counted = record.at >= self._start
        self._follow(record, counted=counted)
        if counted and record.event is TransitionKind.CHATTER:
            self._chatter[record.sensor_id, record.alarm_kind] += 1
        if not counted or not record.annunciated:
            return
        self._total += 1
        self._simulated += record.simulated
        window = int((record.at - self._start) // WINDOW_S)
        self._windows.extend([0] * (window + 1 - len(self._windows)))
        self._windows[window] += 1
        self._by_alarm[record.sensor_id, record.alarm_kind] += 1
        if record.priority is not None:
            self._by_priority[record.priority.value] += 1
        self._flood.annunciated(record.at)

    def _follow(self, record: Record, *, counted: bool) -> None:
        """What the occurrence of this line does: for stale and fleeting alarms and response times."""
        occurrence = self._open.get(record.occurrence_id)
        if record.event is TransitionKind.RAISED:
            occurrence = _Open(record.sensor_id, record.alarm_kind, record.at)
            self._open[record.occurrence_id] = occurrence
        if occurrence is None:
            return
        if record.annunciated:
            occurrence.rang_at, occurrence.answered = record.at, False
        match record.event:
            case TransitionKind.RECURRED:
                if not occurrence.active:
                    occurrence.active, occurrence.active_since = True, record.at
                occurrence.recurred, occurrence.first_gone = True, None
            case TransitionKind.CLEARING:
                occurrence.first_gone = record.at
            case TransitionKind.RETURNED:
                self._gone(occurrence, record.at, counted=counted)
            case TransitionKind.ACKED:
                if counted and occurrence.rang_at is not None and not occurrence.answered:
                    self._responses.append(max(0.0, record.at - occurrence.rang_at))
                occurrence.answered = True
            case TransitionKind.CLOSED:
                del self._open[record.occurrence_id]
            case _:
                pass

    def _gone(self, occurrence: _Open, at: float, *, counted: bool) -> None:
        if occurrence.rang_at is not None:
            self._count_stale(self._stale_days, occurrence, at)
            gone = occurrence.first_gone if occurrence.first_gone is not None else at
            if counted and not occurrence.recurred and gone - occurrence.active_since < FLEETING_S:
                self._fleeting[occurrence.sensor_id, occurrence.alarm_kind] += 1
        occurrence.active = False

    def _count_stale(self, days: Counter[int], occurrence: _Open, until: float) -> None:
        """Add the UTC days, within the period, on which the occurrence had been active for over 24 h."""
        since = max(occurrence.active_since + STALE_S, self._start)
        if since < until:
            days.update(range(int(since // DAY_S), int(until // DAY_S) + 1))

    def report(self, end: float) -> Report:
        """The measures of the period that ends at ``end``."""
        span = max(end - self._start, 1.0)
        windows = array("l", self._windows)
        windows.extend([0] * (math.ceil(span / WINDOW_S) - len(windows)))
        floods, flooded = self._flood.periods(end)
        days = Counter(self._stale_days)
        stale: list[tuple[str, str, float]] = []
        for occurrence in self._open.values():
            if occurrence.active and occurrence.rang_at is not None:
                self._count_stale(days, occurrence, end)
                if end - occurrence.active_since > STALE_S:
                    stale.append((occurrence.sensor_id, occurrence.alarm_kind, occurrence.active_since))
        frequent = self._ranked(self._by_alarm, 10)
        responses = sorted(self._responses)
        return Report(
            start=self._start,
            end=end,
            operators=self._operators,
            annunciations=self._total,
            simulated=self._simulated,
            measures=(
                self._average(span),
                self._peaks(windows),
                self._flooded(flooded, span, len(floods)),
                self._top_ten(frequent),
                self._nuisance("chattering", "chattering alarms", self._chatter),
                self._nuisance("fleeting", "fleeting alarms", self._fleeting),
                self._stale(days, len(stale)),
                *self._spread(),
            ),
            frequent=frequent,
            chattering=self._ranked(self._chatter, 10),
            floods=floods,
            stale=tuple(sorted(stale, key=lambda s: s[2])),
            windows=tuple(windows),
            priorities={p.value: self._by_priority[p.value] for p in Priority},
            response_median_s=median(responses) if responses else None,
            response_p90_s=responses[math.ceil(0.9 * len(responses)) - 1] if responses else None,
            responses=len(responses),
            response_classes=_classes(responses),
        )

    def _ranked(self, counts: Counter[tuple[str, str]], most: int) -> tuple[Frequent, ...]:
        total = counts.total() or 1
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
        return tuple(Frequent(sensor, kind, count, count / total) for (sensor, kind), count in ranked)

    def _average(self, span: float) -> Measure:
        value = self._total / (span / WINDOW_S) / self._operators
        verdict = Verdict.PASS if value <= 1 else Verdict.MANAGEABLE if value <= 2 else Verdict.FAIL
        return Measure("average", "annunciated alarms per 10 min", value, "", "about 1; at most 2 manageable", verdict)

    def _peaks(self, windows: array[int]) -> Measure:
        over = sum(count > FLOOD_STARTS_ABOVE * self._operators for count in windows)
        share = 100 * over / len(windows)
        return Measure(
            "peaks", "10-minute windows with more than 10 alarms", share, "%", "under 1 %", _pass_if(share < 1),
            f"most in one: {max(windows)}",
        )  # fmt: skip

    def _flooded(self, seconds: float, span: float, count: int) -> Measure:
        share = 100 * seconds / span
        return Measure("flood", "time in flood", share, "%", "under 1 %", _pass_if(share < 1), f"floods: {count}")

    def _top_ten(self, frequent: tuple[Frequent, ...]) -> Measure:
        share = 100 * sum(f.share for f in frequent) if frequent else None
        return Measure(
            "top-ten", "share of the ten most frequent alarms", share, "%", "under 5 %",
            Verdict.NONE if share is None else _pass_if(share < 5),
            f"of {len(self._by_alarm)} alarms that rang",
        )  # fmt: skip

    def _nuisance(self, key: str, name: str, counts: Counter[tuple[str, str]]) -> Measure:
        return Measure(key, name, len(counts), "", "0", _pass_if(not counts), f"times: {counts.total()}")

    def _stale(self, days: Counter[int], now: int) -> Measure:
        worst = max(days.values(), default=0)
        return Measure(
            "stale", "stale alarms (active over 24 h), worst day", worst, "", "under 5 on any day",
            _pass_if(worst < 5), f"{now} at the end",
        )  # fmt: skip

    def _spread(self) -> tuple[Measure, ...]:
        """Low, medium, high against 80 / 15 / 5 %; "about" is taken as 10, 10 and 5 points."""
        total = self._by_priority.total()
        goals = ((Priority.LOW, 80, 10), (Priority.MEDIUM, 15, 10), (Priority.HIGH, 5, 5))
        measures = []
        for priority, goal, tolerance in goals:
            share = 100 * self._by_priority[priority.value] / total if total else None
            verdict = Verdict.NONE if share is None else _pass_if(abs(share - goal) <= tolerance)
            measures.append(
                Measure(f"priority-{priority}", f"{priority} priority", share, "%", f"about {goal} %", verdict)
            )
        return tuple(measures)


def _classes(responses: list[float]) -> tuple[int, ...]:
    """How many of the sorted times fall in each class.

    >>> _classes([1.0, 60.0, 61.0, 9000.0])
    (2, 1, 0, 0, 0, 1)
    """
    ends = [bisect_right(responses, edge) for edge in RESPONSE_EDGES_S]
    return tuple(b - a for a, b in pairwise((0, *ends, len(responses))))


def _pass_if(good: bool) -> Verdict:  # noqa: FBT001  # the condition is the argument
    return Verdict.PASS if good else Verdict.FAIL
