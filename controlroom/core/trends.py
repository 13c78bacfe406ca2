"""Trends: a few curves of any sensors on one time axis, what is looked up for them, and how they are kept by name."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from controlroom.core.fault_view import FaultView
from controlroom.wire import AlarmEvent

#: curves in one chart
MOST_CURVES = 8
#: cells of a trend's name
LONGEST_NAME = 48


class Trend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a trend shows; kept as JSON under its name."""

    sensors: tuple[str, ...]
    #: seconds
    span: float
    #: one scale for all curves; else each has its own
    shared: bool = False
    #: seconds before, of the same span that is drawn over it; 0: none
    overlay: float = 0.0


@dataclass(frozen=True, slots=True)
class SavedTrend:
    """A trend that all operators can open; the time is seconds since the epoch."""

    name: str
    trend: Trend
    saved_by: str
    saved_at: float


@dataclass(frozen=True, slots=True)
class TrendQuestion:
    """What the screen asks of the database."""

    sensors: tuple[str, ...]
    #: seconds
    span: float
    #: the end of the span, seconds since the epoch; None: the present
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One sensor's points in order of time. A point is a reading, or the mean of a bucket between its low and high."""

    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    #: empty for readings
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    #: seconds that a point stands for; 0: a reading
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class TrendData:
    """The answer: curves by sensor, and what happened to these sensors from `start` to `end`."""

    start: float
    end: float
    curves: dict[str, Curve] = field(default_factory=dict)
    #: oldest first; they begin with what stood at `start`
    events: tuple[AlarmEvent, ...] = ()
    faults: tuple[FaultView, ...] = ()
    #: the oldest roll-up that is stored of any of them, seconds since the epoch; None: none is
    first: float | None = None


@dataclass(frozen=True, slots=True)
class AlarmJump:
    """The question for the next alarm of these sensors after a moment, or the one before it (`step` -1)."""

    sensors: tuple[str, ...]
    severity: str
    at: float
    step: int


def encode_trend(trend: Trend) -> str:
    """As it is kept.

    >>> encode_trend(Trend(("temp-1",), 900.0))
    '{"sensors":["temp-1"],"span":900.0,"shared":false,"overlay":0.0}'
    """
    return msgspec.json.encode(trend).decode()


def decode_trend(text: str) -> Trend:
    """What was kept.

    Raises:
        ValueError: it is not one, or of a newer version.
    """
    return msgspec.json.decode(text, type=Trend)
