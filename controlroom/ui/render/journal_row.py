"""What happened to an alarm: one row an event, and one row an alarm that it stands for."""

from __future__ import annotations

from controlroom.core.alarms.disturbance import kinds_text
from controlroom.core.alarms.model import Alarm
from controlroom.core.archive import AlarmRecord
from controlroom.core.cells import left, right
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.alarm_row import state_text
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.marks import SEVERITY_OF, edge_mark, severity_mark
from controlroom.ui.render.numbers import age_text, clock_text, date_text
from controlroom.wire import AlarmEvent

_WHAT = 15
_WHO = 9
_KIND = 9
#: from when on a time of day needs its date
_DAY_S = 86_400.0


def journal_head(record: AlarmRecord | None, width: int) -> Line:
    """How many there are of each."""
    if record is None:
        return fit([(" JOURNAL ", Role.TITLE_STRONG)], width, Role.TITLE)
    line: Line = []
    if record.children:
        line += [(" STANDS FOR ", Role.TITLE_STRONG), (f"{len(record.children)} alarms  ", Role.TITLE_DIM)]
    line += [(" JOURNAL ", Role.TITLE_STRONG), (f" {len(record.journal)} events, the latest first", Role.TITLE_DIM)]
    return fit(line, width, Role.TITLE)


def journal_row(
    recorded_at: float,
    event: AlarmEvent,
    now: float,
    width: int,
    glyphs: Glyphs,
    *,
    selected: bool,
    kinds: bool = False,
) -> Line:
    """When, how bad, what, who, in which words; `kinds`: of which alarm, where there are several."""
    old = now - recorded_at >= _DAY_S
    at = date_text(recorded_at)[5:16] if old else clock_text(recorded_at)
    over = event.state == "NORMAL"
    mark = severity_mark(0 if over else SEVERITY_OF.get(event.severity, 2), glyphs)
    what = Role.STRONG if event.annunciated else Role.DIM if over else Role.TEXT
    return fit(
        [
            edge_mark(glyphs, selected=selected, marked=False),
            (left(at, 11 if old else 8), Role.TEXT),
            (f" {right(age_text(now - recorded_at), 4)}  ", Role.DIM),
            mark,
            (" ", Role.TEXT),
            (left(f"{sanitise(event.kind, limit=32)} ", _KIND) if kinds else "", what),
            (left(sanitise(event.event, limit=32), _WHAT), what),
            (" ", Role.TEXT),
            (left(sanitise(event.actor, limit=32), _WHO), Role.STRONG),
            (" ", Role.TEXT),
            (sanitise(event.message, limit=300), Role.TEXT),
        ],
        width,
    )


def child_row(alarm: Alarm, now: float, width: int, glyphs: Glyphs, *, selected: bool) -> Line:
    """A child of a common cause."""
    since = alarm.raised_at
    return fit(
        [
            edge_mark(glyphs, selected=selected, marked=False),
            (left(clock_text(since), 8), Role.TEXT),
            (f" {right(age_text(None if since is None else now - since), 4)}  ", Role.DIM),
            (left(sanitise(alarm.sensor_id, limit=64), 24), Role.TEXT),
            (" ", Role.TEXT),
            (left(sanitise(kinds_text(alarm.kinds), limit=32), 9), Role.TEXT),
            (" ", Role.TEXT),
            (state_text(str(alarm.label)), Role.DIM),
        ],
        width,
    )
