"""Screen 2: what must I act on?"""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.plant_state import AlarmView, SensorView
from controlroom.ui.bindings import ALARM, SCREENS
from controlroom.ui.context import Context
from controlroom.ui.render.alarm_row import alarm_head, alarm_line
from controlroom.ui.render.line import Line
from controlroom.ui.render.order import AlarmOrder, sorted_alarms
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.widgets.alarm_list import AlarmList
from controlroom.ui.widgets.line_view import LineView


class AlarmsScreen(ListScreen):
    """Every alarm that is not closed."""

    TAB = SCREENS["alarms"][1]
    BINDINGS = ALARM

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.order = AlarmOrder.SEVERITY

    def body(self) -> ComposeResult:
        """Heading and list."""
        yield LineView(self.context, id="list-head")
        yield AlarmList(self.context, id="alarms")

    def listed(self) -> list[str]:
        """Occurrences, in the order that was chosen."""
        passing = [alarm for alarm in self.context.state.live_alarms() if self.filter.passes_alarm(alarm)]
        ordered = sorted_alarms(passing, self.order)
        self.query_one(AlarmList).alarms = {alarm.occurrence_id: alarm for alarm in ordered}
        return [alarm.occurrence_id for alarm in ordered]

    def update(self) -> None:
        """The list under its heading."""
        self.query_one("#list-head", LineView).show(alarm_head(self.size.width))
        super().update()

    def selected_sensor(self) -> SensorView | None:
        """That of the alarm under the cursor."""
        alarm = self._selected_alarm()
        return self.context.state.sensors.get(alarm.sensor_id) if alarm is not None else None

    def status(self) -> Line:
        """The whole of the alarm under the cursor: a row may be too short for its message."""
        alarm = self._selected_alarm()
        return alarm_line(alarm) if alarm is not None else []

    def action_turn_order(self) -> None:
        """By severity, or the newest first."""
        self.order = self.order.next
        self.relist()
        self.context.state.notify(f"alarms by {self.order}", self.context.options.clock.now())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nobody takes actions on alarms there is no key for them."""
        if action == "ack" and self.context.options.alarms is None:
            return False
        return super().check_action(action, parameters)

    def action_ack(self) -> None:
        """Acknowledge the alarm under the cursor, as it was drawn: if it has become worse since, that is refused."""
        alarm, actions = self._selected_alarm(), self.context.options.alarms
        if alarm is not None and actions is not None:
            actions.ack(alarm.sensor_id, alarm.kind, alarm.occurrence_id, alarm.version)

    def _selected_alarm(self) -> AlarmView | None:
        alarms = self.query_one(AlarmList)
        return alarms.alarms.get(alarms.selected) if alarms.selected is not None else None
