"""The chart of one sensor, drawn by plotext: its readings or roll-ups and its limits on a time axis.

plotext draws into its one global figure, so this is for the screen's thread alone. It gives colours of its own; we hand
it palette numbers that stand for roles, and turn them back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from typing import Any

from controlroom.core.thinning import thinned_indices
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.numbers import moment_text

_ROLES = {"1": Role.CRIT, "3": Role.WARN, "7": Role.CHART, "8": Role.SPARK, "15": Role.STRONG}
_NUMBERS = {role: int(number) for number, role in _ROLES.items()}
_PIECE = re.compile(r"\x1b\[(?:0|38;5;(\d+))m([^\x1b]*)")
_Y_TICKS = 5
#: cells between the labels of the time axis
_X_TICK_CELLS = 18
#: cells of the longest name of a strip
_LEAST_LABEL = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things are on a chart: what its axes show, and how many cells the labels at the left take."""

    start: float
    end: float
    low: float
    high: float
    levels: tuple[float, ...]
    #: cells of the longest name of a strip under it
    label: int = _LEAST_LABEL

    @property
    def margin(self) -> int:
        """Cells before the curve; never so few that a strip under the chart could not be named there."""
        return max(self.label, *(len(f"{level:g}") for level in self.levels)) + 2

    @property
    def axis(self) -> tuple[float, float]:
        """The time axis."""
        return self.start, self.end


def frame_of(
    start: float,
    end: float,
    values: Sequence[float],
    *,
    warning: float | None = None,
    critical: float | None = None,
    label: int = _LEAST_LABEL,
) -> Frame:
    """The frame of these values, with a limit when they come near it; times are seconds since the epoch.

    `label` is how many cells the longest name of a strip under the chart takes.
    """
    low, high = _limits(values, warning, critical) if values else (0.0, 1.0)
    return Frame(start, end, low, high, tuple(round_levels(low, high)), label)


