"""One row of the list of suppressed alarms: what, why, by whom, and when it ends."""

from __future__ import annotations

from controlroom.core.alarms.disturbance import kinds_text
from controlroom.core.alarms.model import Alarm, Label
from controlroom.core.cells import left, right
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.alarm_row import state_text
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.marks import edge_mark
from controlroom.ui.render.numbers import age_text, clock_text

_SENSOR = 17
_WIDE_SENSOR = 24
_WIDE = 110
_WHO = 9


def suppressed_head(width: int) -> Line:
    """The names of the columns."""
    names = f" {'state':9} {left('sensor', _sensor(width))} {'kind':8} {'ends':>14}  {left('by', _WHO)} why"
    return fit([(names, Role.TITLE_DIM)], width, Role.TITLE)


def suppressed_row(alarm: Alarm, now: float, width: int, glyphs: Glyphs, *, selected: bool, marked: bool) -> Line:
    """State, sensor, kind, end, author, reason."""
    who, why = _author(alarm)
    return fit(
        [
            edge_mark(glyphs, selected=selected, marked=marked),
            (left(state_text(str(alarm.label)), 9), Role.TEXT),
            (f" {left(sanitise(alarm.sensor_id, limit=64), _sensor(width))} ", Role.TEXT),
            (left(sanitise(kinds_text(alarm.kinds), limit=32), 8), Role.TEXT),
            (f" {right(end_text(alarm, now), 14)}  ", Role.DIM if alarm.shelf is None else Role.TEXT),
            (f"{left(sanitise(who, limit=32), _WHO)} ", Role.DIM),
            (sanitise(why, limit=120), Role.TEXT),
        ],
        width,
    )


def suppressed_line(alarm: Alarm) -> Line:
    """All of it, for the status line."""
    who, why = _author(alarm)
    return [
        (f" {sanitise(alarm.sensor_id, limit=64)} {sanitise(alarm.kind, limit=32)}", Role.STRONG),
        (f"  {sanitise(who, limit=64)}: {sanitise(why, limit=500)}" if who else f"  {sanitise(why)}", Role.TEXT),
    ]


def end_text(alarm: Alarm, now: float) -> str:
    """When the suppression ends: `14:33:22  30m`."""
    if alarm.out_of_service is not None:
        return "when returned"
    if alarm.by_design:
        return "with its cause"
    if alarm.shelf is None:
        return ""
    # An instant that lies ahead is rounded up: a shelf of 30 minutes does not begin with 29.
    ahead = age_text(alarm.shelf.until - now + 0.999)
    return f"{clock_text(alarm.shelf.until)} {right(ahead, 4)}"


def _author(alarm: Alarm) -> tuple[str, str]:
    if alarm.label is Label.OUT_OF_SERVICE and alarm.out_of_service is not None:
        return alarm.out_of_service.who, alarm.out_of_service.reason
    if alarm.by_design:
        return "", ", ".join(alarm.by_design)
    if alarm.shelf is None:
        return "", ""
    return alarm.shelf.who, f"{'until normal: ' if alarm.shelf.one_shot else ''}{alarm.shelf.reason}"


def _sensor(width: int) -> int:
    return _SENSOR if width < _WIDE else _WIDE_SENSOR
