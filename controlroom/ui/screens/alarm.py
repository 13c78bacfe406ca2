"""One alarm: how it stands, what to do about it, what happened to it and by whom, the alarms that it stands for."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.archive import AlarmRecord, Answer
from controlroom.core.plant_state import AlarmView, SensorView
from controlroom.ui.alarm_target import AlarmTarget
from controlroom.ui.asking import Asking
from controlroom.ui.bindings import DETAIL, SCREENS
from controlroom.ui.context import Context
from controlroom.ui.messages import ItemChosen
from controlroom.ui.render.alarm_facts import alarm_facts, alarm_title, guidance_lines
from controlroom.ui.render.journal_row import journal_head
from controlroom.ui.render.line import Line, Role
from controlroom.ui.screens.alarm_orders import AlarmOrders
from controlroom.ui.widgets.journal_list import JournalList
from controlroom.ui.widgets.line_view import LineView

_ASK_EVERY_S = 10.0


class AlarmScreen(AlarmOrders):
    """The detail of one alarm, read from the database while the screen goes on.

    Args:
        context: what every widget works with.
        sensor_id: of which sensor, or group.
        kind: which of its alarms.
    """

    TAB = SCREENS["alarms"][1]
    BINDINGS = DETAIL

    def __init__(self, context: Context, sensor_id: str, kind: str) -> None:
        super().__init__(context)
        self._key = (sensor_id, kind)
        self._drawn: AlarmTarget | None = None
        history = context.options.history
        assert history is not None, "there is no key for it"
        self._asking = Asking(lambda: history.alarm(sensor_id, kind), every_s=_ASK_EVERY_S)

    def body(self) -> ComposeResult:
        """Title, facts, guidance, journal."""
        yield LineView(self.context, id="alarm-title")
        yield LineView(self.context, id="alarm-facts")
        yield LineView(self.context, id="journal-head")
        yield JournalList(self.context, id="journal")

    def on_mount(self) -> None:
        """The keys go to the journal."""
        self.query_one(JournalList).focus()

    def update(self) -> None:
        """Show it as it is."""
        now, width, glyphs = self.context.now(), self.size.width, self.context.glyphs
        live = self._live()
        self._asking.tick(now, None if live is None else live.version)
        answer = self._answer()
        record = answer.value if answer is not None else None
        self._drawn = self._target(live, record)
        self.query_one("#alarm-title", LineView).show(alarm_title(self._key, live, record, width, glyphs))
        lines: list[Line]
        if record is None:
            waiting = answer.error if answer is not None and answer.error else "asking the database"
            lines = [[(f"   {waiting}", Role.STALE)]]
        else:
            lines = [*alarm_facts(record, now, width), *guidance_lines(record.definition, width)]
            if answer is not None and answer.error:
                lines.append([(f" {glyphs.fault} {answer.error}", Role.STALE)])
        facts = self.query_one("#alarm-facts", LineView)
        facts.styles.height = len(lines)
        facts.show(*lines)
        journal = self.query_one(JournalList)
        journal.take(record)
        self.query_one("#journal-head", LineView).show(journal_head(record, width))
        journal.tick()

    def selected_sensor(self) -> SensorView | None:
        """That of the alarm; of a child under the cursor, its own."""
        child = self.query_one(JournalList).selected_child()
        return self.context.state.sensors.get(child.sensor_id if child is not None else self._key[0])

    def status(self) -> Line:
        """The whole of the line under the cursor."""
        return self.query_one(JournalList).said()

    def targets(self) -> list[AlarmTarget]:
        """This alarm as it was drawn."""
        return [] if self._drawn is None else [self._drawn]

    @staticmethod
    def _target(live: AlarmView | None, record: AlarmRecord | None) -> AlarmTarget | None:
        """The alarm as it is shown: as it was last heard of, unless the database knows better."""
        stored = record.alarm if record is not None else None
        if live is not None and (stored is None or live.version >= stored.version):
            return AlarmTarget.of(live, live.state, live.severity)
        if stored is None:
            return None
        return AlarmTarget.of(stored, str(stored.label), stored.severity.rank if stored.severity is not None else 0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One alarm is no page."""
        if action == "ack_page":
            return False
        return super().check_action(action, parameters)

    def on_item_chosen(self, event: ItemChosen) -> None:
        """Enter: the sensor."""
        view = self.selected_sensor()
        if view is not None:
            self.show_sensor(view.sensor_id)

    def action_back(self) -> None:
        """To the list."""
        self.app.pop_screen()

    def _live(self) -> AlarmView | None:
        return self.context.state.live_alarm(*self._key)

    def _answer(self) -> Answer[AlarmRecord] | None:
        return self.context.state.archive.alarms.get(self._key)
