"""The list of suppressed alarms."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from controlroom.core.alarms.model import Alarm
from controlroom.ui.bindings import ROWS
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.suppressed_row import end_text, suppressed_row
from controlroom.ui.widgets.item_view import ItemView


class SuppressedList(ItemView, inherit_bindings=False):
    """One row an alarm; the keys are `sensor NUL kind`."""

    BINDINGS = ROWS

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        #: by key, as the screen last listed them
        self.alarms: Mapping[str, Alarm] = {}
        #: whether the database has answered
        self.answered = False

    def stamp(self, key: str) -> Hashable:
        """A change of the alarm, or of the time that is left."""
        alarm = self.alarms[key]
        return alarm.version, end_text(alarm, self.context.now())

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The row."""
        context, marked = self.context, key in self.marked
        return [
            suppressed_row(self.alarms[key], context.now(), width, context.glyphs, selected=selected, marked=marked)
        ]

    def empty_lines(self) -> list[Line]:
        """Nothing is kept back; or it is not known yet."""
        if self.filtered:
            return super().empty_lines()
        return [[], [("   no alarm is suppressed" if self.answered else "   asking the database", Role.TEXT)]]
