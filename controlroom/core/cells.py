"""Text measured in the cells of a terminal: a Chinese character takes two, a combining accent none.

Everything that puts text into columns, on the screens and on the command line, pads and crops it here.

>>> left("温度", 6) + "|", right("炉", 4) + "|", crop("温度センサー", 6)
('温度  |', '  炉|', '温度…')
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

_ASCII_TABLE = str.maketrans(
    {
        "…": "~",
        "·": ".",
        "°": "'",
        "µ": "u",
        "–": "-",
        "—": "-",
        "×": "x",
        "²": "2",
        "³": "3",
        "↑": "^",
        "↓": "v",
        "←": "<",
        "→": ">",
        "■": "#",
        "▲": "^",
        "◇": "o",
        "✗": "x",
        "●": "*",
        "│": "|",
        **dict.fromkeys("─━┄┈╌", "-"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
        **dict.fromkeys("▁▂▃", "_"),
        **dict.fromkeys("▄▅▆▇█▏▎▍▌▋▊▉▐▀", "#"),
    }
)


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


def left(text: str, width: int) -> str:
    """`text` in exactly `width` cells, at the left of them."""
    text = crop(text, width)
    return text + " " * (width - cell_len(text))


def tail(text: str, width: int) -> str:
    """The end of `text` in exactly `width` cells, for a name whose last part tells it from others.

    >>> tail("source:hall/line/zone-a", 12), tail("zone-a", 8)
    ('…line/zone-a', 'zone-a  ')
    """
    if cell_len(text) > width:
        while cell_len(text) >= width:
            text = text[1:]
        text = f"…{text}"
    return left(text, width)


def right(text: str, width: int) -> str:
    """`text` in exactly `width` cells, at the right of them."""
    text = crop(text, width)
    return " " * (width - cell_len(text)) + text


def pad(text: str, width: int) -> str:
    """`text` in at least `width` cells, at the left of them; nothing is cut."""
    return text + " " * (width - cell_len(text))


def widest(texts: Iterable[str]) -> int:
    """Cells that the widest of the texts takes; 0 if there is none."""
    return max(map(cell_len, texts), default=0)


def table(rows: Sequence[Sequence[str]], gap: str = "  ") -> Iterable[str]:
    """The rows as lines, each column as wide as its widest cell; all rows have the same number of cells.

    >>> list(table([("SENSOR", "STATE"), ("温度", "on")]))
    ['SENSOR  STATE', '温度    on']
    """
    widths = [widest(column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield gap.join(left(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def to_ascii(text: str) -> str:
    """`text` with whatever is not ASCII replaced by something that is, of the same width in cells.

    >>> to_ascii("42.5 °C …")
    "42.5 'C ~"
    >>> to_ascii("日")
    '??'
    """
    if text.isascii():
        return text
    text = text.translate(_ASCII_TABLE)
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in text)
