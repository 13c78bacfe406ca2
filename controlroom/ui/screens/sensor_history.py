"""What the alarms of one sensor did in the last week, and who did what about them."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.ui.bindings import DETAIL
from controlroom.ui.context import Context
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.span import SPANS, end_of
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.widgets.journal_list import JournalList
from controlroom.ui.widgets.line_view import LineView

_SECONDS = SPANS["7d"]
_ASK_EVERY_S = 10.0


class SensorHistoryScreen(PlantScreen):
    """The newest first.

    Args:
        context: what every widget works with.
        sensor_id: of which sensor.
    """

    BINDINGS = DETAIL

    def __init__(self, context: Context, sensor_id: str) -> None:
        super().__init__(context)
        self._sensor_id = sensor_id
        self._schedule = QuerySchedule(self._ask, every_s=_ASK_EVERY_S)

    def _ask(self) -> None:
        history, view = self.context.options.history, self.selected_sensor()
        assert history is not None, "there is no key for it"
        now = self.context.now()
        history.series(self._sensor_id, _SECONDS, now if view is None else end_of(view, now))

    def body(self) -> ComposeResult:
        """Heading and list."""
        yield LineView(self.context, id="journal-head")
        yield JournalList(self.context, id="journal")

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.query_one(JournalList).focus()

    def update(self) -> None:
        """Show the last answer."""
        self._schedule.tick(self.context.now(), self.context.state.feed_version)
        journal = self.query_one(JournalList)
        answer = self.context.state.archive.series.get((self._sensor_id, _SECONDS))
        if answer is None or answer.value is None:
            about = answer.error if answer is not None else "asking the database"
        else:
            journal.take_events(answer.value.events)
            count = len(answer.value.events)
            about = f"{count} alarm events in 7 days, the latest first" if count else "no alarm event in 7 days"
            about += f"; {answer.error}" if answer.error else ""
        head: Line = [(f" {sanitise(self._sensor_id, limit=64)} ", Role.TITLE_STRONG), (f" {about}", Role.TITLE_DIM)]
        self.query_one("#journal-head", LineView).show(fit(head, self.size.width, Role.TITLE))
        journal.tick()

    def selected_sensor(self) -> SensorView | None:
        """This one."""
        return self.context.state.sensors.get(self._sensor_id)

    def status(self) -> Line:
        """The whole of the line under the cursor."""
        return self.query_one(JournalList).said()

    def action_back(self) -> None:
        """To the sensor."""
        self.app.pop_screen()
