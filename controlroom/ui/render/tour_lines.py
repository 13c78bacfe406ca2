"""The panel of the guided tour: its step, what that says, and its keys.

>>> from controlroom.ui.render.line import plain
>>> lines = tour_lines("Welcome", 1, 9, "Three minutes with this plant.", {"next": ">"}, 40)
>>> [plain(line).strip() for line in lines]
['TOUR 1 of 9  Welcome           > next', 'Three minutes with this plant.']
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap

from controlroom.ui.render.line import Line, Role, fit, spread

#: lines of text below the title: the longest step fits 80 columns
TEXT_LINES = 4


def tour_lines(title: str, number: int, of: int, text: str, keys: Mapping[str, str], width: int) -> list[Line]:
    """The title with the keys (what they do -> key), and the text in as many lines as it takes."""
    start: Line = [(f" TOUR {number} of {of} ", Role.TITLE_STRONG), (f" {title}", Role.TITLE_STRONG)]
    end: Line = []
    for what, key in keys.items():
        end += [(f"{key} ", Role.TITLE_STRONG), (f"{what}  ", Role.TITLE_DIM)]
    return [
        spread(start, end, width, Role.TITLE),
        *(fit([(f" {line}", Role.TEXT)], width) for line in wrap(text, max(20, width - 2))),
    ]
