"""A form of one line of words: a reason, a comment."""

from __future__ import annotations

from collections.abc import Iterable

from controlroom.ui import entry
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.screens.form_screen import FormScreen
from controlroom.ui.widgets.form_field import FormField
from controlroom.ui.widgets.text_entry import TextEntry


class TextForm(FormScreen[str]):
    """Ends with what was typed.

    Args:
        context: what every widget works with.
        title: what is done.
        what: to what.
        label: of the field.
        about: what it leads to.
        needed: whether something must be typed.
    """

    def __init__(self, context: Context, title: str, what: str, label: str, about: str, *, needed: bool = True) -> None:
        super().__init__(context)
        self._title = title
        self._what = what
        self._label = label
        self._about = about
        self._check = entry.words if needed else entry.words_or_none
        self._text = TextEntry(id="words")

    def title_line(self) -> Line:
        """What is done, and to what."""
        return [(f" {self._title} ", Role.TITLE_STRONG), (f" {self._what}", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """The one line."""
        yield FormField(self.context, self._label, self._text, check=self._check, wide=True)

    def about(self) -> list[Line]:
        """What it leads to."""
        return [[(self._about, Role.DIM)]]

    def result(self) -> str:
        """What was typed."""
        return self._check(self._text.value)
