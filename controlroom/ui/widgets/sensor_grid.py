"""The overview's grid of panes, one a sensor."""

from __future__ import annotations

from collections.abc import Hashable

from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.order import SensorOrder
from controlroom.ui.render.pane import LEAST_HEIGHT, LEAST_WIDTH, MOST_HEIGHT, pane
from controlroom.ui.render.sensor_state import state_word
from controlroom.ui.widgets.item_view import ItemView


class SensorGrid(ItemView):
    """Panes in as many columns as fit, as high as lets all of them be seen, if that can be."""

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        #: what the panes are ordered by, which they say
        self.order = SensorOrder.WORST

    def choose_layout(self) -> None:
        """As many columns as fit; then the highest panes with which nothing must be scrolled."""
        width, height = self.scrollable_content_region.width, self.size.height
        self.columns = max(1, (width + self.GAP) // (LEAST_WIDTH + self.GAP))
        rows = max(1, -(-len(self.keys) // self.columns))
        self.item_height = next(
            (high for high in range(MOST_HEIGHT, LEAST_HEIGHT, -1) if rows * high <= height + 1), LEAST_HEIGHT
        )
        self.gap_below = 1 if self.item_height > LEAST_HEIGHT else 0

    def stamp(self, key: str) -> Hashable:
        """A new reading or state, or the passing of time making it stale."""
        view = self.context.state.sensors.get(key)
        return None if view is None else (view.version, state_word(view, self.context.now()), self.order)

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The pane."""
        view = self.context.state.sensors.get(key)
        if view is None:  # removed since the list was made
            return [[(" " * width, Role.TEXT)]] * self.item_height
        return pane(
            view,
            self.context.now(),
            width=width,
            height=self.item_height,
            glyphs=self.context.glyphs,
            selected=selected,
            order=self.order,
            marked=key in self.marked,
        )

    def empty_lines(self) -> list[Line]:
        """Before the first reading."""
        if self.filtered:
            return super().empty_lines()
        hint = "" if self.context.viewer else "  n makes a simulated sensor"
        return [[], [("  waiting for the first reading", Role.TEXT)], [], [(hint, Role.DIM)]]
