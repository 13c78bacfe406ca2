"""The bottom line: the keys that do something here. What does not fit is left to the help; its own key always fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from controlroom.ui.render.line import Line, Role

_GAP = 2


@dataclass(frozen=True, slots=True)
class KeyHint:
    """One key: `display` as it stands on the screen, `key` as it is pressed."""

    key: str
    display: str
    description: str
    #: stays when there is not room for all
    always: bool = False

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return cell_len(self.display) + 1 + cell_len(self.description)


def fitting(hints: Sequence[KeyHint], width: int) -> list[KeyHint]:
    """Those that fit, in order; those that stay come last.

    >>> keys = [KeyHint("a", "a", "Ack"), KeyHint("s", "s", "Shelve"), KeyHint("q", "q", "Quit", always=True)]
    >>> [[hint.key for hint in fitting(keys, width)] for width in (80, 20, 10)]
    [['a', 's', 'q'], ['a', 'q'], ['q']]
    """
    room = width - 1 - sum(hint.width + _GAP for hint in hints if hint.always)
    shown: list[KeyHint] = []
    for hint in hints:
        if not hint.always:
            room -= hint.width + _GAP
            if room < 0:
                break
            shown.append(hint)
    return [*shown, *(hint for hint in hints if hint.always)]


def key_line(hints: Sequence[KeyHint]) -> Line:
    """The line."""
    line: Line = [(" ", Role.TITLE_DIM)]
    for hint in hints:
        line += [(hint.display, Role.TITLE_STRONG), (f" {hint.description}{' ' * _GAP}", Role.TITLE_DIM)]
    return line


def hint_at(hints: Sequence[KeyHint], x: int) -> KeyHint | None:
    """Which key stands at column `x`.

    >>> hint_at([KeyHint("a", "a", "Ack"), KeyHint("q", "q", "Quit")], 9).key
    'q'
    """
    start = 1
    for hint in hints:
        if start <= x < start + hint.width:
            return hint
        start += hint.width + _GAP
    return None
