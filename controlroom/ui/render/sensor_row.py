"""One row of the list of simulated sensors."""

from __future__ import annotations

from controlroom.core.cells import left, right
from controlroom.core.freshness import interval_of
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit, heading
from controlroom.ui.render.marks import edge_mark, severity_mark
from controlroom.ui.render.numbers import age_text, quantity_text
from controlroom.ui.render.sensor_state import state_word
from controlroom.wire import FaultSpec

_SENSOR = 18
_WIDE_SENSOR = 24
_WIDE = 110


def sensor_head(width: int, end: Line) -> Line:
    """The names of the columns; `end` at the right."""
    sensor = _SENSOR if width < _WIDE else _WIDE_SENSOR
    names = f"   {'alarm':6}  {left('sensor', sensor)} {'state':9} {'every':>5} {'value':>11}  "
    if width >= _WIDE:
        names += f"{'owner':16} {'readings':>9}  "
    return heading(names, "faults", end, width)


def sensor_row(
    view: SensorView, now: float, width: int, glyphs: Glyphs, *, selected: bool, marked: bool = False
) -> Line:
    """Severity, id, state, interval, value, owner where there is room, and the faults that act."""
    word = state_word(view, now)
    if view.faults and word[1] is Role.SIM:
        word = ("running", Role.DIM)  # the fault has a column of its own here
    line: Line = [
        edge_mark(glyphs, selected=selected, marked=marked),
        ("  ", Role.TEXT),
        severity_mark(view.severity, glyphs, unacked=view.unacked),
        ("  ", Role.TEXT),
        (left(view.label, _SENSOR if width < _WIDE else _WIDE_SENSOR), Role.TEXT),
        (" ", Role.TEXT),
        (left(word[0], 9), word[1]),
        (f" {right(f'{interval_of(view):g}s', 5)}", Role.DIM),
        (f" {right(quantity_text(view.last_value, view.unit), 11)}  ", Role.TEXT),
    ]
    if width >= _WIDE:
        line.append((f"{left(view.owner, 16)} {right(str(view.reading_count), 9)}  ", Role.DIM))
    for fault in view.faults:
        line.append((f"{fault_text(fault, now)}  ", Role.SIM))
    return fit(line, width)


def fault_text(fault: FaultSpec, now: float) -> str:
    """A fault with its magnitude and how long it has been acting: `drift 10 6m`."""
    size = "" if fault.magnitude is None else f" {fault.magnitude:g}"
    age = now - fault.start.timestamp()
    since = f" {age_text(age)}" if age >= 0 else " to come"
    return f"{sanitise(fault.fault, limit=24)}{size}{since}"
