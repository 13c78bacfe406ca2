"""One line of a form: a label, what is typed or chosen, and what is wrong with it or worth knowing."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from controlroom.ui.context import Context
from controlroom.ui.entry import BadEntry
from controlroom.ui.render.line import Role
from controlroom.ui.widgets.choice import Choice
from controlroom.ui.widgets.line_view import LineView


class FormField(Horizontal):
    """A labelled control with a note beside it.

    Args:
        context: what every widget works with.
        label: before the control.
        control: what the value is typed or chosen with.
        check: gives the value, or raises `BadEntry`.
        note: what is worth knowing; gives way to what is wrong.
        wide: whether the control is for a sentence, and the note only for what is wrong.
    """

    def __init__(
        self,
        context: Context,
        label: str,
        control: Input | Choice,
        *,
        check: Callable[[str], object] = str,
        note: str = "",
        wide: bool = False,
    ) -> None:
        super().__init__(classes="field wide" if wide else "field")
        self.context = context
        self.control = control
        self.check = check
        self.note = note
        #: whether the operator has had a word in it: what is missing at first is no mistake
        self.touched = False
        self._first = control.value
        self._label = LineView(context, classes="field-label", ground="panel")
        self._label.show([(label, Role.DIM)])
        self._note = LineView(context, classes="field-note", ground="panel")

    def compose(self) -> ComposeResult:
        """Label, control, note."""
        yield self._label
        yield self.control
        yield self._note

    @property
    def error(self) -> str:
        """What is wrong; empty when nothing is."""
        try:
            self.check(self.control.value)
        except BadEntry as error:
            return str(error)
        return ""

    def look(self) -> bool:
        """Show the note, or what is wrong; whether all is right."""
        error = self.error
        self.touched |= self.control.value != self._first
        if error and not self.touched:
            self._note.show([(error, Role.DIM)])
        elif error:
            self._note.show([(f"{self.context.glyphs.fault} {error}", Role.CRIT)])
        else:
            self._note.show([(self.note, Role.DIM)])
        return not error
