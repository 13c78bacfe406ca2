"""A line of text to type: Textual's own, without frame and without a blinking cursor."""

from __future__ import annotations

from textual.events import Paste
from textual.widgets import Input

from controlroom.core.sanitise import sanitise

#: characters; a terminal can paste megabytes, and each of them is drawn
LONGEST = 1000


class TextEntry(Input):
    """One line high; the cursor stands still, as everything on a quiet screen does."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(value, placeholder=placeholder, compact=True, id=id, max_length=LONGEST)
        self.cursor_blink = False

    def _on_paste(self, event: Paste) -> None:
        """Take the lines that are pasted as one, harmless, as far as there is room.

        Textual takes the first line alone, at any length, and draws an escape sequence in it as it is.
        """
        event.prevent_default()
        event.stop()
        line = " ".join(event.text[: 2 * LONGEST].splitlines())
        start, end = sorted(self.selection)
        room = LONGEST - len(self.value) + (end - start)
        self.replace(sanitise(line[:room], limit=LONGEST), start, end)
