"""The chart of one sensor, drawn by plotext: its readings, its limits, its alarms, on one time axis.

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
from typing import Any

from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.numbers import clock_text

_ROLES = {"1": Role.CRIT, "3": Role.WARN, "7": Role.CHART}
_NUMBERS = {role: int(number) for number, role in _ROLES.items()}
_PIECE = re.compile(r"\x1b\[(?:0|38;5;(\d+))m([^\x1b]*)")
_Y_TICKS = 5
#: cells between the labels of the time axis
_X_TICK_CELLS = 18


@dataclass(frozen=True, slots=True)
class ChartMark:
    """An alarm on the time axis."""

    at: float
    severity: int


def chart_lines(
    times: Sequence[float],
    values: Sequence[float],
    *,
    width: int,
    height: int,
    glyphs: Glyphs,
    warning: float | None = None,
    critical: float | None = None,
    marks: Sequence[ChartMark] = (),
) -> list[Line]:
    """`height` lines of `width` cells. Times are seconds since the epoch; values and limits have one unit."""
    # Readings may overtake each other on their way; a curve must not go back in time.
    points = sorted(zip(times, values, strict=True))
    times, values = [at for at, _ in points], [value for _, value in points]
    few = len(values) < 2 or times[-1] <= times[0]
    if few or width < 20 or height < 4:
        said = "two readings are needed for a chart" if few else ""
        blank: list[Line] = [[(" " * width, Role.TEXT)] for _ in range(height)]
        return [fit([(f"   {said}", Role.DIM)], width), *blank[1:]] if blank else blank
    low, high = _limits(values, warning, critical)
    figure = _figure(width, height)
    for limit, role in ((warning, Role.WARN), (critical, Role.CRIT)):
        if limit is not None and low <= limit <= high:
            _draw(figure, [times[0], times[-1]], [limit, limit], "-" if glyphs.ascii else "┄", role)
    _draw(figure, times, values, "*" if glyphs.ascii else "braille", Role.CHART)
    for severity, role, shape in ((1, Role.WARN, glyphs.warning), (2, Role.CRIT, glyphs.critical)):
        at = [mark.at for mark in marks if mark.severity == severity and times[0] <= mark.at <= times[-1]]
        if at:
            _draw(figure, at, [high] * len(at), shape, role, joined=False)
    _ticks(figure, times, low, high, width)
    # plotext has opinions about some data, and says them on the terminal that the screen is drawn on.
    with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        drawn = figure.build().string()
    return [fit(_roles(row), width) for row in drawn.split("\n")[:height]]


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
    *,
    joined: bool = True,
) -> None:
    import plotext

    signal = figure.signal(list(xs), list(ys), marker=plotext.marker(shape, plotext.pixel(_NUMBERS[role])))
    if joined:
        signal.lines(True)  # noqa: FBT003 - plotext's signature
    figure.draw(signal)


def _ticks(figure: Any, times: Sequence[float], low: float, high: float, width: int) -> None:  # noqa: ANN401 - as above
    levels = round_levels(low, high)
    texts = [f"{level:g}" for level in levels]
    longest = max(map(len, texts))
    figure.ruler("y").lim(low, high)
    figure.ruler("y").ticks(levels, [f" {text:>{longest}} " for text in texts])
    count = max(2, width // _X_TICK_CELLS)
    moments = [times[0] + (times[-1] - times[0]) * step / (count - 1) for step in range(count)]
    figure.ruler("x").lim(times[0], times[-1])
    figure.ruler("x").ticks(moments, [clock_text(moment) for moment in moments])


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
