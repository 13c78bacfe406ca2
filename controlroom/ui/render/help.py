"""The help screen: the keys as they are bound now, and what the marks mean. Fits 80x24."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from controlroom.core.cells import right
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit

_COLUMN = 25
_COLUMNS = 3
_KEY = 6


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Keys that belong together: (key, what it does)."""

    name: str
    keys: Sequence[tuple[str, str]]


def help_lines(groups: Sequence[KeyGroup], glyphs: Glyphs) -> list[Line]:
    """Columns of groups, each group going where there is most room, and the legend below."""
    columns: list[list[Line]] = [[] for _ in range(_COLUMNS)]
    # The largest first: so the columns come out even, and all of it fits 80x24.
    for group in sorted(groups, key=lambda group: -len(group.keys)):
        column = min(columns, key=len)
        if column:
            column.append([])
        column.append([(f" {group.name.upper()}", Role.DIM)])
        column += [[(right(key, _KEY), Role.STRONG), (f"  {what}", Role.TEXT)] for key, what in group.keys]
    rows = zip_longest(*columns, fillvalue=[("", Role.TEXT)])
    return [*([span for cell in row for span in fit(cell, _COLUMN)] for row in rows), [], *_legend(glyphs)]


def _legend(glyphs: Glyphs) -> list[Line]:
    return [
        [
            (" ", Role.TEXT),
            (f"{glyphs.critical} CRIT", Role.CRIT),
            (" critical   ", Role.DIM),
            (f"{glyphs.warning} WARN", Role.WARN),
            (" warning   ", Role.DIM),
            (f"{glyphs.critical} CRIT", Role.CRIT_UNACK),
            (" ", Role.DIM),
            (f"{glyphs.warning} WARN", Role.WARN_UNACK),
            (" wait for an operator", Role.DIM),
        ],
        [
            (" ", Role.TEXT),
            (f"{glyphs.returned} RTN", Role.RTN_UNACK),
            (" went away by itself, un-acked   ", Role.DIM),
            ("SIM", Role.SIM),
            (" caused by an injected fault", Role.DIM),
        ],
        [(" ", Role.TEXT), ("?", Role.STALE), (" not known: never shown as zero", Role.DIM)],
    ]
