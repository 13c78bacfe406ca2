"""The injected faults: what acts or acted where, since when, and which alarm found it how much later."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controlroom.core.fault_log import FaultRun
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit, left, right
from controlroom.ui.render.marks import SEVERITY_OF, WORDS, severity_glyph, severity_role
from controlroom.ui.render.numbers import age_text, clock_text

_FAULT = 12
_SENSOR = 18
_WIDE_SENSOR = 24
_WIDE = 110


def fault_lines(
    runs: Sequence[FaultRun], time_of: Callable[[str], float], width: int, height: int, glyphs: Glyphs
) -> list[Line]:
    """A heading, and a row a fault while there is room.

    Args:
        runs: those that act first.
        time_of: the present in the time of a sensor, by its id.
        width: cells.
        height: lines, the heading among them.
        glyphs: shapes.
    """
    acting = sum(run.ended_at is None for run in runs)
    found = sum(run.found is not None for run in runs)
    about: Line = [(" none since this program started", Role.TITLE_DIM)]
    if runs:
        about = [(f" {found} of {len(runs)} detected, the newest first", Role.TITLE_DIM)]
    banner: Line = [(f" {acting} ACT{'S' if acting == 1 else ''} ", Role.TITLE_SIM)] if acting else []
    title = fit([(" INJECTED FAULTS ", Role.TITLE_STRONG), *banner, *about], width, Role.TITLE)
    return [title, *(fault_row(run, time_of(run.sensor_id), width, glyphs) for run in runs)][: max(1, height)]


def fault_row(run: FaultRun, now: float, width: int, glyphs: Glyphs) -> Line:
    """State, fault, sensor, start, how long, and its detection."""
    fault = run.fault
    over = run.ended_at is not None
    size = "" if fault.magnitude is None else f" {fault.magnitude:g}"
    state, role = ("over", Role.DIM) if over else ("acts", Role.SIM) if run.started_at <= now else ("soon", Role.DIM)
    lasted = age_text(abs(run.end(now) - run.started_at if over else now - run.started_at))
    text = Role.DIM if over else Role.TEXT
    line: Line = [
        (f" {left(state, 4)} ", role),
        (left(f"{sanitise(fault.fault, limit=24)}{size}", _FAULT), text),
        (f" {left(sanitise(run.sensor_id, limit=64), _SENSOR if width < _WIDE else _WIDE_SENSOR)}", text),
        (f" {clock_text(run.started_at)} {right(lasted, 4)}  ", Role.DIM),
        *_finding(run, glyphs),
    ]
    if width >= _WIDE and fault.by:
        line.append((f"  by {sanitise(fault.by, limit=24)}", Role.DIM))
    return fit(line, width)


def _finding(run: FaultRun, glyphs: Glyphs) -> Line:
    found, delay = run.found, run.delay
    if found is None or delay is None:
        return [("not detected", Role.DIM) if run.ended_at is not None else ("no alarm yet", Role.STALE)]
    severity = SEVERITY_OF.get(found.severity, 2)
    return [
        (f"{severity_glyph(severity, glyphs)} {WORDS[severity]} ", severity_role(severity)),
        (f"{found.kind} ", Role.TEXT),
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
