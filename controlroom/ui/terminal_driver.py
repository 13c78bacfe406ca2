"""Textual's driver for terminals that can show less than most, and an Esc that is always a key of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.events import Key

from controlroom.core.cells import to_ascii

ESC = "\x1b"
_SGR = re.compile(r"\x1b\[([\d;]*)m")


class EscapeParser(XTermParser):
    """Takes Esc and a character that follow each other at once for two keys.

    Terminals send Alt-3 as Esc 3, and tmux holds an Esc back for a moment, so that Esc and a quick 3 arrive as one. No
    key of ours is bound to Alt, so it is always Esc.
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:  # noqa: FBT001, FBT002 - as Textual has it
        # `Esc [` and `Esc O` may begin a longer sequence: Textual waits, and asks again with `alt` when nothing came.
        if len(sequence) == 2 and sequence[0] == ESC and sequence[1] not in "[O":
            alt, sequence = True, sequence[1]
        if alt:
            yield Key("escape", ESC)
        yield from super()._sequence_to_key_events(sequence)


# The driver makes its parser from this name of its module, and offers no other way to give it one.
linux_driver.XTermParser = EscapeParser  # type: ignore[attr-defined]  # on purpose, see above


class PlainDriver(linux_driver.LinuxDriver):
    """Sends only what the terminal can show. `ascii_only` and `colour` are set by the application's options."""

    ascii_only = False
    colour = True

    def write(self, data: str) -> None:
        """Send `data`, without what this terminal cannot show."""
        if not self.colour:
            data = without_colour(data)
        super().write(to_ascii(data) if self.ascii_only else data)


def driver_for(*, ascii_only: bool, colour: bool) -> type[PlainDriver]:
    """The driver for a terminal."""
    return type("TerminalDriver", (PlainDriver,), {"ascii_only": ascii_only, "colour": colour})


def without_colour(data: str) -> str:
    r"""`data` with the colours taken out of its control sequences; bold, underlined and reverse stay.

    >>> without_colour("\x1b[1;38;2;9;9;9;48;5;7mA\x1b[31mB\x1b[0m\x1b[7mC")
    '\x1b[1mAB\x1b[0m\x1b[7mC'
    """
    return _SGR.sub(_attributes, data)


def _attributes(match: re.Match[str]) -> str:
    codes = iter(match[1].split(";"))
    kept = []
    for code in codes:
        if code in {"38", "48", "58"}:
            for _ in range({"2": 3, "5": 1}.get(next(codes, ""), 0)):
                next(codes, None)
        elif not re.fullmatch(r"3\d|4\d|9\d|10\d", code):
            kept.append(code)
    return f"\x1b[{';'.join(kept)}m" if kept else ""
