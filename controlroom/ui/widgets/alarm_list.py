"""The list of live alarms. The cursor is on an occurrence, wherever that moves."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from controlroom.core.alarm_groups import AlarmGroup
from controlroom.core.alarm_view import AlarmView
from controlroom.ui.bindings import ROWS
from controlroom.ui.context import Context
from controlroom.ui.render.alarm_group_row import group_row
from controlroom.ui.render.alarm_row import alarm_row
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import age_text
from controlroom.ui.widgets.item_view import ItemView


class AlarmList(ItemView, inherit_bindings=False):
    """One row an alarm; the keys are occurrences. Where they are grouped, a heading is a row, too."""

    BINDINGS = ROWS

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        #: by occurrence, as the screen last listed them
        self.alarms: Mapping[str, AlarmView] = {}
        #: of these, what was closed since the list was frozen
        self.over: frozenset[str] = frozenset()
        #: headings, by their keys; those that are folded; and what came first of a burst
        self.groups: Mapping[str, AlarmGroup] = {}
        self.folded: frozenset[str] = frozenset()
        self.first: frozenset[str] = frozenset()

    def stamp(self, key: str) -> Hashable:
        """A change of the alarm, or of its age as it is shown."""
        group = self.groups.get(key)
        if group is not None:
            states = tuple((alarm.occurrence_id, alarm.version, alarm.state) for alarm in group.alarms)
            return hash(states), key in self.folded
        alarm = self.alarms[key]
        age = age_text(self.context.now() - alarm.raised_at)
        return alarm.version, alarm.state, age, key in self.over, key in self.first

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The row."""
        context, group, marked = self.context, self.groups.get(key), key in self.marked
        if group is not None:
            folded = key in self.folded
            return [group_row(group, width, context.glyphs, folded=folded, selected=selected, marked=marked)]
        return [
            alarm_row(
                self.alarms[key],
                context.now(),
                width,
                context.glyphs,
                selected=selected,
                marked=marked,
                over=key in self.over,
                first=key in self.first,
            )
        ]

    def empty_lines(self) -> list[Line]:
        """What every operator likes to see."""
        return [[], [("   no live alarm", Role.TEXT)]] if not self.filtered else super().empty_lines()
