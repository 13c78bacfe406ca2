"""The cluster screen's rows under one cursor, which passes over headings."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from controlroom.ui.bindings import ROWS
from controlroom.ui.context import Context
from controlroom.ui.render.cluster_tables import Row
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.widgets.item_view import ItemView


class ClusterList(ItemView, inherit_bindings=False):
    """One line a row; the keys are the rows' own."""

    BINDINGS = ROWS

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        self._rows: dict[str, Row] = {}

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; those that look as they did cost nothing."""
        self._rows = {row.key: row for row in rows}
        self.set_keys(list(self._rows))
        self._land(1)
        self.tick()

    def selected_row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows.get(self.selected) if self.selected is not None else None

    def stamp(self, key: str) -> Hashable:
        """What the row says."""
        row = self._rows.get(key)
        return None if row is None else tuple(row.line)

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The row, with the cursor's mark where it can be."""
        row = self._rows.get(key)
        if row is None:
            return []
        edge: Line = [(self.context.glyphs.cursor if selected else " ", Role.CURSOR)] if row.selectable else []
        return [fit([*edge, *row.line], width)]

    def action_move(self, where: str) -> None:
        """Move the cursor, on to the next row that can be chosen; the first one shows its headings too."""
        super().action_move(where)
        self._land(-1 if where in {"up", "page-up", "last"} else 1)
        if self.selected == next((key for key in self.keys if self._rows[key].selectable), None):
            self.scroll_to(y=0, animate=False)

    def _land(self, step: int) -> None:
        """Leave a row that cannot be chosen, in this direction first."""
        if self.selected is None or self._rows[self.selected].selectable:
            return
        index = self.keys.index(self.selected)
        ahead = self.keys[index:] if step > 0 else self.keys[index::-1]
        behind = self.keys[index::-1] if step > 0 else self.keys[index:]
        for key in (*ahead, *behind):
            if self._rows[key].selectable:
                self.select(key)
                return
