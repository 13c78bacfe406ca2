"""How each role looks in a theme, and how a line of roles becomes a strip that Textual can show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Literal, get_args

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from controlroom.core.cells import to_ascii
from controlroom.ui.render.line import Line, Role, Span, fit

#: what a line lies on
Ground = Literal["background", "surface", "panel", "selection"]

_COLOURS: dict[Role, tuple[str, str, str]] = {
    # role: (foreground, background, attributes), by the names in the theme
    Role.TEXT: ("text", "background", ""),
    Role.DIM: ("dim", "background", ""),
    Role.STRONG: ("strong", "background", "bold"),
    Role.TITLE: ("text", "surface", ""),
    Role.TITLE_DIM: ("dim", "surface", ""),
    Role.TITLE_STRONG: ("strong", "surface", "bold"),
    Role.TITLE_WARN: ("warning", "surface", "bold"),
    Role.TITLE_CRIT: ("critical", "surface", "bold"),
    Role.TITLE_SIM: ("sim", "surface", "bold reverse"),
    Role.TAB: ("strong", "background", "bold underline"),
    Role.SPARK: ("spark", "background", ""),
    Role.CHART: ("text", "background", ""),
    Role.WARN: ("warning", "background", ""),
    Role.CRIT: ("critical", "background", "bold"),
    Role.WARN_UNACK: ("warning", "background", "reverse"),
    Role.CRIT_UNACK: ("critical", "background", "bold reverse"),
    Role.RTN_UNACK: ("text", "background", "reverse"),
    Role.STALE: ("text", "background", "italic"),
    Role.SIM: ("sim", "background", "bold"),
    Role.CURSOR: ("strong", "background", "bold"),
}


_ABNORMAL = {"warning", "critical", "sim"}


class Palette:
    """The styles of one theme.

    Args:
        colours: the theme's variables (`cr-text` and so on), as hexadecimal colours.
        ascii_only: whether the terminal can show nothing but ASCII.
        colour: whether colours are wanted (NO_COLOR). Textual then makes greys of them, and the grey of red is a dark
            one: what is abnormal takes the brightest instead.
    """

    def __init__(self, colours: Mapping[str, str], *, ascii_only: bool = False, colour: bool = True) -> None:
        self.ascii_only = ascii_only
        self._styles: dict[tuple[Role, Ground], Style] = {}
        for role, (fore, back, attributes) in _COLOURS.items():
            for ground in get_args(Ground):
                beneath = ground if ground != "background" else back
                if role is Role.SPARK and ground == "selection":
                    fore = "dim"  # noqa: PLW2901 - in 16 colours a sparkline and a selection are the same grey
                if not colour and fore in _ABNORMAL:
                    fore = "strong"  # noqa: PLW2901 - the loop's name is the right one
                style = f"{attributes} {colours[f'cr-{fore}']} on {colours[f'cr-{beneath}']}"
                self._styles[role, ground] = Style.parse(style.strip())

    def style(self, role: Role, ground: Ground = "background") -> Style:
        """The style of a role on a ground."""
        return self._styles[role, ground]

    def segments(self, line: Iterable[Span], ground: Ground = "background") -> list[Segment]:
        """The line as Rich segments. Neighbours of one role become one: each segment costs 40 bytes on the wire."""
        segments: list[Segment] = []
        for role, spans in groupby(line, key=itemgetter(1)):
            text = "".join(text for text, _ in spans)
            segments.append(Segment(to_ascii(text) if self.ascii_only else text, self._styles[role, ground]))
        return segments

    def strip(self, line: Line, width: int, ground: Ground = "background") -> Strip:
        """The line as a strip of exactly `width` cells."""
        return Strip(self.segments(fit(line, width), ground), width)
