"""Why an alarm was raised, drawn: the curve with what was expected, each detector's evidence, what was before."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from controlroom.core.archive import Answer
from controlroom.core.cells import left, right
from controlroom.core.sanitise import sanitise
from controlroom.core.why.model import Evidence, Occurrence, Why
from controlroom.core.why.span import interval_of
from controlroom.core.why.words import falseness, learned, outcome
from controlroom.ui.render.chart import Frame, chart_lines, frame_of
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.marks import SEVERITY_OF, severity_glyph, severity_mark, severity_role
from controlroom.ui.render.numbers import age_text, clock_text, date_text, quantity_text, span_text
from controlroom.ui.render.timeline import cells_of, score_strip

#: cells of the figures at the right of the chart and of the strips
_FIGURES = 23
#: of the name of a detector
_KIND = 9
#: lines of the chart at least, with its time axis
_LEAST_CHART = 6
#: detectors and earlier occurrences that are shown when there is little room
_FEW_DETECTORS, _FEW_EARLIER = 3, 2
#: intervals without a reading that break the curve
_GAP_INTERVALS, _LEAST_GAP_S = 5.0, 15.0


def why_summary(answer: Answer[Why] | None, width: int) -> Line:
    """In one line: what rang first and how far beyond its limit it was, and how often the like was before."""
    if answer is None or answer.value is None:
        waiting = answer.error if answer is not None and answer.error else "asking the database"
        return fit([(" why ", Role.DIM), (waiting, Role.STALE)], width)
    why = answer.value
    said = [answer.error] if answer.error else []
    own = why.own
    if why.first is not None:
        kind, at = why.first
        said.append(f"{sanitise(kind, limit=16)} rang first" + ("" if kind == why.kind else f", {clock_text(at)}"))
    if own is not None and own.highest >= 1.0:
        said.append(f"{own.highest:.1f} x its limit")
    said.append(_before_words(why))
    if why.past.count or why.past.marked_false:
        said.append(falseness(why.past, _total(why)))
    return fit([(" why ", Role.DIM), ("; ".join(said), Role.TEXT)], width)


def why_lines(why: Why, now: float, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """All of it, in `height` lines of `width` cells: the chart takes what is left over."""
    spare = max(0, height - _LEAST_CHART - 3)
    detectors = min(len(why.evidence), max(_FEW_DETECTORS, spare // 3))
    earlier = min(len(why.past.similar), max(_FEW_EARLIER, spare // 5))
    notes = [
        fit([(f" {glyphs.fault} {sanitise(note, limit=200)}", Role.STALE)], width)
        for note in why.notes[: 1 + (spare > 12)]
    ]
    source = why.band_source if spare > 10 else ""
    below = [*notes, *_earlier_lines(why, now, width, glyphs, earlier)]
    if source:
        below.insert(0, fit([(f" {glyphs.normal} {why.band}: {sanitise(source, limit=300)}", Role.DIM)], width))
    if not why.curve.times:
        return below[:height]
    room = height - len(below) - detectors - 1
    frame, picture = _picture(why, width, room, glyphs)
    axis = (why.start, why.end)
    strips = [_alarm_line(why, frame, width, glyphs)]
    strips += [
        _detector_line(one, frame, axis, width, glyphs, first=index == 0)
        for index, one in enumerate(why.evidence[:detectors])
    ]
    return [*picture, *strips, *below][:height]


def _picture(why: Why, width: int, height: int, glyphs: Glyphs) -> tuple[Frame, list[Line]]:
    """The chart, and beside it what is drawn on it."""
    curve, limits = why.curve, _near(why)
    band = [
        (at, low, high)
        for at, low, high in zip(curve.times, curve.lows, curve.highs, strict=True)
        if low is not None and high is not None
    ]
    values = list(curve.values)
    lowest, highest = min(values), max(values)
    reach = highest - lowest or abs(highest) / 10 or 1.0
    # What was expected is on the chart, as far as it does not flatten the curve.
    if band:
        values.append(max(lowest - reach, min(low for _, low, _ in band)))
        values.append(min(highest + reach, max(high for _, _, high in band)))
    # A limit that is far away flattens the curve, which is worth it where the limit is what rang.
    warning, critical = limits if why.kind == "limit" else (None, None)
    frame = frame_of(why.start, why.end, values, warning=warning, critical=critical, label=_KIND)
    wide = max(20, width - _FIGURES)
    began = why.occurrence.began if why.occurrence is not None else None
    gap = max(_LEAST_GAP_S, _GAP_INTERVALS * _spacing(curve.times))
    drawn = chart_lines(
        curve.times,
        curve.values,
        frame,
        width=wide,
        height=max(0, height),
        glyphs=glyphs,
        warning=limits.warning,
        critical=limits.critical,
        gap_s=gap,
        expected=band,
        mark=began,
    )
    legend = _legend(why, limits, frame, glyphs)
    return frame, [
        [*line, *fit(legend[row] if row < len(legend) else [], width - wide)] for row, line in enumerate(drawn)
    ]


def _legend(why: Why, limits: _Limits, frame: Frame, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    one = why.occurrence
    if one is not None:
        lines.append([(f" {glyphs.separator} ", Role.STRONG), (f"raised {clock_text(one.began)}", Role.TEXT)])
    if why.band:
        lines.append([(f" {glyphs.normal} ", Role.SPARK), (why.band, Role.TEXT)])
        lines.append([("   ", Role.TEXT), (why.band_origin, Role.DIM)])
    for name, value, role in (("critical", limits.critical, Role.CRIT), ("warning", limits.warning, Role.WARN)):
        if value is not None:
            text = f"{name} {quantity_text(value, sanitise(why.unit, limit=6))}"
            drawn = frame.low <= value <= frame.high
            shape = " " if not drawn else "-" if glyphs.ascii else "┄"
            lines.append([(f" {shape} ", role), (text, Role.TEXT if drawn else Role.DIM)])
    if one is not None and one.value is not None:
        lines.append([("   ", Role.TEXT), (f"value {quantity_text(one.value, sanitise(why.unit, limit=6))}", Role.DIM)])
    return lines


class _Limits(NamedTuple):
    warning: float | None
    critical: float | None


def _near(why: Why) -> _Limits:
    """The limits on the side of the alarm: a chart has room for one of each."""
    one, values = why.occurrence, why.curve.values
    at = one.value if one is not None and one.value is not None else median(values)

    def nearest(name: str) -> float | None:
        return min((value for of, value in why.limits if of == name), key=lambda value: abs(value - at), default=None)

    return _Limits(nearest("warning"), nearest("critical"))


def _spacing(times: tuple[float, ...]) -> float:
    return interval_of(times) if len(times) > 1 else _LEAST_GAP_S


def _alarm_line(why: Why, frame: Frame, width: int, glyphs: Glyphs) -> Line:
    """When it stood, in its shape."""
    one, cells = why.occurrence, max(1, width - _FIGURES - frame.margin)
    strip = [" "] * cells
    severity = SEVERITY_OF.get(one.severity, 1) if one is not None else 0
    length = ""
    if one is not None:
        ended = one.ended if one.ended is not None else why.end
        for cell in cells_of(one.began, ended, frame.axis, cells):
            strip[cell] = severity_glyph(severity, glyphs)
        length = f"stood {span_text(one.length)}" if one.length is not None else "it stands"
    name = (f"{right('alarm', frame.margin - 1)} ", Role.DIM)
    return fit([name, ("".join(strip), severity_role(severity)), (f"  {length}", Role.TEXT)], width)


def _detector_line(
    one: Evidence,
    frame: Frame,
    axis: tuple[float, float],
    width: int,
    glyphs: Glyphs,
    *,
    first: bool,
) -> Line:
    """Name, how near it was over time (the half of the height is its limit), the highest, and when it rang."""
    cells = max(1, width - _FIGURES - frame.margin)
    strip = score_strip([(at, multiple / (1.0 + multiple)) for at, multiple in one.points], axis, cells, glyphs)
    figure = f"{one.highest:5.1f}" if one.highest < 99.95 else f"{one.highest:5.0f}"
    if one.rang_at is not None:
        rang = f" {'1st ' if first else 'rang'} {clock_text(one.rang_at)}"
    else:
        rang = f" over {clock_text(one.over_at)}" if one.over_at is not None else ""
    strong = Role.STRONG if one.rang_at is not None else Role.TEXT if one.over_at is not None else Role.DIM
    name = (f"{right(sanitise(one.kind, limit=_KIND), frame.margin - 1)} ", strong)
    used: Line = [name, *strip]
    pad = " " * max(0, width - _FIGURES - sum(len(text) for text, _ in used))
    return fit([*used, (pad, Role.TEXT), (f" {figure} x{rang}", strong)], width)


def _earlier_lines(why: Why, now: float, width: int, glyphs: Glyphs, rows: int) -> list[Line]:
    past = why.past
    head = [_before_words(why, since=True), falseness(past, _total(why)), learned(past, why.kind)]
    line: Line = [(" BEFORE ", Role.TITLE_STRONG), ("; ".join(part for part in head if part), Role.TITLE_DIM)]
    return [fit(line, width, Role.TITLE), *(_earlier(one, why, now, width, glyphs) for one in past.similar[:rows])]


def _earlier(one: Occurrence, why: Why, now: float, width: int, glyphs: Glyphs) -> Line:
    """When, how long, how bad, how far out, how it ended."""
    length = "stands" if one.length is None else span_text(one.length)
    peak = one.peak if one.peak is not None else one.value
    said = f"to {quantity_text(peak, sanitise(why.unit, limit=6))}" if peak is not None else ""
    return fit(
        [
            (f" {date_text(one.began)[5:16]}", Role.TEXT),
            (f" {right(age_text(now - one.began), 4)}  ", Role.DIM),
            severity_mark(SEVERITY_OF.get(one.severity, 1), glyphs),
            (f" {left(length, 11)} {left(said, 12)} ", Role.TEXT),
            ("SIM " if one.simulated else "", Role.SIM),
            (sanitise(outcome(one), limit=200), Role.STRONG if one.false_by else Role.TEXT),
        ],
        width,
    )


def _total(why: Why) -> int:
    return why.past.count + (why.occurrence is not None)


def _before_words(why: Why, *, since: bool = False) -> str:
    """How often it was before, and since when that is known."""
    past = why.past
    if not past.count:
        return "never seen before"
    often = "once" if past.count == 1 else f"{past.count} times"
    more = " at least" if past.cut else ""
    return f"{often}{more}" + (
        f" since {date_text(past.since)[:10]}" if since and past.since is not None else " before"
    )
