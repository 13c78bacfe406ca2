"""The lines of a sensor's screen beside its chart: title, spans, alarm events, recent readings."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.core.cells import left, right
from controlroom.core.clocks import OFF_S
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.feed_row import happened_text, kind_text
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit, spread
from controlroom.ui.render.marks import SEVERITY_OF, severity_glyph, severity_mark, severity_role
from controlroom.ui.render.numbers import age_text, clock_text, moment_text, quantity_text, value_text
from controlroom.ui.render.sensor_state import clock_ahead, clock_words, simulated_word, state_word
from controlroom.ui.render.span import SPANS, SpanData
from controlroom.wire import AlarmEvent

_WHAT = 15


def title_line(view: SensorView, now: float, width: int, glyphs: Glyphs, signal: str = "") -> Line:
    """Id, type, kind of its signal; severity, value, state, whether it is simulated."""
    state, _ = state_word(view, now)
    mark, role = severity_mark(view.severity, glyphs, unacked=view.unacked)
    sim, sim_role = simulated_word(view)
    start: Line = [(f" {view.label} ", Role.TITLE_STRONG), (f" {view.sensor_type}", Role.TITLE_DIM), *_clock(view)]
    if signal:
        start.insert(2, (f", {signal}", Role.TITLE_DIM))
    end: Line = [
        (mark, role if mark.strip() else Role.TITLE),
        ("  ", Role.TITLE),
        (quantity_text(view.last_value, view.unit), Role.TITLE_STRONG),
        (f"  {state}  ", Role.TITLE),
        (f"{sim} ", Role.TITLE_SIM if sim_role is Role.SIM else Role.TITLE_DIM),
    ]
    return spread(start, end, width, Role.TITLE)


def _clock(view: SensorView) -> Line:
    """How far the sensor's clock is from the brokers', where that is worth saying; in simulated time it never is."""
    ahead = clock_ahead(view)
    if ahead is None or abs(ahead) < OFF_S:
        return []
    return [(f"  clock {clock_words(view)}", Role.TITLE_WARN if ahead > 0.0 else Role.TITLE_DIM)]


def spans_line(chosen: str, data: SpanData, width: int) -> Line:
    """The spans, between the keys that choose; what is shown, from when to when."""
    start: Line = [(" [ ", Role.STRONG)]
    for name in SPANS:
        start += [(name, Role.TAB if name == chosen else Role.DIM), (" ", Role.TEXT)]
    start.append(("]  ", Role.STRONG))
    span = data.end - data.start
    ends = f"{moment_text(data.start, span)} to {moment_text(data.end, span)} "
    return spread([*start, (data.source, Role.DIM)], [(f"  {ends}", Role.DIM)], width)


def event_lines(
    events: Sequence[AlarmEvent], waiting: frozenset[str], now: float, width: int, height: int, glyphs: Glyphs
) -> list[Line]:
    """A heading, and the newest alarm events of the sensor.

    Args:
        events: oldest first.
        waiting: ids of those whose alarms wait for an operator.
        now: seconds since the epoch.
        width: cells.
        height: lines, the heading among them.
        glyphs: shapes.
    """
    about = f" {len(events)}, newest first" if events else " none"
    lines = [fit([(" ALARM EVENTS ", Role.TITLE_STRONG), (about, Role.TITLE_DIM)], width, Role.TITLE)]
    for event in list(events)[: -height if height > 0 else None : -1]:
        at, over = event.timestamp.timestamp(), event.state == "NORMAL"
        back = event.state == "RTN-UNACK"
        severity = 0 if over or back else SEVERITY_OF.get(event.severity, 2)
        unacked = event.event_id in waiting
        mark = severity_mark(severity, glyphs, unacked=unacked)
        if over or (back and not unacked):
            mark = (f"{glyphs.normal} over" if over else f"{glyphs.returned} RTN ", Role.DIM)
        what = f"{kind_text(event)} {happened_text(event)}".rstrip()
        said = sanitise(f"{event.actor}: {event.message}" if event.actor else event.message)
        lines.append(
            fit(
                [
                    (f" {clock_text(at)}", Role.TEXT),
                    (f" {right(age_text(now - at), 4)}  ", Role.DIM),
                    mark,
                    (" ", Role.TEXT),
                    (left(what, _WHAT), Role.DIM if over else Role.TEXT),
                    (f" {said}", Role.DIM if over else Role.TEXT),
                ],
                width,
            )
        )
    return lines[:height]


def reading_lines(view: SensorView, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """A heading, and the newest readings, those beyond a limit with its shape."""
    lines = [fit([(" READINGS", Role.TITLE_STRONG)], width, Role.TITLE)]
    count = max(0, height - 1)
    times, values = view.history.times(count), view.history.values(count)
    for at, value in list(zip(times, values, strict=False))[::-1]:
        severity = _beyond(value, view)
        mark = severity_glyph(severity, glyphs)
        lines.append(
            fit(
                [
                    (f" {clock_text(at)} ", Role.DIM),
                    (right(value_text(value), 8), severity_role(severity) if severity else Role.TEXT),
                    (f" {mark}", severity_role(severity)),
                ],
                width,
            )
        )
    return lines


def _beyond(value: float, view: SensorView) -> int:
    """2 beyond the critical limit, 1 beyond the warning limit; a critical limit below the warning one is a low one."""
    warning, critical = view.warning, view.critical
    low = warning is not None and critical is not None and critical < warning
    for severity, limit in ((2, critical), (1, warning)):
        if limit is not None and (value <= limit if low else value >= limit):
            return severity
    return 0
