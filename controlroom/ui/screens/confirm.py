"""A question before something that cannot be undone."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from controlroom.ui.context import Context
from controlroom.ui.render.line import Role
from controlroom.ui.widgets.line_view import LineView


class Confirm(ModalScreen[bool]):
    """Ends with True for `y`, with False for `n` and Esc. Enter does nothing: it is hit too easily.

    Args:
        context: what every widget works with.
        question: one line.
        consequence: what will happen, one line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("n,escape", "answer(False)", "No", id="confirm.no"),
    ]

    def __init__(self, context: Context, question: str, consequence: str) -> None:
        super().__init__()
        self.context = context
        self._question = question
        self._consequence = consequence

    def compose(self) -> ComposeResult:
        """Question, consequence, keys."""
        with Vertical(id="form"):
            yield LineView(self.context, id="form-title", ground="surface")
            yield LineView(self.context, height=3, id="confirm-text", ground="panel")
            yield LineView(self.context, id="form-keys", ground="panel")

    def on_mount(self) -> None:
        """Fill the lines in."""
        self.query_one("#form-title", LineView).show([(f" {self._question}", Role.TITLE_STRONG)])
        self.query_one("#confirm-text", LineView).show([], [(self._consequence, Role.TEXT)], [])
        self.query_one("#form-keys", LineView).show(
            [("y", Role.STRONG), (" yes   ", Role.DIM), ("n", Role.STRONG), (" no", Role.DIM)]
        )

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - Textual passes an action's parameters by position
        """End with the answer."""
        self.dismiss(answer)
