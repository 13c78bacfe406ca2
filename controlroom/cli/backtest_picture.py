"""A series, its score and its alarms as a picture in the terminal."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from controlroom.core.backtest.labels import Window
from controlroom.core.backtest.series import Outcome

_LEAST_COLUMNS, _MOST_COLUMNS = 60, 160
_TICKS = 5


def picture_of(outcome: Outcome, windows: Sequence[Window] = (), *, width: int | None = None) -> str:
    """Value above, score below, on one time axis; alarms and labelled faults as marks over the score.

    Of each column of the picture the extremes are drawn, so that no spike falls between two points.
    """
    import plotext

    if outcome.rows < 2:
        return "two rows are needed for a picture"
    if width is None:
        width = max(_LEAST_COLUMNS, min(_MOST_COLUMNS, shutil.get_terminal_size().columns))
    rows = _columns(outcome, 2 * width)
    first, last = outcome.times[0], outcome.times[-1]
    ticks = [first + (last - first) * i / (_TICKS - 1) for i in range(_TICKS)]
    parts = []
    for title, values, height in (("value", outcome.values, 12), ("score", outcome.scores, 9)):
        if title == "value" and outcome.values == outcome.scores:
            continue
        plotext.clear_figure()
        plotext.plotsize(width, height)
        points = [(outcome.times[row], values[row]) for row in rows if math.isfinite(values[row])]
        plotext.plot([t for t, _ in points], [v for _, v in points], marker="braille")
        if title == "score":
            plotext.ylim(0.0, 1.15)
            raised = [alarm.t for alarm in outcome.raised]
            if raised:
                plotext.scatter(raised, [1.1] * len(raised), marker="!")
            for window in windows:
                plotext.plot([window.start, window.end], [1.0, 1.0], marker="=")
        plotext.xlim(first, last)
        plotext.xticks(ticks, [_clock(t, last - first) for t in ticks])
        plotext.title(f"{title} {outcome.unit}".strip() if title == "value" else "score   ! alarm   = labelled")
        plotext.clear_color()
        parts.append(plotext.build())
    plotext.clear_figure()
    text = "\n".join(parts)
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        text = plotext.uncolorize(text)
    return text


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
