"""The line in which a filter is typed: `/temp crit`, `/!sim`."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from controlroom.core.cells import right
from controlroom.ui.context import Context
from controlroom.ui.messages import FilterChanged
from controlroom.ui.render.line import Role
from controlroom.ui.widgets.item_view import ItemView
from controlroom.ui.widgets.line_view import LineView
from controlroom.ui.widgets.text_entry import TextEntry

#: cells for how many items pass: `1000 of 10000 `
_COUNT = 16


class FilterBar(Horizontal):
    """Hidden until it is opened; stays while it filters something."""

    def __init__(self, context: Context) -> None:
        super().__init__(id="filter-bar")
        self.context = context
        self._input = TextEntry(placeholder="words that must be there; ! before them: must not", id="filter")

    def compose(self) -> ComposeResult:
        """A mark, the input, how many pass."""
        mark = LineView(self.context, id="filter-mark")
        mark.show([(" / ", Role.STRONG)])
        yield mark
        yield self._input
        yield LineView(self.context, id="filter-count")

    def tell(self, text: str) -> None:
        """How many items pass."""
        self.query_one("#filter-count", LineView).show([(right(text, _COUNT), Role.DIM)])

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return self.has_class("-open")

    def open(self) -> None:
        """Show it and take the keys."""
        self.add_class("-open")
        self._input.focus()

    def close(self) -> None:
        """Filter nothing, and go."""
        self._input.value = ""
        self.remove_class("-open")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        event.stop()
        self.post_message(FilterChanged(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, give the keys back."""
        event.stop()
        if not self._input.value:
            self.close()
        next(view for view in self.screen.query(ItemView) if view.display).focus()
