"""The alarm report as one HTML page that needs nothing else: style and pictures are inside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from controlroom.cli.alarm_text import instant
from controlroom.cli.report_text import duration, gathered, value_of
from controlroom.core.sanitise import sanitise

if TYPE_CHECKING:
    from controlroom.core.alarms.measures import Report

CHART_WIDTH, CHART_HEIGHT = 900, 200
MOST_BARS = 300
#: More than this in 10 minutes is too much for one operator (EEMUA 191).
LIMIT = 10

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #d8dee4 }
td.number { text-align: right }
.pass { color: #116329 } .fail { color: #a40e26; font-weight: 600 } .manageable { color: #7d4e00 }
svg { max-width: 100%; height: auto }
"""


def page(report: Report) -> str:
    """The whole page. Names come from the network: every one is escaped."""
    period = f"{instant(report.start)} to {instant(report.end)} UTC"
    drills = f", {report.simulated} of them simulated" if report.simulated else ""
    measures = [
        (
            m.name,
            value_of(m),
            m.target,
            f'<span class="{escape(str(m.verdict))}">{escape(str(m.verdict))}</span>',
            m.detail,
        )
        for m in report.measures
    ]
    parts = [
        f"<h1>Alarms, {escape(period)}</h1>",
        f"<p>Annunciated: {report.annunciations}{drills}. Operators: {report.operators}.</p>",
        _table(("measure", "value", "target", "verdict", ""), measures, raw=3),
        (f"<p>Response to {report.responses} alarms: half within {duration(report.response_median_s)}, "
        f"nine in ten within {duration(report.response_p90_s)}.</p>"),
        "<h2>Annunciated alarms per 10 minutes</h2>",
        _bars(report),
        _section("Most frequent", ("sensor", "kind", "times", "share"), (
            (f.sensor_id, f.alarm_kind, f.count, f"{100 * f.share:.1f} %") for f in report.frequent)),
        _section("Chattering", ("sensor", "kind", "times"), (
            (f.sensor_id, f.alarm_kind, f.count) for f in report.chattering)),
        _section("Floods", ("from", "lasted", "alarms"), (
            (instant(f.start), duration(f.end - f.start), f.annunciations) for f in report.floods)),
        _section("Stale", ("sensor", "kind", "active since"), (
            (sensor, kind, instant(since)) for sensor, kind, since in report.stale)),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><title>Alarms, {escape(period)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    found = list(rows)
    return f"<h2>{escape(title)}</h2>" + (_table(head, found) if found else "<p>None.</p>")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], *, raw: int | None = None) -> str:
    """A table; the cells of column `raw` are HTML already."""
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{cell if column == raw else escape(sanitise(str(cell)))}</td>" for column, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>{body}</table>"


def _bars(report: Report) -> str:
    bars, size = gathered(report.windows, MOST_BARS)
    highest = max(*bars, LIMIT * report.operators, 1)
    step = CHART_WIDTH / len(bars)
    scale = (CHART_HEIGHT - 20) / highest
    drawn = [
        f'<rect x="{index * step:.1f}" y="{CHART_HEIGHT - count * scale:.1f}" width="{max(step - 1, 0.5):.1f}" '
        f'height="{count * scale:.1f}" fill="{"#a40e26" if count > LIMIT * report.operators else "#4a7ba6"}">'
        f"<title>{instant(report.start + index * size * 600)}: {count}</title></rect>"
        for index, count in enumerate(bars)
        if count
    ]
    level = CHART_HEIGHT - LIMIT * report.operators * scale
    drawn.append(
        f'<line x1="0" x2="{CHART_WIDTH}" y1="{level:.1f}" y2="{level:.1f}" stroke="#a40e26" stroke-dasharray="6"/>'
    )
    title = f"annunciated alarms per 10 minutes, at most {max(bars)}"
    return f'<svg viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}" role="img" aria-label="{title}">{"".join(drawn)}</svg>'
