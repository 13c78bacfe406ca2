"""The report of a shift as rows: headings, and one line for each note, alarm and action."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from controlroom.core import cells
from controlroom.core.handover import LONGEST_NOTE, Given, Handover
from controlroom.core.handover_sections import Section, sections_of, signature_of, summary_of
from controlroom.core.instants import instant
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.cluster_tables import Row
from controlroom.ui.render.line import Line, Role, spread
from controlroom.ui.render.numbers import age_text, span_text

_CELL = 120
_WIDE = 110


def handover_title(report: Handover, age: float, width: int) -> Line:
    """Since when the shift is running, and how old this report is."""
    since = f"since {instant(report.since)[:16]} UTC, {span_text(report.until - report.since)}"
    return spread(
        [(" SHIFT ", Role.TITLE_STRONG), (f" {since}", Role.TITLE)],
        [(f"{age_text(age)} ago ", Role.TITLE_DIM)],
        width,
        Role.TITLE,
    )


def handover_rows(report: Handover, unsigned: Given | None, width: int) -> list[Row]:
    """All of the report; on top the handover that waits for a signature, if one does."""
    rows = []
    if unsigned is not None:
        rows.append(Row("unsigned", [(f" {sanitise(signature_of(unsigned))}: s signs it", Role.WARN)]))
    rows.append(Row("summary", [(f" {summary_of(report)}", Role.TEXT)]))
    for section in sections_of(report):
        rows += _section(section, report, width)
    return rows


def _section(section: Section, report: Handover, width: int) -> Iterable[Row]:
    name = section.title
    if not section.rows:
        yield Row(f"{name}\0", [(f" {name.upper()}  ", Role.DIM), (section.empty, Role.DIM)], selectable=False)
        return
    yield Row(f"{name}\0", [(f" {name.upper()}", Role.STRONG)], selectable=False)
    if name == "Notes":
        yield from _notes(report, width)
        return
    table = [section.head, *([sanitise(cell, limit=_CELL) for cell in row] for row in section.rows)]
    for place, text in enumerate(cells.table(_short(table, width))):
        if place:
            yield Row(f"{name}\0{place}", [(f"  {text}", Role.TEXT)])
        else:
            # Where the cursor cannot be there is no cell for it.
            yield Row(f"{name}\0{place}", [(f"   {text}", Role.DIM)], selectable=False)


def _short(table: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Times without the year and the seconds; on a narrow terminal no priority, which the order tells."""
    times = [place for place, head in enumerate(table[0]) if head in ("AT", "SINCE", "UNTIL")]
    left_out = [place for place, head in enumerate(table[0]) if head == "PRIORITY" and width < _WIDE]
    return [
        [cell[5:16] if place in times and number else cell for place, cell in enumerate(row) if place not in left_out]
        for number, row in enumerate(table)
    ]


def _notes(report: Handover, width: int) -> Iterable[Row]:
    for place, note in enumerate(report.notes):
        head = f"  {instant(note.at)[5:16]}  {sanitise(note.who, limit=32)}: "
        margin = cells.widest([head])
        said = sanitise(note.text, limit=LONGEST_NOTE)
        room = max(20, width - margin - 2)
        # A wide character takes two cells.
        room = room // 2 if cells.widest([said]) > len(said) else room
        for number, part in enumerate(textwrap.wrap(said, room)):
            lead = head if number == 0 else " " * margin
            yield Row(f"note\0{place}\0{number}", [(lead, Role.DIM), (part, Role.TEXT)])
