"""The help screen: the keys as they are bound now, and what the marks mean. Fits 80x24."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product, zip_longest

from controlroom.core.cells import left, right
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit

_COLUMN = 25
_COLUMNS = 3
_KEY = 6
#: of what a search finds
_WHAT, _WHERE = 22, 22
#: rows of keys that fit 80x24 with the legend
_MOST_ROWS = 17


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Keys that belong together: (key, what it does)."""

    name: str
    keys: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key: what it does, and where; empty: on the screen that is open."""

    binding_id: str
    key: str
    what: str
    where: str = ""
    #: the mode in which that screen is opened; empty: it is opened from another
    mode: str = ""


def help_lines(groups: Sequence[KeyGroup], glyphs: Glyphs) -> list[Line]:
    """Columns of groups, each group going where there is most room, and the legend below."""
    columns: list[list[Line]] = [[] for _ in range(_COLUMNS)]
    for group, place in _places(groups):
        column = columns[place]
        if column:
            column.append([])
        column.append([(f" {group.name.upper()}", Role.DIM)])
        column += [[(right(key, _KEY), Role.STRONG), (f"  {what}", Role.TEXT)] for key, what in group.keys]
    rows = zip_longest(*columns, fillvalue=[("", Role.TEXT)])
    return [*([span for cell in row for span in fit(cell, _COLUMN)] for row in rows), [], *_legend(glyphs)]


def found_lines(found: Sequence[tuple[KeyEntry, str]], height: int) -> list[Line]:
    """What a search has found: the key, what it does, on which screen, and the synonym by which it was found."""
    if not found:
        return [[], [("  no key does that", Role.TEXT)], [("  : finds sensors by their names", Role.DIM)]]
    rows: list[Line] = [
        [
            (right(entry.key, _KEY), Role.STRONG),
            (f"  {left(entry.what, _WHAT)}", Role.TEXT),
            (f" {left(entry.where or 'here', _WHERE)}", Role.DIM if entry.where else Role.STRONG),
            (f" {needed}", Role.DIM),
        ]
        for entry, needed in found
    ]
    if len(rows) > height:
        more = len(rows) - height + 1
        rows = [*rows[: height - 1], [(f"  and {more} more: type on", Role.DIM)]]
    return rows


def _places(groups: Sequence[KeyGroup]) -> list[tuple[KeyGroup, int]]:
    """In which column each group stands."""
    # The largest first, each where there is most room: so the columns come out even.
    ordered = sorted(groups, key=lambda group: -len(group.keys))
    sizes, greedy = [0] * _COLUMNS, []
    for group in ordered:
        place = sizes.index(min(sizes))
        sizes[place] += _lines(group, sizes[place])
        greedy.append(place)
    if max(sizes) <= _MOST_ROWS:
        return list(zip(ordered, greedy, strict=True))

    def height(places: Sequence[int]) -> int:
        sizes = [0] * _COLUMNS
        for group, place in zip(ordered, places, strict=True):
            sizes[place] += _lines(group, sizes[place])
        return max(sizes)

    best = min(product(range(_COLUMNS), repeat=len(ordered)), key=height)
    return list(zip(ordered, best, strict=True))


def _lines(group: KeyGroup, above: int) -> int:
    """Lines that a group takes: a title, its keys, and a blank line before it if something is `above`."""
    return len(group.keys) + 1 + (above > 0)


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
