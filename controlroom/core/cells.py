"""Text in columns of a terminal: measured in cells, since a character may take none, one or two.

>>> left("温度", 6) + "|", right("7", 3) + "|", pad("炉-1", 2) + "|"
('温度  |', '  7|', '炉-1|')
"""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size


def crop(text: str, width: int) -> str:
    """`text` in at most `width` cells; what does not fit ends with an ellipsis."""
    if cell_len(text) <= width:
        return text
    bare = text.rstrip(" ")
    if cell_len(bare) <= width:
        return set_cell_size(text, width)
    if width <= 1:
        return "…"[:width]
    return set_cell_size(bare, width - 1).rstrip(" ") + "…"


def pad(text: str, width: int) -> str:
    """`text` in at least `width` cells, at the left of them; nothing is cut."""
    return text + " " * max(0, width - cell_len(text))


def left(text: str, width: int) -> str:
    """`text` in exactly `width` cells, at the left of them."""
    return pad(crop(text, width), width)


def right(text: str, width: int) -> str:
    """`text` in exactly `width` cells, at the right of them."""
    text = crop(text, width)
    return " " * (width - cell_len(text)) + text
