"""One of a few, chosen with the left and right keys: `‹ temperature ›`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role


class Choice(Widget, can_focus=True):
    """A field whose value is one of `values`.

    Args:
        context: what every widget works with.
        values: what can be chosen.
        id: for finding it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,l", "turn(1)", "Next", id="form.next", show=False),
        Binding("left,h", "turn(-1)", "Previous", id="form.previous", show=False),
    ]

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, context: Context, values: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.context = context
        self.values = list(values)
        self.index = 0

    @property
    def value(self) -> str:
        """The value that is chosen."""
        return self.values[self.index]

    def action_turn(self, step: int) -> None:
        """Choose the next or the previous value."""
        self.index = (self.index + step) % len(self.values)
        self.refresh()
        self.post_message(self.Changed(self))

    def on_focus(self) -> None:
        """Focus shows in the line."""
        self.refresh()

    def on_blur(self) -> None:
        """Focus shows in the line."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The value between arrows, and which of how many it is."""
        glyphs = self.context.glyphs
        focused = self.has_focus
        arrow = Role.STRONG if focused else Role.DIM
        line: Line = [
            (f"{glyphs.choice_left} ", arrow),
            (self.value, Role.STRONG if focused else Role.TEXT),
            (f" {glyphs.choice_right}", arrow),
            (f"  {self.index + 1} of {len(self.values)}", Role.DIM),
        ]
        return self.context.palette.strip(line, self.size.width, "selection" if focused else "panel")
