"""How abnormal things are marked: always a shape and a word, and reverse video for what waits for an operator."""

from __future__ import annotations

from controlroom.core.alarm_view import Severity
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Role, Span

WORDS: dict[int, str] = {0: "    ", 1: "WARN", 2: "CRIT"}
#: of the alarm events on the wire
SEVERITY_OF: dict[str, Severity] = {"normal": 0, "warning": 1, "critical": 2}


def severity_role(severity: int, *, unacked: bool = False) -> Role:
    """The role of a severity."""
    if severity == 2:
        return Role.CRIT_UNACK if unacked else Role.CRIT
    if severity == 1:
        return Role.WARN_UNACK if unacked else Role.WARN
    return Role.RTN_UNACK if unacked else Role.DIM


def severity_glyph(severity: int, glyphs: Glyphs) -> str:
    """The shape of a severity; a space for normal."""
    return (" ", glyphs.warning, glyphs.critical)[severity]


def severity_mark(severity: int, glyphs: Glyphs, *, unacked: bool = False) -> Span:
    """Shape and word, six cells: `■ CRIT`; `◇ RTN ` for an alarm that went away unseen; blank for normal."""
    if severity == 0:
        return (f"{glyphs.returned} RTN ", Role.RTN_UNACK) if unacked else (" " * 6, Role.DIM)
    return f"{severity_glyph(severity, glyphs)} {WORDS[severity]}", severity_role(severity, unacked=unacked)


def edge_mark(glyphs: Glyphs, *, selected: bool, marked: bool) -> Span:
    """The first cell of an item: whether the cursor is on it, and whether it is marked."""
    if marked:
        return (glyphs.cursor_mark if selected else glyphs.mark), Role.CURSOR
    return (glyphs.cursor if selected else " "), Role.CURSOR
