"""The chart of a trend: up to eight curves on one time axis, told apart by their numbers, one of them selected."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from controlroom.core.cells import right
from controlroom.core.thinning import thinned_indices
from controlroom.core.trends import Curve
from controlroom.ui.render.braille import Canvas
from controlroom.ui.render.chart import Frame, frame_of
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.numbers import moment_text

#: cells between a curve's numbers, and between the numbers of one curve and the next
_NUMBER_EVERY = 24
_NUMBER_SHIFT = 3
_TICK_CELLS = 18
_LEAST_GAP_S = 15.0
#: intervals without a reading, or buckets without one, that break a curve
_GAP_INTERVALS = 5.0
_GAP_BUCKETS = 2.5

NOTHING = Curve()


@dataclass(frozen=True, slots=True)
class TrendCurve:
    """One curve of a trend, as it is drawn."""

    number: int
    sensor_id: str
    curve: Curve
    #: the same span a day or a week before, moved to the present one
    before: Curve = NOTHING
    warning: float | None = None
    critical: float | None = None
    interval: float = 1.0

    @property
    def gap_s(self) -> float:
        """Two points that are farther apart are not joined: nobody knows what was between them."""
        return self.gap_of(self.curve)

    def gap_of(self, curve: Curve) -> float:
        """The same of one of its two curves, which may be of other buckets."""
        return _GAP_BUCKETS * curve.width or max(_LEAST_GAP_S, _GAP_INTERVALS * self.interval)

    def range(self) -> list[float]:
        """The values that its scale must show."""
        values = [*self.curve.values, *self.before.values, *self.curve.lows, *self.curve.highs]
        return [min(values), max(values)] if values else []


def frames_of(curves: Sequence[TrendCurve], axis: tuple[float, float], *, shared: bool) -> list[Frame]:
    """The scale of each curve: its own, or one for all."""
    if shared:
        every = [value for curve in curves for value in curve.range()]
        return [frame_of(*axis, every)] * len(curves)
    return [frame_of(*axis, curve.range(), warning=curve.warning, critical=curve.critical) for curve in curves]


def value_at(curve: Curve, at: float, gap_s: float) -> float | None:
    """What a curve shows at a moment: its last point before it, if that is not too long ago.

    >>> value_at(Curve((1.0, 2.0), (10.0, 20.0)), 1.9, 15.0), value_at(Curve((1.0,), (10.0,)), 60.0, 15.0)
    (10.0, None)
    """
    at += curve.width / 2
    place = bisect_right(curve.times, at) - 1
    return curve.values[place] if place >= 0 and at - curve.times[place] <= gap_s else None


def trend_lines(
    curves: Sequence[TrendCurve],
    frames: Sequence[Frame],
    selected: int,
    cursor: float | None,
    *,
    width: int,
    height: int,
    glyphs: Glyphs,
) -> list[Line]:
    """`height` lines of `width` cells: the curves with the selected one's scale and limits, and the time axis."""
    if not curves or height < 3 or width < 20:
        return [[] for _ in range(height)]
    scale = frames[selected]
    rows, cells = height - 1, width - scale.margin
    canvas = Canvas(cells, rows, ascii_only=glyphs.ascii)
    order = [*(index for index in range(len(curves)) if index != selected), selected]
    for index in order:
        if curves[index].before.times:
            draw_curve(
                canvas, curves[index].before, frames[index], curves[index].gap_of(curves[index].before), Role.SPARK, "."
            )
    bounds = curves[selected].curve
    for edge in (bounds.lows, bounds.highs):
        if edge:
            curve = Curve(bounds.times, edge, width=bounds.width)
            draw_curve(canvas, curve, scale, curves[selected].gap_s, Role.SPARK, ".")
    numbers: list[tuple[int, int, str, Role]] = []
    for index in order:
        each, role = curves[index], Role.STRONG if index == selected else Role.CHART
        touched = draw_curve(canvas, each.curve, frames[index], each.gap_s, role, str(each.number))
        first = 2 + (each.number - 1) * _NUMBER_SHIFT
        for column in range(first, cells, _NUMBER_EVERY):
            found = [y for x, y in touched if x == column]
            if found:
                numbers.append((column, min(found), str(each.number), role))
    for x, y, char, role in numbers:
        canvas.put(x, y, char, role, over=True)
    draw_limits(canvas, curves[selected], scale, glyphs)
    if cursor is not None and scale.start <= cursor <= scale.end:
        column = min(cells - 1, int((cursor - scale.start) / (scale.end - scale.start) * cells))
        for y in range(rows):
            canvas.put(column, y, glyphs.separator, Role.STRONG)
    levels = {_row(level, scale, rows): f"{level:g}" for level in scale.levels}
    lines: list[Line] = [
        [(f" {right(levels.get(y, ''), scale.margin - 2)} ", Role.DIM), *line] for y, line in enumerate(canvas.lines())
    ]
    return [*(fit(line, width) for line in lines), time_axis(scale.axis, scale.margin, width)]


def time_axis(axis: tuple[float, float], margin: int, width: int) -> Line:
    """Moments under a chart, the last one whole at the right."""
    start, end = axis
    cells = width - margin
    count = max(2, cells // _TICK_CELLS)
    text = [" "] * cells
    for step in range(count):
        label = moment_text(start + (end - start) * step / (count - 1), end - start)
        first = max(0, min(cells - len(label), round(cells * step / (count - 1)) - len(label) // 2))
        text[first : first + len(label)] = label
    return [(" " * margin, Role.DIM), ("".join(text)[:cells], Role.DIM)]


def draw_limits(canvas: Canvas, curve: TrendCurve, frame: Frame, glyphs: Glyphs) -> None:
    """The limits that lie in the frame, where nothing else is drawn."""
    for limit, role in ((curve.warning, Role.WARN), (curve.critical, Role.CRIT)):
        if limit is not None and frame.low <= limit <= frame.high:
            for x in range(canvas.width):
                canvas.put(x, _row(limit, frame, canvas.height), "-" if glyphs.ascii else "┄", role)


def draw_curve(canvas: Canvas, curve: Curve, frame: Frame, gap_s: float, role: Role, char: str) -> set[tuple[int, int]]:
    """Draw a curve in its frame; the cells that it touches."""
    dots, high = 2 * canvas.width, 4 * canvas.height
    wide = (frame.end - frame.start) or 1.0
    size = (frame.high - frame.low) or 1.0
    touched: set[tuple[int, int]] = set()
    run: list[tuple[float, float]] = []
    last = -math.inf
    for index in thinned_indices(curve.times, curve.values, frame.axis, dots):
        at, value = curve.times[index], curve.values[index]
        if at - last > gap_s and run:
            touched |= canvas.curve(run, role, char)
            run = []
        share = min(1.0, max(0.0, (frame.high - value) / size))
        run.append(((at - frame.start) / wide * dots, min(high - 1, share * high)))
        last = at
    if run:
        touched |= canvas.curve(run, role, char)
    return touched


def _row(value: float, frame: Frame, rows: int) -> int:
    return min(rows - 1, max(0, int((frame.high - value) / (frame.high - frame.low) * rows)))
