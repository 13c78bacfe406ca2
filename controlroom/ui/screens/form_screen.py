"""A form over the screen: filled in and sent by keyboard, checked as it is typed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.widgets.choice import Choice
from controlroom.ui.widgets.form_field import FormField
from controlroom.ui.widgets.line_view import LineView

T = TypeVar("T")


class FormScreen(ModalScreen[T | None], Generic[T]):
    """Ends with the form's result, or with None when the operator thinks better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Do it", id="form.submit", show=False),
        Binding("escape", "cancel", "Cancel", id="form.cancel", show=False),
        Binding("down", "app.focus_next", "Next field", id="form.down", show=False),
        Binding("up", "app.focus_previous", "Previous field", id="form.up", show=False),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.fields: list[FormField] = []

    def title_line(self) -> Line:
        """What the form does."""
        raise NotImplementedError

    def make_fields(self) -> Iterable[FormField]:
        """The fields, in order; the first has the focus."""
        raise NotImplementedError

    def result(self) -> T:
        """What the filled-in form means; called only when every field is right."""
        raise NotImplementedError

    def about(self) -> list[Line]:
        """Lines under the fields."""
        return []

    def compose(self) -> ComposeResult:
        """Title, fields, what to know, what the keys do."""
        self.fields = list(self.make_fields())
        with Vertical(id="form"):
            yield LineView(self.context, id="form-title", ground="surface")
            yield from self.fields
            yield LineView(self.context, id="form-about", ground="panel")
            yield LineView(self.context, id="form-keys", ground="panel")

    def on_mount(self) -> None:
        """Show the form as it stands."""
        self.query_one("#form-title", LineView).show(self.title_line())
        self.fields[0].control.focus()
        self.look()

    def look(self) -> bool:
        """Show what is right and what is wrong; whether all is right."""
        right = sum(not field.look() for field in self.fields) == 0  # every field is to be looked at
        about = self.query_one("#form-about", LineView)
        lines = [[], *self.about(), []]
        about.styles.height = len(lines)
        about.show(*lines)
        key = Role.STRONG if right else Role.DIM
        self.query_one("#form-keys", LineView).show(
            [
                ("Enter", key),
                (" do it   ", Role.DIM),
                ("Esc", Role.STRONG),
                (" leave it   ", Role.DIM),
                ("Tab", Role.STRONG),
                (" next field", Role.DIM),
            ]
        )
        return right

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check as it is typed."""
        self.look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field is Enter in the form."""
        self.action_submit()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Another choice may mean other defaults."""
        self.chosen(event.choice)
        self.look()

    def chosen(self, choice: Choice) -> None:
        """Another value was chosen."""

    def action_submit(self) -> None:
        """End with the result, or go to the first field that is wrong."""
        for field in self.fields:
            field.touched = True
        if self.look():
            self.dismiss(self.result())
        else:
            next(field for field in self.fields if field.error).control.focus()

    def action_cancel(self) -> None:
        """End with nothing."""
        self.dismiss(None)
