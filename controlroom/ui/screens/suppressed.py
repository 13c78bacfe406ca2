"""The alarms that are kept from the operator: shelved, out of service, suppressed by design."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding

from controlroom.core.alarms.model import Alarm
from controlroom.core.sensor_view import SensorView
from controlroom.ui.alarm_target import AlarmTarget
from controlroom.ui.bindings import ALARM_VIEWS, DETAIL, SCREENS
from controlroom.ui.context import Context
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.line import Line, Role, spread
from controlroom.ui.render.suppressed_row import suppressed_head, suppressed_line
from controlroom.ui.screens.alarm import AlarmScreen
from controlroom.ui.screens.alarm_orders import AlarmOrders
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.widgets.line_view import LineView
from controlroom.ui.widgets.suppressed_list import SuppressedList

_ASK_EVERY_S = 5.0


class SuppressedScreen(ListScreen, AlarmOrders):
    """What is suppressed, by whom, why and until when: as the database has it."""

    TAB = SCREENS["alarms"][1]
    BINDINGS = [  # noqa: RUF012 - Textual declares it so
        Binding("u", "unshelve", "Un-shelve", id="alarm.unshelve"),
        Binding("o", "service", "Return", id="alarm.service"),
        *ALARM_VIEWS,
        *DETAIL,
    ]
    MARKS = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        history = context.options.history
        assert history is not None, "there is no key for it"
        self._schedule = QuerySchedule(history.suppressed, every_s=_ASK_EVERY_S)

    def body(self) -> ComposeResult:
        """Heading and list."""
        yield LineView(self.context, height=2, id="suppressed-head")
        yield SuppressedList(self.context, id="suppressed")

    def list_version(self) -> object:
        """Changes with every answer."""
        return self.context.state.archive.suppressed.get("")

    def listed(self) -> list[str]:
        """What was put away by people first, what ends soonest first among it."""
        answer = self.context.state.archive.suppressed.get("")
        kept = answer.value if answer is not None and answer.value is not None else ()
        self.total = len(kept)
        passing = [alarm for alarm in kept if self.filter.passes(_words(alarm))]
        found = {f"{alarm.sensor_id}\0{alarm.kind}": alarm for alarm in sorted(passing, key=_order)}
        view = self.query_one(SuppressedList)
        view.answered = answer is not None and answer.value is not None
        view.alarms = found
        return list(found)

    def update(self) -> None:
        """The list under its heading."""
        state, now, width = self.context.state, self.context.now(), self.size.width
        self._schedule.tick(now, state.feed_version)
        super().update()
        answer = state.archive.suppressed.get("")
        trouble = answer.error if answer is not None else ""
        about: Line = (
            [(f" {trouble}", Role.TITLE_WARN)] if trouble else [(" shelved, out of service, by design", Role.TITLE_DIM)]
        )
        title = spread(
            [(" SUPPRESSED ALARMS ", Role.TITLE_STRONG), *about], self.counted("soonest end first"), width, Role.TITLE
        )
        self.query_one("#suppressed-head", LineView).show(title, suppressed_head(width))

    def selected_sensor(self) -> SensorView | None:
        """That of the alarm under the cursor."""
        alarm = self._selected()
        return self.context.state.sensors.get(alarm.sensor_id) if alarm is not None else None

    def status(self) -> Line:
        """The whole of the reason."""
        alarm = self._selected()
        return suppressed_line(alarm) if alarm is not None else []

    def targets(self) -> list[AlarmTarget]:
        """The marked alarms, else the one under the cursor."""
        view = self.query_one(SuppressedList)
        keys = view.meant_keys
        alarms = [view.alarms[key] for key in keys if key in view.alarms]
        return [AlarmTarget.of(alarm, str(alarm.label)) for alarm in alarms]

    def acted(self) -> None:
        """The marks have done their work."""
        self.items.clear_marks()
        self.tick()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing here waits for an acknowledgement, and a page of measures is beside the point."""
        if action in {"ack", "ack_page", "measures", "handover", "turn_order"}:
            return False
        return super().check_action(action, parameters)

    def action_alarm_history(self) -> None:
        """All that is known of the alarm under the cursor."""
        alarm = self._selected()
        if alarm is not None:
            self.app.push_screen(AlarmScreen(self.context, alarm.sensor_id, alarm.kind))

    def action_suppressed(self) -> None:
        """Back to what stands."""
        self.app.pop_screen()

    def action_back(self) -> None:
        """Filter nothing, mark nothing; then back to what stands."""
        if self.filter.empty and not self.items.marked and not self.query_one("FilterBar").has_class("-open"):
            self.app.pop_screen()
        else:
            super().action_back()

    def _selected(self) -> Alarm | None:
        view = self.query_one(SuppressedList)
        return view.alarms.get(view.selected) if view.selected is not None else None


def _words(alarm: Alarm) -> str:
    marks = [mark for mark in (alarm.shelf, alarm.out_of_service) if mark is not None]
    said = " ".join(f"{mark.who} {mark.reason}" for mark in marks)
    return f"{alarm.sensor_id} {alarm.kind} {alarm.label} {said} {' '.join(alarm.by_design)}"


def _order(alarm: Alarm) -> tuple[int, float, str, str]:
    if alarm.out_of_service is not None:
        return 1, alarm.out_of_service.since, alarm.sensor_id, alarm.kind
    if alarm.by_design:
        return 2, 0.0, alarm.sensor_id, alarm.kind
    return 0, alarm.shelf.until if alarm.shelf is not None else 0.0, alarm.sensor_id, alarm.kind
