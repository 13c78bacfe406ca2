"""Injected faults on record: what acts, who injected it, and when detection found it."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.core.plant_state import FaultView
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.line import Line, Role, fit, left, right
from controlroom.ui.render.numbers import age_text

_ID, _SENSOR, _BY = 24, 18, 9


def fault_head(faults: Sequence[FaultView], width: int) -> Line:
    """How many act, and the names of the columns."""
    act = sum(fault.end is None for fault in faults)
    title = left(f" faults: {act} act, {len(faults) - act} over", _ID + 2)
    names = f"{left('sensor', _SENSOR)} {left('by', _BY)} {'since':>5}  {'state':8} detected"
    return fit([(title, Role.TITLE), (names, Role.TITLE_DIM)], width, Role.TITLE)


def fault_row(fault: FaultView, now: float, width: int) -> Line:
    """One fault."""
    first = sanitise(fault.sensors[0], limit=64) if fault.sensors else ""
    who = first if len(fault.sensors) == 1 else f"{len(fault.sensors)} sensors"
    age = now - fault.start
    state = fault.outcome or ("acts" if age >= 0 else "to come")
    line: Line = [
        (f"  {left(fault.fault_id, _ID)}", Role.SIM if fault.end is None else Role.DIM),
        (f"{left(who, _SENSOR)} ", Role.TEXT),
        (f"{left(fault.injected_by, _BY)} {right(age_text(age) if age >= 0 else '', 5)}  ", Role.DIM),
        (f"{left(state, 8)} ", Role.TEXT if fault.end is None else Role.DIM),
    ]
    if fault.detected_at is not None:
        line.append((f"{age_text(fault.detected_at - fault.start)} {fault.kind}", Role.TEXT))
    elif fault.outcome != "refused" and age >= 0:
        line.append(("not yet" if fault.end is None else "missed", Role.DIM))
    return fit(line, width)
