"""What there is to show of why an alarm was raised. Times are seconds since the epoch, values in the sensor's unit."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Curve", "Evidence", "Occurrence", "Past", "Why"]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of an alarm, as its journal tells it."""

    occurrence_id: str
    began: float
    #: when its condition was over; None: it stands
    ended: float | None = None
    #: the worst that it had
    severity: str = ""
    value: float | None = None
    expected: float | None = None
    limit: float | None = None
    score: float | None = None
    detector: str = ""
    message: str = ""
    acked_by: str = ""
    #: who marked it as false, empty: nobody; and the reason that was given
    false_by: str = ""
    false_reason: str = ""
    #: what operators said of it, each with its author, oldest first
    words: tuple[str, ...] = ()
    simulated: bool = False
    #: the value that was farthest out while it stood, where roll-ups of that time are kept
    peak: float | None = None

    @property
    def length(self) -> float | None:
        """How long its condition stood, seconds; None while it does."""
        return None if self.ended is None else max(0.0, self.ended - self.began)

    @property
    def side(self) -> int:
        """1: above what was expected or allowed, -1: below, 0: not known."""
        for reference in (self.expected, self.limit):
            if self.value is not None and reference is not None and self.value != reference:
                return 1 if self.value > reference else -1
        return 0 if not self.score else 1 if self.score > 0.0 else -1


@dataclass(frozen=True, slots=True)
class Past:
    """Earlier occurrences of the same alarm, and how many of all of them were marked as false."""

    #: those that are most like this one, the nearest first
    similar: tuple[Occurrence, ...] = ()
    #: earlier occurrences that are known
    count: int = 0
    #: occurrences that were marked as false, this one too
    marked_false: int = 0
    #: the begin of the oldest that is known
    since: float | None = None
    #: whether there may be older ones, which were not looked at
    cut: bool = False
    #: the factor by which alarms and operators have raised the limits of this kind; 1: none
    raised_limit: float = 1.0
    #: whether a mark waits for a worker to learn from it
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """One detector: how near it was to its limit; 1.0 is the limit."""

    kind: str
    #: (time, multiple of the limit), at most a few hundred, the highest of each stretch
    points: tuple[tuple[float, float], ...]
    highest: float
    highest_at: float
    #: when it was first beyond its limit about this alarm, computed again; None: it was not
    over_at: float | None = None
    #: when its alarm was raised in the plant; None: it was not, about this time
    rang_at: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """Readings, oldest first, thinned to the lowest and the highest of each stretch; and what was expected of each."""

    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    #: between which values each was expected; None: not known
    lows: tuple[float | None, ...] = ()
    highs: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """All of it, of one alarm."""

    sensor_id: str
    kind: str
    occurrence: Occurrence | None
    #: the span of time that is shown
    start: float
    end: float
    unit: str = ""
    curve: Curve = Curve()
    #: what was expected, and how that was found, in two words and in a sentence; empty: nothing is known
    band: str = ""
    band_origin: str = ""
    band_source: str = ""
    #: the sensor's own limits: ("warning" or "critical", value)
    limits: tuple[tuple[str, float], ...] = ()
    #: those that rang first, then those that were nearest to their limits
    evidence: tuple[Evidence, ...] = ()
    #: readings before the span from which the detectors have learned for this
    learned: int = 0
    #: kind and time of the alarm of this sensor that was raised first in this disturbance
    first: tuple[str, float] | None = None
    #: what is not there, and why
    notes: tuple[str, ...] = ()
    past: Past = Past()

    @property
    def own(self) -> Evidence | None:
        """The evidence of the alarm's own detector."""
        return next((evidence for evidence in self.evidence if evidence.kind == self.kind), None)
