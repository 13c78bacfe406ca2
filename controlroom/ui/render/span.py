"""What a sensor's screen shows of a span of time: the readings in memory, and what PostgreSQL adds to them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from controlroom.core.archive import Answer, Series, Statistics
from controlroom.core.sensor_view import SensorView
from controlroom.wire import AlarmEvent

#: what can be chosen, shortest first: name -> seconds
SPANS: dict[str, float] = {
    "1m": 60.0,
    "5m": 300.0,
    "15m": 900.0,
    "1h": 3_600.0,
    "6h": 21_600.0,
    "24h": 86_400.0,
    "7d": 604_800.0,
}
DEFAULT_SPAN = "15m"
#: a sensor whose readings are dated so far from when they arrived lives in a time of its own
_OWN_TIME_S = 3_600.0
#: of longer spans a single reading is not seen
_BY_READING_S = 3_600.0


@dataclass(frozen=True, slots=True)
class SpanData:
    """From `start` to `end`, seconds since the epoch; a point is a reading, or a mean between a low and a high."""

    start: float
    end: float
    times: list[float]
    values: list[float]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    statistics: Statistics | None
    #: None: not kept for this span
    scores: tuple[tuple[float, float], ...] | None
    #: oldest first
    events: list[AlarmEvent]
    #: what a point stands for, seconds; 0: itself
    width: float
    #: what the points are, and whether the database still owes some
    source: str


def end_of(view: SensorView, now: float) -> float:
    """Where a span that ends with the present ends, in whole seconds."""
    last, seen = view.last_time, view.seen_at
    own_time = last is not None and seen is not None and abs(seen - last) > _OWN_TIME_S
    return float(math.ceil(last + 1e-3 if own_time and last is not None else now))


def redraw_stamp(view: SensorView, end: float, seconds: float, cells: int) -> tuple[int, int]:
    """Changes when a chart that is `cells` wide would look different: by half a cell, a short span by a reading."""
    step = max(1.0, seconds / max(1, 2 * cells))
    return int(end // step), view.version if seconds <= _BY_READING_S else 0


def span_data(
    view: SensorView,
    answer: Answer[Series] | None,
    heard: Iterable[AlarmEvent],
    seconds: float,
    end: float,
    *,
    asks: bool,
) -> SpanData:
    """The span; `heard` are the events of this sensor that the feed has, `asks` says that the database is asked."""
    start = end - seconds
    kept = answer.value if answer is not None else None
    times, values, source = _memory(view)
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    scores: tuple[tuple[float, float], ...] | None = None
    statistics, width = None, 0.0
    if kept is not None and kept.resolution == "raw":
        first = times[0] if times else math.inf
        older = [(at, value) for at, value in zip(kept.times, kept.values, strict=True) if at < first]
        times = [*(at for at, _ in older), *times]
        values = [*(value for _, value in older), *values]
        scores = tuple((at, score) for at, score in kept.scores if start <= at < end)
        source = "readings"
    elif kept is not None:
        times, values, lows, highs = list(kept.times), list(kept.values), kept.lows, kept.highs
        statistics, source = kept.statistics, f"{kept.resolution} means"
        width = 60.0 if kept.resolution == "minute" else 3_600.0
    inside = [index for index, at in enumerate(times) if start <= at < end]
    times, values = [times[index] for index in inside], [values[index] for index in inside]
    if lows:
        lows, highs = tuple(lows[index] for index in inside), tuple(highs[index] for index in inside)
    else:
        statistics = _statistics(values)
    if answer is not None and answer.error:
        source = f"{source}; database away"
    elif kept is None and asks:
        source = f"{source}; asking the database"
    return SpanData(start, end, times, values, lows, highs, statistics, scores, _events(kept, heard), width, source)


def _memory(view: SensorView) -> tuple[list[float], list[float], str]:
    # The writer may add a reading between the two: the newest `count` of both are the same readings.
    times, values = view.history.times(), view.history.values()
    count = min(len(times), len(values))
    # Readings may overtake each other on their way; a curve must not go back in time.
    points = sorted(zip(times[-count:], values[-count:], strict=True)) if count else []
    return [at for at, _ in points], [value for _, value in points], "memory"


def _statistics(values: list[float]) -> Statistics | None:
    if not values:
        return None
    deviation = stdev(values) if len(values) > 1 else None
    return Statistics(len(values), min(values), max(values), fmean(values), deviation, values[-1])


def _events(kept: Series | None, heard: Iterable[AlarmEvent]) -> list[AlarmEvent]:
    events = {event.event_id: event for event in (kept.events if kept is not None else ())}
    events.update((event.event_id, event) for event in heard)
    return sorted(events.values(), key=lambda event: (event.timestamp, event.version))
