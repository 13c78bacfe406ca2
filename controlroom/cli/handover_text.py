"""A shift's report as text for a terminal, as Markdown, and as an HTML page that needs nothing else."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from html import escape

from controlroom.core import cells
from controlroom.core.handover import LONGEST_NOTE, Given, Handover
from controlroom.core.handover_sections import sections_of, signature_of, summary_of, title_of
from controlroom.core.instants import instant
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
