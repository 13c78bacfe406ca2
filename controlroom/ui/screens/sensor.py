"""One sensor: its readings on a chart, its figures, its alarms."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.plant_state import SensorView
from controlroom.ui.bindings import DETAIL
from controlroom.ui.context import Context
from controlroom.ui.render.feed_row import feed_row
from controlroom.ui.render.line import Line, Role, spread
from controlroom.ui.render.marks import severity_mark
from controlroom.ui.render.numbers import quantity_text
from controlroom.ui.render.sensor_state import interval_of, simulated_word, state_word
from controlroom.ui.render.statistics import statistics_lines
from controlroom.ui.screens.sensor_orders import SensorOrders
from controlroom.ui.widgets.chart import SensorChart
from controlroom.ui.widgets.line_view import LineView

_EVENTS = 4


class SensorScreen(SensorOrders):
    """The detail of one sensor.

    Args:
        context: what every widget works with.
        sensor_id: which.
    """

    BINDINGS = DETAIL

    def __init__(self, context: Context, sensor_id: str) -> None:
        super().__init__(context)
        self.sensor_id = sensor_id

    def body(self) -> ComposeResult:
        """Title, chart, figures, events."""
        yield LineView(self.context, id="sensor-title")
        yield SensorChart(self.context, id="chart")
        yield LineView(self.context, height=2, id="sensor-figures")
        yield LineView(self.context, height=1 + _EVENTS, id="sensor-events")

    def selected_sensor(self) -> SensorView | None:
        """This one."""
        return self.context.state.sensors.get(self.sensor_id)

    def update(self) -> None:
        """Show it as it is."""
        view = self.selected_sensor()
        if view is None:
            self.query_one("#sensor-title", LineView).show([(" this sensor is gone", Role.TITLE_STRONG)])
            return
        now, width = self.context.now(), self.size.width
        self.query_one("#sensor-title", LineView).show(_title(view, now, width, self.context))
        self.query_one(SensorChart).tick(view)
        values, times = view.values.last(len(view.values)), view.times.last(len(view.times))
        figures = statistics_lines(values, times, view.unit, interval_of(view))
        self.query_one("#sensor-figures", LineView).show(*figures)
        self.query_one("#sensor-events", LineView).show(*self._events(now, width))

    def _events(self, now: float, width: int) -> list[Line]:
        found = [event for event in list(self.context.state.feed) if event.sensor_id == self.sensor_id]
        head: Line = [(" ALARM EVENTS ", Role.TITLE_STRONG), (" newest first" if found else " none", Role.TITLE_DIM)]
        lines = [spread(head, [], width, Role.TITLE)]
        for event in found[: -_EVENTS - 1 : -1]:
            waiting = self.context.state.waits(event)
            lines.append(feed_row(event, now, width, self.context.glyphs, waiting=waiting))
        return lines

    def action_back(self) -> None:
        """To the screen before."""
        self.app.pop_screen()


def _title(view: SensorView, now: float, width: int, context: Context) -> Line:
    state, _ = state_word(view, now)
    mark, role = severity_mark(view.severity, context.glyphs, unacked=view.unacked)
    start: Line = [(f" {view.label} ", Role.TITLE_STRONG), (f" {view.sensor_type}", Role.TITLE_DIM)]
    sim, sim_role = simulated_word(view)
    end: Line = [
        (mark, role if mark.strip() else Role.TITLE),
        ("  ", Role.TITLE),
        (quantity_text(view.last_value, view.unit), Role.TITLE_STRONG),
        (f"  {state}  ", Role.TITLE),
        (f"{sim} ", Role.TITLE_SIM if sim_role is Role.SIM else Role.TITLE_DIM),
    ]
    return spread(start, end, width, Role.TITLE)
