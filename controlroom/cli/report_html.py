"""The alarm report as one HTML page that needs nothing else: style and pictures are inside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from controlroom.cli.report_pictures import bars, rows
from controlroom.cli.report_text import WINDOW_S, duration, gathered, response_rows, value_of
from controlroom.core.instants import instant
from controlroom.core.sanitise import sanitise

if TYPE_CHECKING:
    from controlroom.core.alarms.measures import Report

MOST_BARS = 300
#: More than this in 10 minutes is too much for one operator (EEMUA 191).
LIMIT = 10

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #d8dee4 }
td.number { text-align: right }
.pass { color: #116329 } .fail { color: #a40e26; font-weight: 600 } .manageable { color: #7d4e00 }
svg { display: block; width: 100%; height: auto; font-family: system-ui, sans-serif }
h2 { margin-top: 2rem; font-size: 1.15rem }
@media print { body { margin: 0 } h2 { break-after: avoid } svg { break-inside: avoid } }
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
        _load(report),
        _frequent(report),
        _responses(report),
        _priorities(report),
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


def _load(report: Report) -> str:
    counts, size = gathered(report.windows, MOST_BARS)
    each = "" if size == 1 else f" (the worst of each {size * 10} minutes)"
    title = f"annunciated alarms per 10 minutes{each}, at most {max(counts)}"
    return f"<h2>Annunciated alarms per 10 minutes{each}</h2>" + bars(
        counts, report.start, size * WINDOW_S, LIMIT * report.operators, title
    )


def _frequent(report: Report) -> str:
    if not report.frequent:
        return "<h2>Most frequent</h2><p>None.</p>"
    named = [
        (sanitise(f"{f.sensor_id} {f.alarm_kind}", limit=46), float(f.count), f"{f.count} ({100 * f.share:.1f} %)")
        for f in report.frequent
    ]
    return "<h2>Most frequent</h2>" + rows(named, "the ten most frequent alarms")


def _responses(report: Report) -> str:
    if not report.responses:
        return "<h2>Response</h2><p>Nothing was acknowledged.</p>"
    named = [(name, float(count), str(count)) for name, count in response_rows(report)]
    return (
        f"<h2>Response</h2><p>{report.responses} acknowledged: half within {duration(report.response_median_s)}, "
        f"nine in ten within {duration(report.response_p90_s)}.</p>" + rows(named, "how soon alarms were acknowledged")
    )


def _priorities(report: Report) -> str:
    total = sum(report.priorities.values())
    if not total:
        return ""
    goals = {"low": 80, "medium": 15, "high": 5}
    named = [
        (f"{name} (about {goals[name]} %)", float(count), f"{count} ({100 * count / total:.0f} %)")
        for name, count in report.priorities.items()
    ]
    return "<h2>Priorities</h2>" + rows(named, "annunciated alarms by priority")
