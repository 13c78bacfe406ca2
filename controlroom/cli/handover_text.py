"""A shift's report as text for a terminal, as Markdown, and as an HTML page that needs nothing else."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from controlroom.cli.alarm_text import instant
from controlroom.core import cells
from controlroom.core.handover import LONGEST_NOTE, Given, Handover, Silenced
from controlroom.core.sanitise import sanitise

#: A line of a name and a time.
LONGEST = 200
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; margin: .5rem 0 1rem }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #d8dee4; vertical-align: top }
h2 { margin-top: 1.5rem; font-size: 1.15rem }
.sign { margin-top: 3rem; border-top: 1px solid #1b1f24; width: 24rem; padding-top: .25rem }
@media print { body { margin: 0 } h2 { break-after: avoid } }
"""


class Section(NamedTuple):
    """A table under a title; `empty` is said where it has no rows."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str


def title_of(report: Handover) -> str:
    """The period of the shift."""
    return f"Shift from {instant(report.since)} to {instant(report.until)} UTC"


def summary_of(report: Handover) -> str:
    """The shift in one sentence."""
    standing = len(report.standing) + report.more_standing
    hidden = f", {report.by_design} suppressed by design" if report.by_design else ""
    return (
        f"{_count(report.rings, 'alarm')} rang. {_count(standing, 'alarm')} "
        f"{'stands' if standing == 1 else 'stand'}, {report.waiting} not acknowledged{hidden}."
    )


def signature_of(given: Given) -> str:
    """Who gave it, and who took over."""
    gave = f"Handover {given.number}, given by {given.who} at {instant(given.at)}"
    if given.signed is None:
        return f"{gave}; not signed yet"
    remark = f": {given.signed.remark}" if given.signed.remark else ""
    return f"{gave}, signed by {given.signed.who} at {instant(given.signed.at)}{remark}"


def sections_of(report: Handover) -> Iterable[Section]:
    """All that the report tells, what matters most first."""
    yield Section(
        "Notes", ("AT", "WHO", "NOTE"), [(instant(note.at), note.who, note.text) for note in report.notes], "no notes"
    )
    standing = [
        (
            alarm.state, alarm.priority, alarm.severity, alarm.sensor_id, alarm.kind, instant(alarm.since),
            f"acked by {alarm.acked_by}; {alarm.detail}" if alarm.acked_by else alarm.detail,
        )
        for alarm in report.standing
    ]  # fmt: skip
    if report.more_standing:
        standing.append(("", "", "", f"and {report.more_standing} more", "", "", "`controlroom alarms list` has all"))
    yield Section(
        "Alarms that stand", ("STATE", "PRIORITY", "SEVERITY", "SENSOR", "KIND", "SINCE", "DETAIL"), standing,
        "no alarm stands",
    )  # fmt: skip
    yield Section(
        "Shelved", ("UNTIL", "SENSOR", "KIND", "BY", "REASON"), _silenced(report.shelved), "nothing is shelved"
    )
    yield Section(
        "Out of service", ("SINCE", "SENSOR", "KIND", "BY", "REASON"), _silenced(report.out_of_service),
        "nothing is out of service",
    )  # fmt: skip
    yield Section(
        "Marked as false", ("AT", "SENSOR", "KIND", "BY", "REASON"),
        [(instant(act.at), act.sensor_id, act.kind, act.who, act.text) for act in report.false_alarms],
        "nothing was marked as false",
    )  # fmt: skip
    yield Section(
        "Operators' actions", ("WHO", "ACTIONS"), [(who, str(count)) for who, count in report.done], "no actions"
    )


def text(report: Handover, given: Given | None = None, width: int | None = None) -> Iterable[str]:
    """Lines for a terminal; what exceeds `width` is cut, but for notes, which go on below."""
    yield title_of(report)
    if given is not None:
        yield sanitise(signature_of(given), limit=LONGEST)
    yield summary_of(report)
    for section in sections_of(report):
        yield ""
        if not section.rows:
            yield f"{section.title}: {section.empty}"
            continue
        yield section.title
        if section.title == "Notes":
            yield from _notes(report, width)
            continue
        rows = [section.head, *([sanitise(cell, limit=LONGEST_NOTE) for cell in row] for row in section.rows)]
        yield from (f"  {line}" if width is None else cells.crop(f"  {line}", width) for line in cells.table(rows))


def markdown(report: Handover, given: Given | None = None) -> str:
    """The report as Markdown. Names and notes come from the network and from people: nothing in them is markup."""
    lines = [f"# {title_of(report)}", ""]
    if given is not None:
        lines += [_plain(signature_of(given)), ""]
    lines += [summary_of(report)]
    for section in sections_of(report):
        lines += ["", f"## {section.title}", ""]
        if not section.rows:
            lines.append(f"{section.empty[0].upper()}{section.empty[1:]}.")
            continue
        lines.append("| " + " | ".join(name.capitalize() for name in section.head) + " |")
        lines.append("|" + "---|" * len(section.head))
        lines += ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in section.rows]
    return "\n".join(lines) + "\n"


def html(report: Handover, given: Given | None = None) -> str:
    """The report as a page to print, with a line for a signature by hand."""
    parts = [f"<h1>{escape(title_of(report))}</h1>"]
    if given is not None:
        parts.append(f"<p>{_cell(signature_of(given))}</p>")
    parts.append(f"<p>{escape(summary_of(report))}</p>")
    for section in sections_of(report):
        parts.append(f"<h2>{escape(section.title)}</h2>")
        if not section.rows:
            parts.append(f"<p>{escape(section.empty[0].upper() + section.empty[1:])}.</p>")
            continue
        head = "".join(f"<th>{escape(name.capitalize())}</th>" for name in section.head)
        rows = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in section.rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
    if given is None or given.signed is None:
        parts.append('<p class="sign">Taken over by, date and time</p>')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title_of(report))}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _silenced(kept: Iterable[Silenced]) -> list[tuple[str, ...]]:
    return [
        (
            instant(alarm.until if alarm.until is not None else alarm.since), alarm.sensor_id, alarm.kind, alarm.who,
            alarm.reason,
        )
        for alarm in kept
    ]  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _cell(text: str) -> str:
    return escape(sanitise(text, limit=LONGEST_NOTE))


def _plain(text: str) -> str:
    """Text in which no character is Markdown's or HTML's."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", sanitise(text, limit=LONGEST_NOTE))


def _notes(report: Handover, width: int | None) -> Iterable[str]:
    """Notes are told whole: who and when, and the text below."""
    for note in report.notes:
        said = sanitise(note.text, limit=LONGEST_NOTE)
        yield sanitise(f"  {instant(note.at)}  {note.who}", limit=LONGEST)
        room = (width or 10_000) - 4
        # A wide character takes two cells.
        room = room // 2 if cells.widest([said]) > len(said) else room
        yield from (f"    {line}" for line in textwrap.wrap(said, max(20, room)))
