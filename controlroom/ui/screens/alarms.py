"""Screen 2: what must I act on?"""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.alarm_groups import AlarmGroup, first_out, grouped
from controlroom.core.alarm_view import AlarmView
from controlroom.core.cells import crop
from controlroom.core.sensor_view import SensorView
from controlroom.ui.alarm_target import AlarmTarget
from controlroom.ui.bindings import ALARM_VIEWS, SCREENS, SEEK
from controlroom.ui.context import Context
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.alarm_group_row import group_line
from controlroom.ui.render.alarm_row import alarm_head, alarm_line
from controlroom.ui.render.line import Line
from controlroom.ui.render.measures_line import Suppressed, measures_line
from controlroom.ui.render.order import AlarmOrder, sorted_alarms
from controlroom.ui.screens.alarm import AlarmScreen
from controlroom.ui.screens.alarm_orders import AlarmOrders
from controlroom.ui.screens.handover import HandoverScreen
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.screens.measures import MeasuresScreen
from controlroom.ui.screens.suppressed import SuppressedScreen
from controlroom.ui.widgets.alarm_list import AlarmList
from controlroom.ui.widgets.alarm_preview import AlarmPreview
from controlroom.ui.widgets.line_view import LineView

#: the measures are of a day: they may be a little old
_MEASURE_EVERY_S = 30.0
_COUNT_EVERY_S = 10.0
#: cells of a group's name in a question
_NAME = 32


