"""The injected faults: what acts or acted where, since when, and which alarm found it how much later."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controlroom.core.cells import left, right
from controlroom.core.fault_view import FaultView
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.marks import SEVERITY_OF, WORDS, severity_glyph, severity_role
from controlroom.ui.render.numbers import age_text, clock_text

_FAULT = 14
_SENSOR = 18
_WIDE_SENSOR = 24
_WIDE = 110


def fault_lines(
    faults: Sequence[FaultView], time_of: Callable[[str], float], width: int, height: int, glyphs: Glyphs
) -> list[Line]:
    """A heading, and a row a fault while there is room.

    Args:
        faults: those that act first.
        time_of: the present in the time of a sensor, by its id.
        width: cells.
        height: lines, the heading among them.
        glyphs: shapes.
    """
    acting = sum(fault.end is None for fault in faults)
    found = sum(fault.delay is not None for fault in faults)
    about: Line = [(f" {found} of {len(faults)} detected, the newest first", Role.TITLE_DIM)]
    banner: Line = [(f" {acting} ACT{'S' if acting == 1 else ''} ", Role.TITLE_SIM)] if acting else []
    title = fit([(" INJECTED FAULTS ", Role.TITLE_STRONG), *banner, *about], width, Role.TITLE)
    rows = (fault_row(fault, time_of(fault.sensors[0] if fault.sensors else ""), width, glyphs) for fault in faults)
    return [title, *rows][: max(1, height)]


def fault_row(fault: FaultView, now: float, width: int, glyphs: Glyphs) -> Line:
    """State, fault, sensor, start, how long, and its detection."""
    over = fault.end is not None
    size = "" if fault.magnitude is None else f" {fault.magnitude:g}"
    state, role = (
        (fault.outcome or "over", Role.DIM)
        if over
        else ("acts", Role.SIM)
        if fault.start <= now
        else ("soon", Role.DIM)
    )
    lasted = age_text(abs(fault.acts_until(now) - fault.start if over else now - fault.start))
    text = Role.DIM if over else Role.TEXT
    whom = fault.sensors[0] if len(fault.sensors) == 1 else f"{len(fault.sensors)} sensors"
    line: Line = [
        (f" {left(state, 7)} ", role),
        (left(f"{sanitise(fault.fault, limit=24)}{size}", _FAULT), text),
        (f" {left(sanitise(whom, limit=64), _SENSOR if width < _WIDE else _WIDE_SENSOR)}", text),
        (f" {clock_text(fault.start)} {right(lasted, 3)}  ", Role.DIM),
        *_finding(fault, glyphs),
    ]
    if width >= _WIDE and fault.injected_by:
        line.append((f"  by {sanitise(fault.injected_by, limit=24)}", Role.DIM))
    return fit(line, width)


def _finding(fault: FaultView, glyphs: Glyphs) -> Line:
    delay = fault.delay
    if fault.outcome == "refused":
        return []
    if delay is None:
        return [("not detected", Role.DIM) if fault.end is not None else ("no alarm yet", Role.STALE)]
    severity = SEVERITY_OF.get(fault.severity, 2)
    return [
        (f"{severity_glyph(severity, glyphs)} ", severity_role(severity)),
        (f"{WORDS[severity]} ", severity_role(severity)),
        (f"{sanitise(fault.kind, limit=24)} ", Role.TEXT),
        (f"after {delay_text(delay)}", Role.STRONG),
    ]


def delay_text(seconds: float) -> str:
    """How long a detection took.

    >>> [delay_text(s) for s in (0.42, 9.96, 75.0, 4000.0)]
    ['0.4s', '10s', '75s', '66m']
    """
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    return f"{seconds:.0f}s" if seconds < 600 else f"{seconds // 60:.0f}m"
