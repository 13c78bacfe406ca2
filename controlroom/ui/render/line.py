"""A line of the screen before it has colours: pieces of text, each with a role.

A role says what a piece of text *means*; the palette (`controlroom.ui.palette`) says how that looks in a theme. So
everything that draws can be tested as strings, and no meaning hangs on a colour alone.

>>> plain(fit([("temp", Role.TEXT), (" 42.5", Role.CRIT)], 12)) + "|"
'temp 42.5   |'
>>> plain(fit([("temperature", Role.TEXT)], 6))
'tempe…'
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from rich.cells import cell_len

from controlroom.core.cells import left


class Role(StrEnum):
    """What a piece of text means."""

    TEXT = "text"
    #: secondary: units, labels of figures, what is normal
    DIM = "dim"
    #: what the eye should find first among what is normal
    STRONG = "strong"
    #: a title on a raised background
    TITLE = "title"
    TITLE_DIM = "title-dim"
    TITLE_STRONG = "title-strong"
    TITLE_WARN = "title-warn"
    TITLE_CRIT = "title-crit"
    TITLE_SIM = "title-sim"
    #: the tab of the screen that is shown
    TAB = "tab"
    #: a normal sparkline
    SPARK = "spark"
    #: the curve of a chart
    CHART = "chart"
    WARN = "warn"
    CRIT = "crit"
    #: the same, waiting for an operator: reverse video
    WARN_UNACK = "warn-unack"
    CRIT_UNACK = "crit-unack"
    #: back to normal by itself, waiting for an operator
    RTN_UNACK = "rtn-unack"
    #: stale, offline, unknown: not an alarm, but not to be believed either
    STALE = "stale"
    #: a drill: made by an injected fault
    SIM = "sim"
    #: the cursor's own mark
    CURSOR = "cursor"


Span = tuple[str, Role]
Line = list[Span]


def plain(line: Iterable[Span]) -> str:
    """The text alone."""
    return "".join(text for text, _ in line)


def width_of(line: Iterable[Span]) -> int:
    """Cells that the line takes."""
    return sum(cell_len(text) for text, _ in line)


def fit(line: Line, width: int, fill: Role = Role.TEXT) -> Line:
    """The line in exactly `width` cells: cropped with an ellipsis, or filled with spaces of the role `fill`."""
    fitted: Line = []
    room = width
    for text, role in line:
        size = cell_len(text)
        if size > room:
            fitted.append((left(text, room), role))
            return fitted
        fitted.append((text, role))
        room -= size
    if room:
        fitted.append((" " * room, fill))
    return fitted


def spread(start: Line, end: Line, width: int, fill: Role = Role.TEXT) -> Line:
    """`start` at the left, `end` at the right of `width` cells; `end` is whole, `start` gives way."""
    return [*fit(start, max(0, width - width_of(end)), fill), *end] if width_of(end) < width else fit(end, width, fill)


def heading(names: str, last: str, end: Line, width: int) -> Line:
    """A list's heading: the columns' names, the last column's if there is room for all of it, and `end` at the right.

    >>> plain(heading(" id ", "message", [("3", Role.TITLE_DIM)], 10)), plain(heading(" id ", "message", [], 12))
    (' id      3', ' id message ')
    """
    shown = names + last if cell_len(names) + cell_len(last) <= width - width_of(end) else names
    return spread([(shown, Role.TITLE_DIM)], end, width, Role.TITLE)
