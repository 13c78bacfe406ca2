"""The lines of a machine's page: what it is, its own alarms, a small chart for each sensor, strips on their axis."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.core.alarm_view import AlarmView
from controlroom.core.archive import LearningFacts
from controlroom.core.cells import left, right
from controlroom.core.hierarchy.nodes import Node, path_text
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.braille import Canvas
from controlroom.ui.render.chart import frame_of
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, Span, fit, spread
from controlroom.ui.render.marks import edge_mark, severity_mark
from controlroom.ui.render.numbers import age_text, clock_text, quantity_text, value_text
from controlroom.ui.render.sensor_state import state_word
from controlroom.ui.render.timeline import act_strip, alarm_strip, cells_of, fault_strip
from controlroom.ui.render.trend_chart import TrendCurve, draw_curve, draw_limits
from controlroom.ui.render.trend_curves import TrendPicture

#: cells before the charts: of a sensor's name and figures, and of its scale
_NAME, _SCALE = 23, 7
MARGIN = _NAME + _SCALE
#: alarms, acts of operators, drills, maintenance
STRIPS = 4


def machine_title(node: Node, width: int, glyphs: Glyphs) -> Line:
    """Where it is, how many sensors it has, what stands and what waits."""
    tally = node.tally
    start: Line = [
        (" MACHINE ", Role.TITLE_STRONG),
        (f" {path_text(node)} ", Role.TITLE_STRONG),
        (f" {tally.sensors} sensors", Role.TITLE_DIM),
    ]
    alarms = [*node.alarms, *(alarm for leaf in node.leaves() for alarm in leaf.alarms)]
    waiting = sum(alarm.unacked for alarm in alarms)
    worst = max((alarm.severity for alarm in alarms if alarm.active), default=0)
    mark, role = severity_mark(worst, glyphs, unacked=any(alarm.unacked for alarm in alarms))
    end: Line = [
        (f"{len(alarms)} alarms, {waiting} un-acked ", Role.TITLE),
        (mark, role if mark.strip() else Role.TITLE),
    ]
    return spread(start, [*end, (" ", Role.TITLE)], width, Role.TITLE)


def own_alarm_line(alarm: AlarmView, now: float, width: int, glyphs: Glyphs) -> Line:
    """An alarm of the machine itself: that its sensors do not go together names those that have moved, and how much."""
    line: Line = [
        (" ", Role.TEXT),
        severity_mark(alarm.severity if alarm.active else 0, glyphs, unacked=alarm.unacked),
        (f" {sanitise(alarm.kind, limit=16)} ", Role.STRONG),
        (f"{clock_text(alarm.raised_at)} {age_text(now - alarm.raised_at)} ", Role.DIM),
        (sanitise(alarm.message), Role.TEXT),
    ]
    return fit(line, width)


def sensor_lines(
    curve: TrendCurve,
    view: SensorView,
    picture: TrendPicture,
    facts: LearningFacts | None,
    now: float,
    *,
    width: int,
    height: int,
    glyphs: Glyphs,
    selected: bool,
    marked: bool,
) -> list[Line]:
    """A sensor: its name, value and limits at the left, its chart at the right with the alarms along its top."""
    cells = max(1, width - MARGIN)
    frame = frame_of(*picture.axis, curve.range(), warning=curve.warning, critical=curve.critical)
    canvas = Canvas(cells, height, ascii_only=glyphs.ascii)
    draw_curve(canvas, curve.curve, frame, curve.gap_s, Role.STRONG if selected else Role.CHART, "*")
    draw_limits(canvas, curve, frame, glyphs)
    events = [event for event in picture.events if event.sensor_id == view.sensor_id]
    column = 0
    for text, role in alarm_strip(events, picture.axis, min(now, picture.axis[1]), cells, glyphs):
        for char in text:
            if char != " ":
                canvas.put(column, 0, char, role, over=True)
            column += 1
    mark = severity_mark(view.severity, glyphs, unacked=view.unacked)
    state, state_role = state_word(view, now)
    limits = "/".join(f"{limit:g}" for limit in (view.warning, view.critical) if limit is not None)
    words: list[Line] = [
        [(left(view.label, _NAME - 2), Role.STRONG if selected else Role.TEXT)],
        [
            (left(quantity_text(view.last_value, view.unit), _NAME - 9), Role.STRONG),
            mark if mark[0].strip() else (state, state_role),
        ],
        [(f"limits {limits}" if limits else "no limit", Role.DIM)],
    ]
    if facts is not None and facts.stopped(now):
        until = max((window.end for window in facts.windows if window.start <= now < window.end), default=None)
        words[2] = [(f"MAINT until {clock_text(until)[:5]}" if until is not None else "FROZEN", Role.STRONG)]
    edge = edge_mark(glyphs, selected=selected, marked=marked)
    lines = []
    for y, plot in enumerate(canvas.lines()):
        scale = frame.high if y == 0 else frame.low if y == height - 1 else None
        lines.append(
            [
                edge if y == 0 else (glyphs.cursor if selected else " ", Role.CURSOR),
                *fit(words[y] if y < len(words) else [], _NAME - 1),
                (f"{right(value_text(scale) if scale is not None else '', _SCALE - 1)} ", Role.DIM),
                *plot,
            ]
        )
    return lines


def strip_lines(
    picture: TrendPicture, facts: Sequence[LearningFacts], until: float, width: int, glyphs: Glyphs
) -> list[Line]:
    """What happened to the whole machine, on the same axis as the charts above."""
    axis, cells = picture.axis, max(1, width - MARGIN)
    strips = (
        ("alarms", alarm_strip(picture.events, axis, until, cells, glyphs)),
        ("acts", act_strip(picture.events, axis, cells)),
        ("drills", fault_strip(picture.faults, axis, until, cells, glyphs)),
        ("maintenance", [_windows(facts, axis, cells, glyphs)]),
    )
    return [fit([(f"{right(name, MARGIN - 1)} ", Role.DIM), *strip], width) for name, strip in strips]


def _windows(facts: Sequence[LearningFacts], axis: tuple[float, float], cells: int, glyphs: Glyphs) -> Span:
    text = [" "] * cells
    for window in (window for each in facts for window in each.windows):
        for cell in cells_of(window.start, window.end, axis, cells):
            text[cell] = glyphs.stretch
    return "".join(text), Role.STRONG
