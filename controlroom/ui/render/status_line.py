"""The line above the keys: the newest notice while it is fresh, else what is known of the selected sensor."""

from __future__ import annotations

from controlroom.core.freshness import age_of
from controlroom.core.plant_state import Notice
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import age_text, clock_text

#: seconds that a notice stays; an error must be read
NOTICE_S = {"info": 6.0, "warning": 15.0, "error": 20.0}


def fresh(notice: Notice | None, now: float) -> bool:
    """Whether a notice is still shown."""
    return notice is not None and now - notice.at < NOTICE_S[notice.level]


def notice_line(notice: Notice, glyphs: Glyphs) -> Line:
    """A notice with the time that it is from."""
    mark, role = {
        "info": (glyphs.arrow, Role.STRONG),
        "warning": (glyphs.warning, Role.WARN),
        "error": (glyphs.fault, Role.CRIT),
    }[notice.level]
    return [(f" {mark} ", role), (f"{clock_text(notice.at)} ", Role.DIM), (notice.text, Role.STRONG)]


def sensor_line(view: SensorView | None, now: float) -> Line:
    """Where the selected sensor is, its limits, its owner, the age of its value."""
    if view is None:
        return [(" ", Role.TEXT)]
    place = "/".join(
        part for part in (view.location.factory_section, view.location.zone, view.location.machine_id) if part
    )
    line: Line = [(f" {view.label}", Role.STRONG)]
    if place:
        line.append((f"  {place}", Role.TEXT))
    limits = [f"{limit:g}" for limit in (view.warning, view.critical) if limit is not None]
    if limits:
        line += [("  limits ", Role.DIM), (f"{' / '.join(limits)} {view.unit}".rstrip(), Role.TEXT)]
    age = age_of(view, now)
    line.append((f"  {age_text(age)} ago" if age is not None else "  never seen", Role.DIM))
    for fault in view.faults:
        line.append((f"  SIM {sanitise(fault.fault, limit=24)}", Role.SIM))
    return line
