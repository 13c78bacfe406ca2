"""The list of live alarms. The cursor is on an occurrence, wherever that moves."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from controlroom.core.alarm_view import AlarmView
from controlroom.ui.bindings import ROWS
from controlroom.ui.context import Context
from controlroom.ui.render.alarm_row import alarm_row
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import age_text
from controlroom.ui.widgets.item_view import ItemView


class AlarmList(ItemView, inherit_bindings=False):
    """One row an alarm; the keys are occurrences."""

    BINDINGS = ROWS

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        #: by occurrence, as the screen last listed them
        self.alarms: Mapping[str, AlarmView] = {}
        #: of these, what was closed since the list was frozen
        self.over: frozenset[str] = frozenset()

    def stamp(self, key: str) -> Hashable:
        """A change of the alarm, or of its age as it is shown."""
        alarm = self.alarms[key]
        return alarm.version, alarm.state, age_text(self.context.now() - alarm.raised_at), key in self.over

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The row."""
        context = self.context
        return [
            alarm_row(
                self.alarms[key],
                context.now(),
                width,
                context.glyphs,
                selected=selected,
                marked=key in self.marked,
                over=key in self.over,
            )
        ]

    def empty_lines(self) -> list[Line]:
        """What every operator likes to see."""
        return [[], [("   no live alarm", Role.TEXT)]] if not self.filtered else super().empty_lines()
