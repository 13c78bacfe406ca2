"""One row of the list of live alarms."""

from __future__ import annotations

from controlroom.core.alarm_view import AlarmView
from controlroom.core.alarms.disturbance import kinds_text
from controlroom.core.bridges import is_part
from controlroom.core.cells import left, right, tail
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit, heading
from controlroom.ui.render.marks import edge_mark, severity_mark
from controlroom.ui.render.numbers import age_text, clock_text, quantity_text

_SENSOR = 17
_WIDE_SENSOR = 24
_WIDE = 110


def alarm_head(width: int, end: Line) -> Line:
    """The names of the columns; `end` at the right."""
    sensor = _SENSOR if width < _WIDE else _WIDE_SENSOR
    names = f" {'alarm':6} {'state':9} {'since':8} {'age':>4} {left('sensor', sensor)} {'':3} {'kind':8} "
    if width >= _WIDE:
        names += f"{'value':>12}  "
    return heading(names, "message", end, width)


def alarm_row(
    alarm: AlarmView,
    now: float,
    width: int,
    glyphs: Glyphs,
    *,
    selected: bool,
    marked: bool = False,
    over: bool = False,
    first: bool = False,
) -> Line:
    """Severity, state, since when, sensor, kind, and how it was put.

    An alarm that is active keeps its severity's shape; one that went away by itself has the shape of that. `over`: it
    was closed since the list was frozen. `first`: it came first of a burst.
    """
    mark = severity_mark(alarm.severity if alarm.active else 0, glyphs, unacked=alarm.unacked)
    if over:
        mark = (f"{glyphs.normal} over", Role.DIM)
    line: Line = [
        edge_mark(glyphs, selected=selected, marked=marked),
        mark,
        (" ", Role.TEXT),
        (
            left("closed" if over else state_text(alarm.state), 9),
            Role.STRONG if alarm.unacked and not over else Role.DIM,
        ),
        (f" {clock_text(alarm.raised_at)} ", Role.TEXT),
        (f"{right(age_text(now - alarm.raised_at), 4)} ", Role.DIM),
        (_name(alarm.sensor_id, _SENSOR if width < _WIDE else _WIDE_SENSOR), Role.TEXT),
        (" ", Role.TEXT),
        ("SIM " if alarm.simulated else "    ", Role.SIM),
        (left(kinds_text(alarm.kinds), 8), Role.TEXT),
        (" ", Role.TEXT),
    ]
    if width >= _WIDE:
        value = quantity_text(alarm.value, alarm.unit) if alarm.value is not None else ""
        line.append((f"{right(value, 12)}  ", Role.TEXT))
    if first:
        line.append(("1st ", Role.STRONG))
    return fit([*line, (alarm.message, Role.TEXT)], width)


def _name(sensor_id: str, width: int) -> str:
    """A sensor, or a group; edge nodes of one source differ at the end of their names."""
    if is_part(sensor_id):
        return tail(sanitise(sensor_id, limit=128), width)
    return left(sanitise(sensor_id, limit=64), width)


def state_text(state: str) -> str:
    """An ISA-18.2 state in at most nine cells."""
    return {"BY_DESIGN": "BY DESIGN", "OUT_OF_SERVICE": "OUT SERV"}.get(state) or sanitise(state, limit=16)


def alarm_line(alarm: AlarmView) -> Line:
    """All that an alarm says, for the status line."""
    value = f"  {quantity_text(alarm.value, alarm.unit)}" if alarm.value is not None else ""
    line: Line = [
        (f" {sanitise(alarm.sensor_id, limit=64)}", Role.STRONG),
        (f"  {', '.join(alarm.kinds)}{value}", Role.TEXT),
        (f"  {alarm.message}", Role.TEXT),
    ]
    if alarm.actor:
        said = f": {alarm.note}" if alarm.note and alarm.note != alarm.message else ""
        line.append((f"  {alarm.actor}{said}", Role.DIM))
    return line
