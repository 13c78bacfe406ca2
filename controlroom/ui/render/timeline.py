"""Strips under a chart, on its time axis: detector scores, alarms, faults. One cell is a stretch of time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, zip_longest

from controlroom.core.fault_view import FaultView
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, Span
from controlroom.ui.render.marks import SEVERITY_OF, severity_glyph, severity_role
from controlroom.wire import AlarmEvent

#: the combined score at which one detector of a sensor alone would fire
SCORE_LIMIT = 0.5
#: cells that a score is drawn on for want of another
_HELD_CELLS = 4
#: states in which an alarm's condition stands, as far as an event tells
_STANDING = frozenset({"UNACK", "ACKED", "LATCHED"})

#: by event: the letters of the keys with which operators do it
_ACTS = {
    "acked": "a",
    "shelved": "s",
    "unshelved": "u",
    "out-of-service": "o",
    "returned-to-service": "o",
    "latch-reset": "l",
    "commented": "c",
    "marked-false": "f",
}


def cells_of(start: float, end: float, axis: tuple[float, float], cells: int) -> range:
    """The cells that the time from `start` to `end` touches.

    >>> cells_of(10.0, 20.0, (0.0, 100.0), 10), cells_of(5.0, 5.0, (0.0, 100.0), 10), cells_of(-9, -1, (0, 100), 10)
    (range(1, 2), range(0, 1), range(0, 0))
    """
    low, high = axis
    if end < low or start >= high or cells < 1:
        return range(0)
    size = (high - low) / cells
    first = max(0, int((start - low) // size))
    last = max(first + 1, -int(-(end - low) // size))
    return range(first, min(cells, last))


def score_strip(
    scores: Sequence[tuple[float, float]] | None, axis: tuple[float, float], cells: int, glyphs: Glyphs
) -> Line:
    """The highest score of each cell; from the limit of a detector on it stands out."""
    if scores is None:
        return [("not kept for so long a span", Role.DIM)]
    highest: list[float | None] = [None] * cells
    held = _HELD_CELLS * (axis[1] - axis[0]) / max(1, cells)
    for (at, score), (following, _) in zip_longest(scores, scores[1:], fillvalue=(math.inf, 0.0)):
        # A score holds until the next reading has one, if that does not stay away.
        for cell in cells_of(at, following if following - at < held else at, axis, cells):
            highest[cell] = max(score, highest[cell] or 0.0)
    levels = glyphs.levels
    spans: list[Span] = []
    for worst in highest:
        if worst is None:
            spans.append((" ", Role.SPARK))
        else:
            level = levels[min(len(levels) - 1, int(max(0.0, worst) * len(levels)))]
            spans.append((level, Role.STRONG if worst >= SCORE_LIMIT else Role.SPARK))
    return _joined(spans)


def alarm_strip(
    events: Iterable[AlarmEvent], axis: tuple[float, float], until: float, cells: int, glyphs: Glyphs
) -> Line:
    """The worst alarm that stood in each cell, in its shape; `until`: what has not ended stands until then."""
    worst = [0] * cells
    standing: dict[tuple[str, str], tuple[float, int]] = {}

    def draw(alarm: tuple[str, str], end: float) -> None:
        since, severity = standing.pop(alarm)
        for cell in cells_of(since, end, axis, cells):
            worst[cell] = max(worst[cell], severity)

    for event in events:
        at = event.timestamp.timestamp()
        alarm = (event.sensor_id, event.kind)
        if alarm in standing:
            draw(alarm, at)
        if event.state in _STANDING:
            standing[alarm] = (at, SEVERITY_OF.get(event.severity, 2))
    for alarm in list(standing):
        draw(alarm, until)
    return _joined([(severity_glyph(severity, glyphs), severity_role(severity)) for severity in worst])


def act_strip(events: Iterable[AlarmEvent], axis: tuple[float, float], cells: int) -> Line:
    """What operators did about alarms, a letter each; `*` where several things were done in one cell."""
    letters = [" "] * cells
    for event in events:
        at = event.timestamp.timestamp()
        letter = _ACTS.get(event.event)
        if letter is None or not axis[0] <= at < axis[1]:
            continue
        for cell in cells_of(at, at, axis, cells):
            letters[cell] = letter if letters[cell] in {" ", letter} else "*"
    return [("".join(letters), Role.STRONG)]


def fault_strip(
    faults: Iterable[FaultView], axis: tuple[float, float], until: float, cells: int, glyphs: Glyphs
) -> Line:
    """Injected faults, as long as they acted, by name."""
    text = [" "] * cells
    for fault in sorted(faults, key=lambda fault: fault.start):
        touched = cells_of(fault.start, min(until, fault.acts_until(until)), axis, cells)
        for cell in touched:
            text[cell] = glyphs.stretch
        name = sanitise(fault.fault, limit=24)
        if len(touched) >= len(name) + 2:
            text[touched.start + 1 : touched.start + 1 + len(name)] = name
    return [("".join(text), Role.SIM)]


def _joined(spans: Sequence[Span]) -> Line:
    return [("".join(text for text, _ in group), role) for role, group in groupby(spans, key=lambda span: span[1])]
