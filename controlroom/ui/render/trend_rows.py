"""The lines of a trend beside its chart: what is shown, the strips on the time axis, a row for each curve."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.core.cells import left, right
from controlroom.core.fault_view import FaultView
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.chart import Frame
from controlroom.ui.render.feed_row import happened_text, kind_text
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit, spread
from controlroom.ui.render.marks import severity_mark
from controlroom.ui.render.numbers import date_text, quantity_text, value_text
from controlroom.ui.render.timeline import act_strip, alarm_strip, fault_strip
from controlroom.ui.render.trend_chart import TrendCurve, value_at
from controlroom.wire import AlarmEvent

#: alarms, acts of operators, faults
STRIPS = 3
#: cells of a name and of a value
_LEAST_NAME, _MOST_NAME = 18, 40
_VALUE = 18


def trend_title(name: str, words: Sequence[str], span: str, axis: tuple[float, float], width: int) -> Line:
    """Its name, how it is drawn, and from when to when."""
    start: Line = [
        (" TREND ", Role.TITLE_STRONG),
        (f" {sanitise(name, limit=48)} " if name else " not saved ", Role.TITLE_STRONG if name else Role.TITLE_DIM),
        (f" {', '.join(word for word in words if word)}", Role.TITLE_DIM),
    ]
    ends: Line = [
        (f" {span} ", Role.TITLE_STRONG),
        (f"{date_text(axis[0])[5:]} to {date_text(axis[1])[5:]} ", Role.TITLE),
    ]
    return spread(start, ends, width, Role.TITLE)


def strip_lines(
    frame: Frame,
    events: Sequence[AlarmEvent],
    faults: Sequence[FaultView],
    until: float,
    width: int,
    glyphs: Glyphs,
) -> list[Line]:
    """Alarms of all curves, what operators did about them, injected faults."""
    axis, cells = frame.axis, max(1, width - frame.margin)
    strips = (
        ("alarm", alarm_strip(events, axis, until, cells, glyphs)),
        ("acts", act_strip(events, axis, cells)),
        ("fault", fault_strip(faults, axis, until, cells, glyphs)),
    )
    return [fit([(f"{right(name, frame.margin - 1)} ", Role.DIM), *strip], width) for name, strip in strips]


def legend_head(cursor: float | None, width: int, *, overlay: str) -> Line:
    """What the columns are, and at which moment the values are read."""
    at = f"at {date_text(cursor)[5:]}" if cursor is not None else "newest"
    names = f"   {left('curve', _name_cells(width))} {right(at, _VALUE)} "
    if overlay:
        names += right(overlay, 15)
    return fit([(f"{names}  lowest to highest", Role.TITLE_DIM)], width, Role.TITLE)


def legend_row(
    curve: TrendCurve,
    view: SensorView | None,
    at: float,
    width: int,
    glyphs: Glyphs,
    *,
    selected: bool,
    overlay: bool,
) -> Line:
    """One curve: number, sensor, its value at a moment, before, between what it moves, and how its sensor is now."""
    unit = view.unit if view is not None else ""
    label = view.label if view is not None else sanitise(curve.sensor_id, limit=64)
    line: Line = [
        (glyphs.cursor if selected else " ", Role.CURSOR),
        (str(curve.number), Role.STRONG),
        (f" {left(label, _name_cells(width))}", Role.STRONG if selected else Role.TEXT),
        (f" {right(quantity_text(value_at(curve.curve, at, curve.gap_s), unit), _VALUE)} ", Role.STRONG),
    ]
    if overlay:
        line.append((right(value_text(value_at(curve.before, at, curve.gap_of(curve.before))), 15), Role.SPARK))
    moved = curve.curve.values and curve.range()
    line.append((f"  {value_text(moved[0])} to {value_text(moved[1])}" if moved else "  no reading", Role.DIM))
    severity, unacked = (view.severity, view.unacked) if view is not None else (0, False)
    mark, role = severity_mark(severity, glyphs, unacked=unacked)
    return spread(line, [(" ", Role.TEXT), (mark, role)], width)


def moment_line(events: Sequence[AlarmEvent], around: tuple[float, float], width: int) -> Line:
    """What happened under the cursor, the last first."""
    start, end = around
    found = [event for event in events if start <= event.timestamp.timestamp() < end]
    line: Line = []
    for event in reversed(found):
        who = f" by {sanitise(event.actor, limit=24)}" if event.actor else ""
        said = f" {date_text(event.timestamp.timestamp())[11:]} {sanitise(event.sensor_id, limit=32)}"
        line.append((f"{said} {kind_text(event)} {happened_text(event)}{who} ", Role.TEXT))
    return fit(line, width) if line else []


def _name_cells(width: int) -> int:
    return max(_LEAST_NAME, min(_MOST_NAME, width - 62))
