"""One sensor: its readings, scores, alarms and faults on one time axis, its figures, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal

from controlroom.core.archive import Answer, Series
from controlroom.core.freshness import interval_of
from controlroom.core.sensor_view import SensorView
from controlroom.ui.alarm_target import AlarmTarget
from controlroom.ui.bindings import DETAIL, SENSOR_ALARM, SPAN
from controlroom.ui.context import Context
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.learning_line import learning_line
from controlroom.ui.render.line import Role
from controlroom.ui.render.sensor_lines import event_lines, reading_lines, spans_line, title_line
from controlroom.ui.render.span import DEFAULT_SPAN, SPANS, SpanData, end_of, redraw_stamp, span_data
from controlroom.ui.render.statistics import statistics_line
from controlroom.ui.screens.learning_orders import LearningOrders
from controlroom.ui.screens.sensor_history import SensorHistoryScreen
from controlroom.ui.screens.trend_keys import TrendKeys
from controlroom.ui.widgets.chart import SensorChart
from controlroom.ui.widgets.line_view import LineView

#: what the database adds to a span is asked for again this often, seconds
_ASK_EVERY_S = 10.0
#: and what its detectors were told, seconds: who has just ordered it waits for the word
_ASK_LEARNING_EVERY_S = 1.0


class SensorScreen(LearningOrders, TrendKeys):
    """The detail of one sensor.

    Args:
        context: what every widget works with.
        sensor_id: which.
    """

    BINDINGS = [*SENSOR_ALARM, *SPAN, *DETAIL]  # noqa: RUF012 - Textual declares it so
    KEYS_FIRST = (
        *("alarm.ack", "sensor.learning", "sensor.maintenance", "sensor.pause", "sensor.inject", "detail.back"),
        *("sensor.accept", "sensor.reset"),
    )

    def __init__(self, context: Context, sensor_id: str) -> None:
        super().__init__(context)
        self.sensor_id = sensor_id
        self.span = DEFAULT_SPAN
        self._data: SpanData | None = None
        self._stamp: object = None
        #: the alarms that wait for an operator, as they were drawn
        self._waiting: list[tuple[str, str, str, int]] = []
        self._asked: tuple[str, float, int] | None = None
        self._learning = QuerySchedule(self._ask_learning, every_s=_ASK_LEARNING_EVERY_S)

    def on_screen_resume(self) -> None:
        """Have each of its readings, and not only the last one of each second."""
        self.context.state.focus |= {self.sensor_id}

    def on_screen_suspend(self) -> None:
        """The last one of each second will do."""
        self.context.state.focus -= {self.sensor_id}

    def body(self) -> ComposeResult:
        """Title, spans, chart, figures, what happened."""
        yield LineView(self.context, id="sensor-title")
        yield LineView(self.context, id="sensor-spans")
        yield LineView(self.context, id="sensor-learning")
        yield SensorChart(self.context, id="chart")
        yield LineView(self.context, id="sensor-figures")
        with Horizontal(id="sensor-below"):
            yield LineView(self.context, height="100%", id="sensor-events")
            yield LineView(self.context, height="100%", id="sensor-readings")

    def selected_sensor(self) -> SensorView | None:
        """This one."""
        return self.context.state.sensors.get(self.sensor_id)

    def key_words(self) -> Mapping[str, str]:
        """Only what waits is acknowledged."""
        return {**super().key_words(), **({} if self._waiting else {"alarm.ack": ""})}

    def update(self) -> None:
        """Show it as it is."""
        view = self.selected_sensor()
        if view is None:
            self.query_one("#sensor-title", LineView).show([(" this sensor is gone", Role.TITLE_STRONG)])
            return
        now, width, glyphs = self.context.now(), self.size.width, self.context.glyphs
        self._ask(view, now)
        self._show_learning(now)
        data = self._draw_chart(view, now)
        self.query_one("#sensor-title", LineView).show(title_line(view, now, width, glyphs, self._signal()))
        self.query_one("#sensor-spans", LineView).show(spans_line(self.span, data, width))
        figures = statistics_line(data.statistics, view.unit, interval_of(view))
        self.query_one("#sensor-figures", LineView).show(figures)
        events, readings = self.query_one("#sensor-events", LineView), self.query_one("#sensor-readings", LineView)
        alarms = list(view.alarms.values())
        self._waiting = [AlarmTarget.of(alarm, alarm.state).seen for alarm in alarms if alarm.unacked]
        waiting = frozenset(event.event_id for event in data.events if self.context.state.waits(event))
        events.show(*event_lines(data.events, waiting, now, *events.size, glyphs))
        readings.show(*reading_lines(view, *readings.size, glyphs))

    def _draw_chart(self, view: SensorView, now: float) -> SpanData:
        """The span's data; drawn anew only when something of it has changed, for a chart costs milliseconds."""
        state, seconds, chart = self.context.state, SPANS[self.span], self.query_one(SensorChart)
        answer, end = self._answer(), end_of(view, now)
        moved = redraw_stamp(view, end, seconds, chart.size.width)
        stamp = (moved, state.feed_version, state.faults, id(answer), chart.size, self.span)
        if self._data is None or stamp != self._stamp:
            self._stamp = stamp
            heard = [event for event in list(state.feed) if event.sensor_id == self.sensor_id]
            asks = self.context.options.history is not None
            self._data = span_data(view, answer, heard, seconds, end, asks=asks)
            chart.draw(view, self._data, [fault for fault in state.faults if self.sensor_id in fault.sensors], now)
        return self._data

    def _ask(self, view: SensorView, now: float) -> None:
        history = self.context.options.history
        if history is None:
            return
        worst = view.severity
        before = self._asked
        # A chart of another span, or of a sensor that has just become worse, is wanted at once.
        if before is None or before[0] != self.span or before[2] < worst or not 0 <= now - before[1] < _ASK_EVERY_S:
            self._asked = (self.span, now, worst)
            history.series(self.sensor_id, SPANS[self.span], end_of(view, now))

    def _signal(self) -> str:
        """The kind of its signal, if that is known."""
        answer = self.context.state.archive.learning.get(self.sensor_id)
        return answer.value.signal if answer is not None and answer.value is not None else ""

    def _ask_learning(self) -> None:
        if self.context.options.history is not None:
            self.context.options.history.learning(self.sensor_id)

    def _show_learning(self, now: float) -> None:
        """What its detectors were told, where that is something."""
        self._learning.tick(now)
        line = learning_line(self.context.state.archive.learning.get(self.sensor_id), now, self.size.width)
        view = self.query_one("#sensor-learning", LineView)
        view.display = bool(line)
        view.show(line)

    def _answer(self) -> Answer[Series] | None:
        return self.context.state.archive.series.get((self.sensor_id, SPANS[self.span]))

    def action_span(self, step: int) -> None:
        """A shorter or a longer span."""
        names = list(SPANS)
        self.span = names[min(len(names) - 1, max(0, names.index(self.span) + step))]
        self.tick()

    def action_ack(self) -> None:
        """Acknowledge what waits of this sensor, as it was drawn."""
        actions, view = self.context.options.alarms, self.selected_sensor()
        if actions is None or view is None:
            return
        waiting = self._waiting
        if len(waiting) == 1:
            actions.ack(*waiting[0])
        elif waiting:
            actions.ack_page(waiting)
        else:
            self.say(f"{view.label}: nothing waits for an acknowledgement")

    def action_alarm_history(self) -> None:
        """What its alarms did, as far back as a week."""
        self.app.push_screen(SensorHistoryScreen(self.context, self.sensor_id))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nobody takes actions on alarms there is no key for them."""
        if action == "ack" and self.context.options.alarms is None:
            return False
        if action == "alarm_history" and self.context.options.history is None:
            return False
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """To the screen before."""
        self.app.pop_screen()
