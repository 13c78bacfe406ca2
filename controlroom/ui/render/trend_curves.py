"""The curves of a trend, from what is in memory and what PostgreSQL has answered, and what happened on their axis."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

from controlroom.core.archive import Answer
from controlroom.core.fault_view import FaultView
from controlroom.core.freshness import interval_of
from controlroom.core.plant_state import PlantState
from controlroom.core.sensor_view import SensorView
from controlroom.core.trends import Curve, TrendData
from controlroom.ui.render.trend_chart import TrendCurve
from controlroom.ui.render.trend_window import TrendWindow
from controlroom.wire import AlarmEvent


@dataclass(frozen=True, slots=True)
class TrendPicture:
    """All that the screen draws of a trend."""

    axis: tuple[float, float]
    curves: list[TrendCurve]
    #: oldest first
    events: list[AlarmEvent]
    faults: list[FaultView]
    #: what the points are, and what the database still owes
    source: str


def picture_of(
    window: TrendWindow,
    state: PlantState,
    now: float,
    answer: Answer[TrendData] | None,
    earlier: Answer[TrendData] | None,
    *,
    asks: bool,
) -> TrendPicture:
    """The trend now; `asks`: the database is asked."""
    start, end = axis = window.axis(now)
    kept = answer.value if answer is not None else None
    before = earlier.value if earlier is not None else None
    curves = []
    for index, sensor_id in enumerate(window.sensors):
        view = state.sensors.get(sensor_id)
        curve = (kept.curves.get(sensor_id) if kept is not None else None) or Curve()
        if view is not None:
            curve = with_memory(curve, view)
        over = Curve()
        if before is not None and window.overlay:
            over = between(moved(before.curves.get(sensor_id, Curve()), window.overlay), start, end)
        curves.append(
            TrendCurve(
                index + 1,
                sensor_id,
                between(curve, start, end),
                over,
                view.warning if view is not None else None,
                view.critical if view is not None else None,
                interval_of(view) if view is not None else 1.0,
            )
        )
    shown = set(window.sensors)
    events = {event.event_id: event for event in (kept.events if kept is not None else ())}
    events.update((event.event_id, event) for event in list(state.feed) if event.sensor_id in shown)
    faults = {(fault.fault_id, fault.sensors): fault for fault in (kept.faults if kept is not None else ())}
    recorded = {fault.fault_id for fault in faults.values()}
    live = [fault for fault in state.faults if shown.intersection(fault.sensors) and fault.fault_id not in recorded]
    return TrendPicture(
        axis,
        curves,
        sorted(events.values(), key=lambda event: (event.timestamp, event.version)),
        [*faults.values(), *live],
        _source(curves, answer, asks=asks),
    )


def with_memory(curve: Curve, view: SensorView) -> Curve:
    """Readings that the database has not answered yet; roll-ups stay as they are, but for what comes after them.

    Where nothing is known but what is in memory, that is the curve.
    """
    times, values = view.history.times(), view.history.values()
    count = min(len(times), len(values))
    # Readings may overtake each other on their way; a curve must not go back in time.
    points = sorted(zip(times[-count:], values[-count:], strict=True)) if count else []
    if not points:
        return curve
    last = curve.times[-1] + curve.width / 2 if curve.times else -math.inf
    fresh = [(at, value) for at, value in points if at > last]
    if not fresh:
        return curve
    late_times, late_values = tuple(at for at, _ in fresh), tuple(value for _, value in fresh)
    bounds = (*curve.lows, *late_values), (*curve.highs, *late_values)
    lows, highs = bounds if curve.lows else ((), ())
    return Curve((*curve.times, *late_times), (*curve.values, *late_values), lows, highs, curve.width)


def between(curve: Curve, start: float, end: float) -> Curve:
    """The part of a curve that is shown.

    >>> between(Curve((1.0, 2.0, 3.0), (10.0, 20.0, 30.0)), 2.0, 3.0)
    Curve(times=(2.0,), values=(20.0,), lows=(), highs=(), width=0.0)
    """
    inside = slice(bisect_left(curve.times, start), bisect_right(curve.times, end - 1e-9))
    return Curve(curve.times[inside], curve.values[inside], curve.lows[inside], curve.highs[inside], curve.width)


def moved(curve: Curve, seconds: float) -> Curve:
    """A curve that is later by so much."""
    return replace(curve, times=tuple(at + seconds for at in curve.times))


def _source(curves: list[TrendCurve], answer: Answer[TrendData] | None, *, asks: bool) -> str:
    widths = {curve.curve.width for curve in curves if curve.curve.times}
    names = [{0.0: "readings", 60.0: "minute means", 3_600.0: "hour means"}[width] for width in sorted(widths)]
    source = ", ".join(names) or "nothing stored"
    if answer is not None and answer.error:
        return f"{source}; database away"
    return f"{source}; asking the database" if asks and (answer is None or answer.value is None) else source
