"""A line of text to type: Textual's own, without frame and without a blinking cursor."""

from __future__ import annotations

from textual.widgets import Input


class TextEntry(Input):
    """One line high; the cursor stands still, as everything on a quiet screen does."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(value, placeholder=placeholder, compact=True, id=id)
        self.cursor_blink = False
