"""One alarm: how it stands, what to do about it, why it was raised, what happened to it and by whom."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.alarm_view import AlarmView
from controlroom.core.archive import AlarmRecord, Answer
from controlroom.core.sensor_view import SensorView
from controlroom.core.why.model import Why
from controlroom.ui.alarm_target import AlarmTarget
from controlroom.ui.bindings import DETAIL, SCREENS, WHY
from controlroom.ui.context import Context
from controlroom.ui.messages import ItemChosen
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.alarm_facts import alarm_facts, alarm_title, guidance_lines
from controlroom.ui.render.journal_row import journal_head
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.why_lines import why_summary
from controlroom.ui.screens.alarm_orders import AlarmOrders
from controlroom.ui.widgets.journal_list import JournalList
from controlroom.ui.widgets.line_view import LineView
from controlroom.ui.widgets.why_view import WhyView

_ASK_EVERY_S = 10.0
#: the readings about an alarm go through its detectors for this: not more often than somebody would look
_ASK_WHY_EVERY_S = 60.0
#: lines of the picture beside the journal, where there is room for both, and the journal's own then
_WHY_LEAST, _WHY_MOST, _JOURNAL_LEAST = 13, 20, 5
#: lines of the screen that are not the body's, and those of the title and the journal's heading
_AROUND = 7


class AlarmScreen(AlarmOrders):
    """The detail of one alarm, read from the database while the screen goes on.

    Args:
        context: what every widget works with.
        sensor_id: of which sensor, or group.
        kind: which of its alarms.
    """

    TAB = SCREENS["alarms"][1]
    BINDINGS = [*WHY, *DETAIL]  # noqa: RUF012 - Textual declares it so

    def __init__(self, context: Context, sensor_id: str, kind: str) -> None:
        super().__init__(context)
        self._key = (sensor_id, kind)
        self._drawn: AlarmTarget | None = None
        history = context.options.history
        assert history is not None, "there is no key for it"
        self._schedule = QuerySchedule(lambda: history.alarm(sensor_id, kind), every_s=_ASK_EVERY_S)
        self._why_schedule = QuerySchedule(lambda: history.why(sensor_id, kind), every_s=_ASK_WHY_EVERY_S)
        #: whether the picture has the room of guidance and journal
        self._why = False

    def body(self) -> ComposeResult:
        """Title, facts, guidance, why, journal."""
        yield LineView(self.context, id="alarm-title")
        yield LineView(self.context, id="alarm-facts")
        yield WhyView(self.context, id="why")
        yield LineView(self.context, id="journal-head")
        yield JournalList(self.context, id="journal")

    def on_mount(self) -> None:
        """The keys go to the journal."""
        self.query_one(JournalList).focus()

    def update(self) -> None:
        """Show it as it is."""
        now, width, glyphs = self.context.now(), self.size.width, self.context.glyphs
        live = self._live()
        version = None if live is None else live.version
        self._schedule.tick(now, version)
        self._why_schedule.tick(now, version)
        answer = self._answer()
        record = answer.value if answer is not None else None
        self._drawn = self._target(live, record)
        self.query_one("#alarm-title", LineView).show(alarm_title(self._key, live, record, width, glyphs))
        lines: list[Line]
        if record is None:
            waiting = answer.error if answer is not None and answer.error else "asking the database"
            lines = [[(f"   {waiting}", Role.STALE)]]
        else:
            lines = [*alarm_facts(record, now, width), why_summary(self._why_answer(), width)]
            if not self._why:
                lines += guidance_lines(record.definition, width)
            if answer is not None and answer.error:
                lines.append([(f" {glyphs.fault} {answer.error}", Role.STALE)])
        facts = self.query_one("#alarm-facts", LineView)
        facts.styles.height = len(lines)
        facts.show(*lines)
        self._share_room(len(lines), now)
        journal = self.query_one(JournalList)
        journal.take(record)
        self.query_one("#journal-head", LineView).show(journal_head(record, width))
        journal.tick()

    def _share_room(self, above: int, now: float) -> None:
        """Give what is left below the facts to the picture, to the journal, or to both where there is room."""
        answer = self._why_answer()
        why = answer.value if answer is not None else None
        view, journal, head = self.query_one(WhyView), self.query_one(JournalList), self.query_one("#journal-head")
        room = self.size.height - _AROUND - above - _JOURNAL_LEAST
        both = not self._why and room >= _WHY_LEAST
        view.display = self._why or both
        journal.display = head.display = not self._why
        view.styles.height = min(_WHY_MOST, room) if both else "1fr"
        if view.display:
            view.tick(why, now)

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

    def action_why(self) -> None:
        """Why it was raised, instead of guidance and journal; again: back."""
        self._why = not self._why
        self.call_after_refresh(self.tick)
        if not self._why:
            self.query_one(JournalList).display = True
            self.query_one(JournalList).focus()
        self.tick()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One alarm is no page."""
        if action == "ack_page":
            return False
        return super().check_action(action, parameters)

    def on_item_chosen(self, event: ItemChosen) -> None:
        """Enter: the sensor."""
        self.action_choose()

    def action_choose(self) -> None:
        """The sensor, also while there is no journal."""
        view = self.selected_sensor()
        if view is not None:
            self.show_sensor(view.sensor_id)

    def action_back(self) -> None:
        """To the list."""
        self.app.pop_screen()

    def _live(self) -> AlarmView | None:
        return self.context.state.live_alarm(*self._key)

    def _why_answer(self) -> Answer[Why] | None:
        return self.context.state.archive.why.get(self._key)

    def _answer(self) -> Answer[AlarmRecord] | None:
        return self.context.state.archive.alarms.get(self._key)
