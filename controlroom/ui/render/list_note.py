"""The line that says what is unusual about a list: held still, marked."""

from __future__ import annotations

from controlroom.ui.render.line import Line, Role


def list_note(*, frozen: bool, new: int, gone: int, marked: int, sensors: int = 0) -> Line:
    """Nothing when the list is as usual.

    >>> from controlroom.ui.render.line import plain
    >>> plain(list_note(frozen=True, new=2, gone=1, marked=3))
    ' FROZEN  2 new  1 over   3 marked'
    >>> plain(list_note(frozen=False, new=0, gone=0, marked=2, sensors=140))
    ' 2 marked: 140 sensors'
    """
    line: Line = []
    if frozen:
        line += [(" FROZEN", Role.STRONG), (f"  {new} new", Role.STRONG if new else Role.DIM)]
        if gone:
            line.append((f"  {gone} over", Role.DIM))
    if marked:
        line += [("   " if line else " ", Role.TEXT), (f"{marked} marked", Role.STRONG)]
        if sensors:
            line.append((f": {sensors} sensor{'' if sensors == 1 else 's'}", Role.TEXT))
    return line
