"""The alarm report as text, with pictures by plotext."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

from controlroom.core import cells
from controlroom.core.instants import instant
from controlroom.core.sanitise import sanitise

if TYPE_CHECKING:
    from controlroom.core.alarms.measures import Measure, Report

WINDOW_S = 600.0
CHART_HEIGHT = 12
BAR_CELLS = 24
NAME_CELLS = 36
LISTED = 10


def lines(report: Report, width: int) -> Iterator[str]:
    """The report for a terminal of `width` columns."""
    yield f"Alarms from {instant(report.start)} to {instant(report.end)} UTC, operators: {report.operators}"
    drills = f", {report.simulated} of them simulated" if report.simulated else ""
    yield f"Annunciated: {report.annunciations}{drills}"
    yield ""
    yield from _measures(report.measures, width)
    if report.responses:
        median, slow = duration(report.response_median_s), duration(report.response_p90_s)
        yield f"response to {report.responses} alarms: half within {median}, nine in ten within {slow}"
        yield from _bars([(name, count, f"{count}") for name, count in response_rows(report)])
    if report.annunciations:
        yield ""
        yield from chart(report, width)
        yield ""
        yield "most frequent:"
        yield from _bars(
            [(f"{e.sensor_id} {e.alarm_kind}", e.count, f"{e.count} ({100 * e.share:.1f} %)") for e in report.frequent]
        )
    if report.chattering:
        yield "chattering:"
        for entry in report.chattering:
            yield sanitise(f"  {entry.sensor_id} {entry.alarm_kind}: {entry.count} times")
    if report.floods:
        yield "floods:"
        for flood in report.floods[-LISTED:]:
            yield f"  {instant(flood.start)} for {duration(flood.end - flood.start)}: {flood.annunciations} alarms"
    if report.stale:
        yield "stale:"
        for sensor, kind, since in report.stale[:LISTED]:
            yield sanitise(f"  {sensor} {kind}: active since {instant(since)}")


def response_rows(report: Report) -> list[tuple[str, int]]:
    """The classes of response times by name, with how many fell in each."""
    names = ("within a minute", "1 to 5 min", "5 to 10 min", "10 to 30 min", "30 to 60 min", "later")
    return list(zip(names, report.response_classes, strict=True))


def _bars(rows: Sequence[tuple[str, int, str]]) -> Iterator[str]:
    """One line each: name, bar, what is said behind it; 80 columns at the most."""
    most = max((count for _, count, _ in rows), default=0) or 1
    names = [sanitise(name, limit=NAME_CELLS) for name, _, _ in rows]
    size = cells.widest(names)
    for name, (_, count, said) in zip(names, rows, strict=True):
        bar = "█" * round(BAR_CELLS * count / most) or ("▏" if count else "")
        yield f"  {cells.left(name, size)}  {bar} {said}"


def _measures(measures: Sequence[Measure], width: int) -> Iterator[str]:
    """The table of the targets; where it does not fit, the target of each is on a line of its own."""
    rows = [("MEASURE", "VALUE", "VERDICT", "TARGET", "")]
    rows += [(m.name, value_of(m), str(m.verdict), m.target, m.detail) for m in measures]
    widths = [cells.widest(column) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * len(widths) <= width:
        yield from cells.table(rows)
        return
    for row, text in zip(rows, cells.table([row[:3] for row in rows]), strict=True):
        yield text
        if row[3] != "TARGET":
            yield "    target: " + "; ".join(cell for cell in row[3:] if cell)


def value_of(measure: Measure) -> str:
    """A measure's value with its unit; a dash when there is nothing to measure."""
    if measure.value is None:
        return "-"
    value = round(measure.value, 2)
    return f"{value:.{0 if value == int(value) else 2}f} {measure.unit}".rstrip()


def duration(seconds: float | None) -> str:
    """`42 s`, `7 min`, `3.5 h`."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def gathered(windows: Sequence[int], most: int) -> tuple[list[int], int]:
    """The worst of every so many neighbouring windows, so that no more than `most` are left; and how many these are.

    >>> gathered([1, 2, 3, 9, 5], 3)
    ([2, 9, 5], 2)
    """
    size = max(1, -(-len(windows) // most))
    return [max(windows[i : i + size]) for i in range(0, len(windows), size)], size


def chart(report: Report, width: int) -> list[str]:
    """Annunciations in 10 minutes over the period, as a bar chart."""
    import plotext

    bars, size = gathered(report.windows, max(1, (width - 8) // 2))
    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)  # noqa: FBT003 - plotext's signature
    figure.theme("colorless")
    figure.plot_size(width, CHART_HEIGHT)
    each = "" if size == 1 else f" (the worst of each {size * 10} min)"
    figure.title(f"annunciated alarms per 10 min{each}")
    figure.draw(figure.bar(list(range(len(bars))), bars))
    highest = max(bars)
    levels = sorted({0, highest // 2, highest})
    figure.ruler("y").ticks(levels, [str(level) for level in levels])
    places = sorted({0, len(bars) // 2, len(bars) - 1})
    figure.ruler("x").ticks(places, [instant(report.start + place * size * WINDOW_S)[5:16] for place in places])
    # plotext has opinions about some data, and says them on the terminal.
    with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        drawn = figure.build().string()
    return [row.rstrip() for row in plotext.uncolorize(drawn).split("\n")]