class AlarmsScreen(ListScreen, AlarmOrders):
    """Every alarm that is not closed and not suppressed; the ISA-18.2 measures above."""

    TAB = SCREENS["alarms"][1]
    BINDINGS = [*ALARM_VIEWS, *SEEK]  # noqa: RUF012 - Textual declares it so
    MARKS = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.order = AlarmOrder.SEVERITY
        history = context.options.history
        self._schedules = (
            ()
            if history is None
            else (
                QuerySchedule(history.measures, every_s=_MEASURE_EVERY_S),
                QuerySchedule(history.suppressed, every_s=_COUNT_EVERY_S),
            )
        )

    def body(self) -> ComposeResult:
        """Measures, heading, list; below, where there is room, the alarm under the cursor."""
        yield LineView(self.context, id="measures")
        yield LineView(self.context, id="list-head")
        yield AlarmList(self.context, id="alarms")
        yield AlarmPreview(self.context, id="alarm-preview")

    def listed(self) -> list[str]:
        """Occurrences, in the order that was chosen; where they are grouped, below the headings."""
        state = self.context.state
        live = [alarm for alarm in state.live_alarms() if not alarm.suppressed]
        self.total = len(live)
        ordered = sorted_alarms([alarm for alarm in live if self.filter.passes_alarm(alarm)], self.order)
        found = {alarm.occurrence_id: alarm for alarm in ordered}
        view, by = self.query_one(AlarmList), self.order.by
        # Also by what the filter leaves out: what came first, came first.
        view.first = first_out(live, state.sensors)
        if self.frozen is None:
            groups = grouped(ordered, state.sensors, by) if by is not None else []
            view.alarms, view.over = found, frozenset()
            view.groups = {group.key: group for group in groups}
        else:
            # What is held still stays as it was last seen, also when it was closed meanwhile.
            frozen = self.frozen - view.groups.keys()
            view.alarms = {key: found.get(key, alarm) for key, alarm in view.alarms.items() if key in self.frozen}
            view.over = frozenset(frozen - found.keys())
            hidden = {
                alarm.occurrence_id
                for key, group in view.groups.items()
                if key in view.folded
                for alarm in group.alarms
            }
            return [*view.groups, *(key for key in found if key not in hidden)]
        if by is None:
            return list(found)
        return [key for group in groups for key in self._rows_of(group)]

    def _rows_of(self, group: AlarmGroup) -> list[str]:
        """The heading, and the alarms below it unless it is folded."""
        folded = group.key in self.query_one(AlarmList).folded
        return [group.key] if folded else [group.key, *(alarm.occurrence_id for alarm in group.alarms)]

    def passing(self) -> int:
        """Alarms, and not the headings."""
        view = self.query_one(AlarmList)
        return len(view.alarms) if view.groups else super().passing()

    def update(self) -> None:
        """The list under its heading."""
        state, now, width = self.context.state, self.context.now(), self.size.width
        for schedule in self._schedules:
            schedule.tick(now, state.feed_version)
        suppressed = Suppressed.of(state.live_alarms(), state.archive.suppressed.get(""))
        line = measures_line(state.archive.measures.get(""), suppressed, now, width, self.context.glyphs)
        self.query_one("#measures", LineView).show(line)
        super().update()
        self.query_one("#list-head", LineView).show(alarm_head(width, self.counted(str(self.order))))
        self.query_one(AlarmPreview).tick(self._selected_alarm())

    def severity_of(self, key: str) -> int:
        """Of the alarm, as it is listed."""
        alarm = self.query_one(AlarmList).alarms.get(key)
        return alarm.severity if alarm is not None and alarm.active else 0

    def selected_sensor(self) -> SensorView | None:
        """That of the alarm under the cursor."""
        alarm = self._selected_alarm()
        return self.context.state.sensors.get(alarm.sensor_id) if alarm is not None else None

    def status(self) -> Line:
        """The whole of the alarm under the cursor: a row may be too short for its message; or of its group."""
        alarm, group = self._selected_alarm(), self._selected_group()
        if group is not None:
            return group_line(group)
        return alarm_line(alarm) if alarm is not None else []

    def targets(self) -> list[AlarmTarget]:
        """The marked alarms, else the one under the cursor; a heading stands for all alarms of its group."""
        view = self.query_one(AlarmList)
        meant: dict[str, AlarmView] = {}
        for key in view.meant_keys:
            group = view.groups.get(key)
            those = group.alarms if group is not None else [view.alarms[key]] if key in view.alarms else []
            meant.update({alarm.occurrence_id: alarm for alarm in those})
        return [self._target(alarm) for alarm in meant.values()]

    def node_meant(self) -> str:
        """The group by its name; with several marked, that there are headings among them."""
        view = self.query_one(AlarmList)
        keys = view.meant_keys
        if not any(key in view.groups for key in keys):
            return ""
        return crop(view.groups[keys[0]].label, _NAME) if len(keys) == 1 else f"the {len(keys)} marked"

    def action_ack(self) -> None:
        """Acknowledge, as it was drawn; of a group after a question with the count."""
        waiting, group = [target for target in self.targets() if target.unacked], self.node_meant()
        if not group:
            super().action_ack()
        elif waiting:
            self.ask_to_ack(waiting, of=group)
        else:
            self.say(f"{group}: nothing waits for an acknowledgement")

    def page_targets(self) -> list[AlarmTarget]:
        """Every alarm of which a row is on the screen."""
        view = self.query_one(AlarmList)
        return [self._target(view.alarms[key]) for key in view.visible_keys if key in view.alarms]

    def acted(self) -> None:
        """The marks have done their work."""
        self.items.clear_marks()
        self.tick()

    def open_chosen(self) -> None:
        """The sensor; of a common cause, which has none, the alarms that it stands for. A group opens, or folds."""
        group = self._selected_group()
        if group is not None:
            self.query_one(AlarmList).folded ^= {group.key}
            self.relist()
        elif self.selected_sensor() is not None:
            super().open_chosen()
        elif self.context.options.history is not None:
            self.action_alarm_history()

    def action_turn_order(self) -> None:
        """By severity, the newest first, or grouped by area or by cause: then the cursor goes to the worst group."""
        self.order = self.order.next
        self.relist()
        if self.order.by is not None and self.items.keys:
            self.items.select(self.items.keys[0])
        self.context.state.notify(f"alarms {self.order}", self.context.options.clock.now())

    def action_alarm_history(self) -> None:
        """All that is known of the alarm under the cursor, with what happened to it."""
        alarm = self._selected_alarm()
        if alarm is not None:
            self.app.push_screen(AlarmScreen(self.context, alarm.sensor_id, alarm.kind))

    def action_suppressed(self) -> None:
        """What is shelved, out of service or suppressed by design."""
        self.app.push_screen(SuppressedScreen(self.context))

    def action_measures(self) -> None:
        """The measures against their targets."""
        self.app.push_screen(MeasuresScreen(self.context))

    def action_handover(self) -> None:
        """The log of the shift, and its handover."""
        self.app.push_screen(HandoverScreen(self.context))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is kept in the database can only be shown where it can be asked for."""
        if action in {"alarm_history", "suppressed", "measures"} and self.context.options.history is None:
            return False
        if action == "handover" and self.context.options.shift is None:
            return False
        return super().check_action(action, parameters)

    @staticmethod
    def _target(alarm: AlarmView) -> AlarmTarget:
        return AlarmTarget.of(alarm, alarm.state, alarm.severity)

    def _selected_group(self) -> AlarmGroup | None:
        view = self.query_one(AlarmList)
        return view.groups.get(view.selected) if view.selected is not None else None

    def _selected_alarm(self) -> AlarmView | None:
        alarms = self.query_one(AlarmList)
        return alarms.alarms.get(alarms.selected) if alarms.selected is not None else None
