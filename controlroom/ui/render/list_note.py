"""The line that says what is unusual about a list: held still, filtered, marked."""

from __future__ import annotations

from controlroom.ui.render.line import Line, Role


def list_note(*, shown: int | None, total: int | None, frozen: bool, new: int, gone: int, marked: int) -> Line:
    """Nothing when the list is as usual; `shown` is None when nothing is filtered.

    >>> from controlroom.ui.render.line import plain
    >>> plain(list_note(shown=3, total=15, frozen=True, new=2, gone=0, marked=1))
    ' FROZEN  2 new   1 marked   3 of 15 pass the filter'
    """
    parts: list[Line] = []
    if frozen:
        parts.append([("FROZEN", Role.STRONG), (f"  {new} new", Role.STRONG if new else Role.DIM)])
        if gone:
            parts.append([(f"{gone} over", Role.DIM)])
    if marked:
        parts.append([(f"{marked} marked", Role.STRONG)])
    if shown is not None:
        parts.append([(f"{shown} of {total} pass the filter" if total is not None else f"{shown} found", Role.DIM)])
    line: Line = []
    for part in parts:
        line += [("   " if line else " ", Role.TEXT), *part]
    return line