def chart_lines(
    times: Sequence[float],
    values: Sequence[float],
    frame: Frame,
    *,
    width: int,
    height: int,
    glyphs: Glyphs,
    warning: float | None = None,
    critical: float | None = None,
    lows: Sequence[float] = (),
    highs: Sequence[float] = (),
    gap_s: float = math.inf,
    expected: Sequence[tuple[float, float, float]] = (),
    mark: float | None = None,
) -> list[Line]:
    """`height` lines of `width` cells. Values and limits have one unit; points are in order of time.

    `lows` and `highs` are what the values are the means of: drawn as a quiet band around the curve. Two points that are
    farther apart than `gap_s` are not joined: nobody knows what was between them. `expected` holds the time, the lowest
    and the highest of what was expected, drawn in dots; `mark` is a moment, drawn as an upright line.
    """
    few = len(values) < 2 or times[-1] <= times[0]
    if few or width < 20 or height < 4:
        said = "no two readings in this span" if few else ""
        blank: list[Line] = [[(" " * width, Role.TEXT)] for _ in range(height)]
        return [fit([(f"   {said}", Role.DIM)], width), *blank[1:]] if blank else blank
    figure = _figure(width, height)
    for limit, role in ((warning, Role.WARN), (critical, Role.CRIT)):
        if limit is not None and frame.low <= limit <= frame.high:
            _draw(figure, list(frame.axis), [limit, limit], "-" if glyphs.ascii else "┄", role)
    dots = 2 * max(1, width - frame.margin)
    if expected:
        moments = [at for at, _, _ in expected]
        for bound in ([low for _, low, _ in expected], [high for _, _, high in expected]):
            for xs, ys in _runs(*thinned(moments, bound, frame.axis, dots // 2), gap_s):
                _draw(figure, xs, _within(ys, frame), "." if glyphs.ascii else glyphs.normal, Role.SPARK)
    if mark is not None and frame.start <= mark <= frame.end:
        _draw(figure, [mark, mark], [frame.low, frame.high], glyphs.separator, Role.STRONG)
    for edge in (lows, highs):
        if edge:
            for part in _runs(*thinned(times, edge, frame.axis, dots), gap_s):
                _draw(figure, *part, "." if glyphs.ascii else "braille", Role.SPARK)
    for part in _runs(*thinned(times, values, frame.axis, dots), gap_s):
        _draw(figure, *part, "*" if glyphs.ascii else "braille", Role.CHART)
    _ticks(figure, frame, width)
    # plotext has opinions about some data, and says them on the terminal that the screen is drawn on.
    with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        drawn = figure.build().string()
    return [fit(_roles(row), width) for row in drawn.split("\n")[:height]]


def thinned(
    times: Sequence[float], values: Sequence[float], axis: tuple[float, float], dots: int
) -> tuple[list[float], list[float]]:
    """At most two points a dot of the time axis, the lowest and the highest, so that no spike is lost.

    >>> thinned([0, 1, 2, 3, 4, 5], [1, 9, 2, 0, 5, 5], (0, 6), 1)
    ([1, 3], [9, 0])
    """
    chosen = thinned_indices(times, values, axis, dots)
    return [times[index] for index in chosen], [values[index] for index in chosen]


def _runs(times: list[float], values: list[float], gap_s: float) -> list[tuple[list[float], list[float]]]:
    """Pieces of the curve between gaps."""
    cuts = [0, *(index for index in range(1, len(times)) if times[index] - times[index - 1] > gap_s), len(times)]
    return [(times[start:end], values[start:end]) for start, end in pairwise(cuts)]


def _within(values: Sequence[float], frame: Frame) -> list[float]:
    """Values on the chart: what is beyond it lies at its edge."""
    return [min(frame.high, max(frame.low, value)) for value in values]


def _figure(width: int, height: int) -> Any:  # noqa: ANN401 - plotext has no types
    import plotext

    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)  # noqa: FBT003 - plotext's signature
    figure.theme("colorless")
    figure.plot_size(width, height)
    figure.axes(False)  # noqa: FBT003 - plotext's signature
    return figure


def _draw(
    figure: Any,  # noqa: ANN401 - plotext has no types
    xs: Sequence[float],
    ys: Sequence[float],
    shape: str,
    role: Role,
) -> None:
    import plotext

    signal = figure.signal(list(xs), list(ys), marker=plotext.marker(shape, plotext.pixel(_NUMBERS[role])))
    signal.lines(True)  # noqa: FBT003 - plotext's signature
    figure.draw(signal)


def _ticks(figure: Any, frame: Frame, width: int) -> None:  # noqa: ANN401 - as above
    figure.ruler("y").lim(frame.low, frame.high)
    figure.ruler("y").ticks(list(frame.levels), [f" {f'{level:g}':>{frame.margin - 2}} " for level in frame.levels])
    count = max(2, (width - frame.margin) // _X_TICK_CELLS)
    moments = [frame.start + (frame.end - frame.start) * step / (count - 1) for step in range(count)]
    figure.ruler("x").lim(frame.start, frame.end)
    figure.ruler("x").ticks(moments, [moment_text(moment, frame.end - frame.start) for moment in moments])


def round_levels(low: float, high: float) -> list[float]:
    """A few round numbers between two values.

    >>> round_levels(21.4, 45.3), round_levels(0.0, 1.0)
    ([25.0, 30.0, 35.0, 40.0, 45.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    rough = (high - low) / _Y_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first = math.ceil(low / step)
    count = math.floor(high / step) - first + 1
    return [round((first + index) * step, 12) for index in range(count)]


def _limits(values: Sequence[float], warning: float | None, critical: float | None) -> tuple[float, float]:
    """What the axis shows: the values, and a limit when they come near it."""
    low, high = min(values), max(values)
    span = high - low or abs(high) / 10 or 1.0
    for limit in (warning, critical):
        if limit is not None and high < limit <= high + 1.5 * span:
            high = limit
    room = 0.08 * (high - low or span)
    return low - room, high + room


def _roles(row: str) -> Line:
    line: Line = []
    for colour, text in _PIECE.findall(row):
        if text:
            line.append((text, _ROLES.get(colour, Role.DIM)))
    return line
