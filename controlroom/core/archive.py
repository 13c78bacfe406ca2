"""What the screen has looked up in PostgreSQL: answers, with how old each is.

A screen asks through `controlroom.ports.History` and goes on; the answer is put here by the link's thread, and the next
tick of the screen finds it. An answer that is a failure says why, and leaves what was known before in place.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Generic, Literal, TypeVar

from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.measures import Report
from controlroom.core.alarms.model import Alarm
from controlroom.core.handover import Given, Handover
from controlroom.core.trends import AlarmJump, SavedTrend, TrendData, TrendQuestion
from controlroom.core.why.model import Why
from controlroom.wire import AlarmEvent

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

#: answers of one sort that are kept
MOST = 32
#: each may hold a few megabytes
MOST_TRENDS = 8

Resolution = Literal["raw", "minute", "hour"]


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """One answer; times are seconds since the epoch."""

    at: float
    value: T | None = None
    #: why the last question had no answer; empty when it had one
    error: str = ""


class Answers(Generic[K, T]):
    """The newest answer to each question of one sort, `most` of them. One thread writes, another reads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._answers: dict[K, Answer[T]] = {}

    def get(self, key: K) -> Answer[T] | None:
        """The answer; None while there is none."""
        return self._answers.get(key)

    def put(self, key: K, value: T, at: float) -> None:
        """Keep an answer; the one that was put longest ago goes when there are too many."""
        self._answers.pop(key, None)
        self._answers[key] = Answer(at, value)
        while len(self._answers) > self._most:
            del self._answers[next(iter(self._answers))]

    def fail(self, key: K, error: str, at: float) -> None:
        """The question has no answer now; what was known before stays, with its age."""
        before = self._answers.get(key)
        self._answers[key] = Answer(at, None, error) if before is None else replace(before, error=error)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the readings of a span, in the sensor's unit."""

    count: int
    low: float
    high: float
    mean: float
    #: standard deviation; None for fewer than two
    deviation: float | None
    last: float


@dataclass(frozen=True, slots=True)
class Series:
    """A sensor over a span of time. A point is a reading, or the mean of a minute or an hour between low and high."""

    start: float
    end: float
    resolution: Resolution
    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    #: empty for raw readings
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    statistics: Statistics | None = None
    #: (time, combined anomaly score 0 to 1 of the sensor's detectors), computed again from the raw readings
    scores: tuple[tuple[float, float], ...] = ()
    #: what happened to the sensor's alarms, oldest first
    events: tuple[AlarmEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """All that is known of one alarm."""

    alarm: Alarm
    definition: Definition
    #: (when it was recorded, what happened), the latest first
    journal: tuple[tuple[float, AlarmEvent], ...]
    #: the alarms that this one stands for
    children: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window, in which nothing is learned; times are seconds since the epoch."""

    start: float
    end: float
    who: str = ""


@dataclass(frozen=True, slots=True)
class LearningFacts:
    """What operators have told the detectors of a sensor, as far as it may still count, and how these judge it."""

    #: since when nothing is learned, and who ordered it; None: it is learned
    frozen_at: float | None = None
    frozen_by: str = ""
    #: in order of their begin; some may be over
    windows: tuple[Window, ...] = ()
    #: the words of orders that no worker has carried out yet, in order
    waiting: tuple[str, ...] = ()
    #: the kind of its signal, as its detectors have found it; empty: not known
    signal: str = ""
    #: by kind of alarm, the factor by which alarms and operators have raised its limits, where they have
    raised_limits: tuple[tuple[str, float], ...] = ()

    def stopped(self, now: float) -> bool:
        """Whether nothing is learned now."""
        return self.frozen_at is not None or any(window.start <= now < window.end for window in self.windows)


@dataclass(slots=True)
class Archive:
    """Everything that was looked up."""

    #: (sensor id, seconds) -> what it did in them
    series: Answers[tuple[str, float], Series] = field(default_factory=Answers)
    #: (sensor id, kind) -> the alarm
    alarms: Answers[tuple[str, str], AlarmRecord] = field(default_factory=Answers)
    #: (sensor id, kind) -> why it was raised
    why: Answers[tuple[str, str], Why] = field(default_factory=Answers)
    #: "" -> every alarm that is shelved, out of service or suppressed by design
    suppressed: Answers[str, tuple[Alarm, ...]] = field(default_factory=Answers)
    #: "" -> the measures of the last day
    measures: Answers[str, Report] = field(default_factory=Answers)
    #: sensor id -> what its detectors were told
    learning: Answers[str, LearningFacts] = field(default_factory=Answers)
    #: "" -> the report of the running shift, and the newest handover that nobody has signed
    shift: Answers[str, tuple[Handover, Given | None]] = field(default_factory=Answers)
    #: what trends show
    trends: Answers[TrendQuestion, TrendData] = field(default_factory=lambda: Answers(MOST_TRENDS))
    #: when the alarm was raised that a trend is to go to; None: there is none
    alarm_jumps: Answers[AlarmJump, float | None] = field(default_factory=Answers)
    #: "" -> the trends that are saved by name
    saved_trends: Answers[str, tuple[SavedTrend, ...]] = field(default_factory=Answers)
