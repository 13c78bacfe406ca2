"""Keys from the terminal's bytes: Escape followed at once by a key is two keys, since nothing is bound to Alt."""

from __future__ import annotations

from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.events import Key

_ESC = "\x1b"
#: Second characters with which longer sequences begin: CSI (`ESC [`) and SS3 (`ESC O`).
_BEGINS_MORE = "[O"


class KeyParser(XTermParser):
    r"""Textual's parser, without Alt.

    A terminal sends the same two bytes for Alt-3 and for Escape followed by 3. Textual takes them for Alt-3 and types
    `£`, the character of a Mac's keyboard, when an operator leaves a field by Escape and presses the next key at once.

    >>> [event.key for event in KeyParser().feed("\x1b3\x1b/\x1b[A")]
    ['escape', '3', 'escape', 'slash', 'up']
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:  # noqa: FBT001, FBT002
        if len(sequence) == 2 and sequence[0] == _ESC and sequence[1] not in (*_BEGINS_MORE, _ESC):
            alt, sequence = True, sequence[1]
        if alt:
            yield Key("escape", _ESC)
        yield from super()._sequence_to_key_events(sequence)


def install() -> None:
    """Let Textual's driver of Linux and macOS use `KeyParser`; Textual has no public way to say so."""
    linux_driver.XTermParser = KeyParser  # type: ignore[attr-defined]  # a name of that module
