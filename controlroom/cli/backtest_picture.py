"""A series, its score and its alarms as a picture in the terminal."""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from controlroom.core.backtest.labels import Window
from controlroom.core.backtest.series import Outcome

_LEAST_COLUMNS, _MOST_COLUMNS = 60, 160
_TICKS = 5
#: numbers of the terminal's palette
_VALUE, _LABEL, _ALARM = 7, 3, 1


def picture_of(outcome: Outcome, windows: Sequence[Window] = (), *, width: int | None = None) -> str:
    """Value above, score below, on one time axis; alarms and labelled faults as marks over the score.

    Of each column of the picture the extremes are drawn, so that no spike falls between two points.
    """
    if outcome.rows < 2 or outcome.times[-1] <= outcome.times[0]:
        return "two rows are needed for a picture"
    if width is None:
        width = max(_LEAST_COLUMNS, min(_MOST_COLUMNS, shutil.get_terminal_size().columns))
    rows = _columns(outcome, 2 * width)
    first, last = outcome.times[0], outcome.times[-1]
    parts = []
    if outcome.values != outcome.scores:
        shown = [row for row in rows if math.isfinite(outcome.values[row])]
        figure = _figure(width, 11)
        _draw(figure, [outcome.times[row] for row in shown], [outcome.values[row] for row in shown], "braille", _VALUE)
        low, high = min(map(outcome.values.__getitem__, shown)), max(map(outcome.values.__getitem__, shown))
        room = 0.05 * (high - low) or abs(high) / 10 or 1.0
        parts += [f"value {outcome.unit}".rstrip(), _built(figure, first, last, low - room, high + room, width)]
    figure = _figure(width, 9)
    _draw(figure, [outcome.times[row] for row in rows], [outcome.scores[row] for row in rows], "braille", _VALUE)
    for window in windows:
        if first <= window.start <= last:
            _draw(figure, [window.start, min(last, window.end)], [1.05, 1.05], "=", _LABEL)
    raised = [alarm.t for alarm in outcome.raised if first <= alarm.t <= last]
    if raised:
        _draw(figure, raised, [1.2] * len(raised), "!", _ALARM, joined=False)
    parts += ["score   ! alarm   = labelled", _built(figure, first, last, 0.0, 1.25, width)]
    text = "\n".join(parts)
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        text = re.sub("\x1b\\[[0-9;]*m", "", text)
    return text


def _figure(width: int, height: int) -> Any:  # noqa: ANN401 - plotext has no types
    import plotext

    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)  # noqa: FBT003 - plotext's signature
    figure.theme("colorless")
    figure.plot_size(width, height)
    figure.axes(False)  # noqa: FBT003
    return figure


def _draw(
    figure: Any,  # noqa: ANN401 - as above
    xs: Sequence[float],
    ys: Sequence[float],
    shape: str,
    colour: int,
    *,
    joined: bool = True,
) -> None:
    import plotext

    signal = figure.signal(list(xs), list(ys), marker=plotext.marker(shape, plotext.pixel(colour)))
    if joined:
        signal.lines(True)  # noqa: FBT003
    figure.draw(signal)


def _built(figure: Any, first: float, last: float, low: float, high: float, width: int) -> str:  # noqa: ANN401
    figure.ruler("y").lim(low, high)
    levels = [low + (high - low) * i / 4 for i in range(5)]
    figure.ruler("y").ticks(levels, [f"{f'{level:.4g}':>9} " for level in levels])
    moments = [first + (last - first) * i / (_TICKS - 1) for i in range(_TICKS if width > 75 else 3)]
    if width <= 75:
        moments = [first, (first + last) / 2, last]
    figure.ruler("x").lim(first, last)
    figure.ruler("x").ticks(moments, [_clock(t, last - first) for t in moments])
    # plotext has opinions about some data, and says them on the terminal.
    with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        return str(figure.build().string()).rstrip("\n")


def _columns(outcome: Outcome, columns: int) -> list[int]:
    """Rows to draw: of each column's the ones with the least and the largest value, and the largest score."""
    rows: set[int] = {0, outcome.rows - 1}
    per = max(1, outcome.rows // columns)
    for start in range(0, outcome.rows, per):
        part = [row for row in range(start, min(start + per, outcome.rows)) if math.isfinite(outcome.values[row])]
        if part:
            rows |= {
                min(part, key=outcome.values.__getitem__),
                max(part, key=outcome.values.__getitem__),
                max(part, key=outcome.scores.__getitem__),
            }
    return sorted(rows)


def _clock(t: float, span: float) -> str:
    try:
        moment = datetime.fromtimestamp(t, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{t:.0f}"
    return moment.strftime("%H:%M:%S" if span < 6 * 3600 else "%m-%d %H:%M")
