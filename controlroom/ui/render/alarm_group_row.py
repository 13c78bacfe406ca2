"""The heading of a group of alarms in the list.

By area it is `▾ production/zone-a  CRIT 2  WARN 3  wait 4`; by cause it also says which alarm was first, and within how
long the others followed.
"""

from __future__ import annotations

from controlroom.core.alarm_groups import AlarmGroup
from controlroom.core.alarms.disturbance import kinds_text
from controlroom.core.cells import crop
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit, spread
from controlroom.ui.render.marks import WORDS, edge_mark, severity_glyph, severity_role
from controlroom.ui.render.numbers import age_text, clock_text

_NAME = 34


def group_row(
    group: AlarmGroup, width: int, glyphs: Glyphs, *, folded: bool, selected: bool, marked: bool = False
) -> Line:
    """Whether it is open, its name, how many alarms of which severity, how many wait; of a burst its first alarm."""
    line: Line = [
        edge_mark(glyphs, selected=selected, marked=marked),
        (f"{glyphs.closed if folded else glyphs.opened} ", Role.DIM),
        (crop(group.label, _NAME), Role.STRONG),
        ("  ", Role.TEXT),
        *_counts(group, glyphs),
    ]
    if any(alarm.simulated for alarm in group.alarms):
        line.append(("SIM  ", Role.SIM))
    return fit(spread(line, _end(group), width), width)


def group_line(group: AlarmGroup) -> Line:
    """All that is said of a group, for the status line."""
    count = len(group.alarms)
    line: Line = [(f" {group.label}", Role.STRONG), (f"  {count} alarm{'' if count == 1 else 's'}", Role.TEXT)]
    if count > 1:
        first = group.first
        said = f"  first {clock_text(first.raised_at)} {sanitise(first.sensor_id, limit=64)} {kinds_text(first.kinds)}"
        line += [(said, Role.TEXT), (f": {first.message}", Role.DIM)]
    return line


def _counts(group: AlarmGroup, glyphs: Glyphs) -> Line:
    line: Line = []
    for severity in (2, 1):
        those = [alarm for alarm in group.alarms if alarm.active and alarm.severity == severity]
        if those:
            text = f"{severity_glyph(severity, glyphs)} {WORDS[severity]} {len(those)}"
            waits = any(alarm.unacked for alarm in those)
            line += [(text, severity_role(severity, unacked=waits)), ("  ", Role.TEXT)]
    returned = sum(alarm.unacked and not alarm.active for alarm in group.alarms)
    if returned:
        line += [(f"{glyphs.returned} RTN {returned}", Role.RTN_UNACK), ("  ", Role.TEXT)]
    waiting = sum(alarm.unacked for alarm in group.alarms)
    if waiting:
        line.append((f"{waiting} wait{'s' if waiting == 1 else ''}  ", Role.TEXT))
    return line


def _end(group: AlarmGroup) -> Line:
    first, count = group.first, len(group.alarms)
    if not group.burst or count == 1:
        return [(f"{count} ", Role.DIM)]
    within = f"{count} in {age_text(group.seconds)}, first " if group.seconds >= 1 else f"{count} at once, first "
    return [(within, Role.DIM), (f"{sanitise(first.sensor_id, limit=24)} ", Role.TEXT)]
