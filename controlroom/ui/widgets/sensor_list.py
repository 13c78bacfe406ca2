"""The list of simulated sensors."""

from __future__ import annotations

from collections.abc import Hashable

from controlroom.ui.bindings import ROWS
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.sensor_row import fault_text, sensor_row
from controlroom.ui.render.sensor_state import state_word
from controlroom.ui.widgets.item_view import ItemView


class SensorList(ItemView, inherit_bindings=False):
    """One row a sensor."""

    BINDINGS = ROWS

    def stamp(self, key: str) -> Hashable:
        """A new reading or state, or the passing of time."""
        view, now = self.context.state.sensors.get(key), self.context.now()
        if view is None:
            return None
        return view.version, state_word(view, now), tuple(fault_text(fault, now) for fault in view.faults)

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The row."""
        view = self.context.state.sensors.get(key)
        if view is None:  # removed since the list was made
            return []
        marked = key in self.marked
        return [sensor_row(view, self.context.now(), width, self.context.glyphs, selected=selected, marked=marked)]

    def empty_lines(self) -> list[Line]:
        """Before there is one."""
        if self.filtered:
            return super().empty_lines()
        hint = "" if self.context.viewer else "   n makes one"
        return [[], [("   no simulated sensor", Role.TEXT)], [(hint, Role.DIM)]]
