"""Trends: up to eight curves of any sensors in one chart, with a cursor that reads all of them."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.archive import Answer
from controlroom.core.sensor_view import SensorView
from controlroom.core.trends import MOST_CURVES, AlarmJump, TrendData
from controlroom.ui.bindings import DETAIL, SEEK, SPAN, TREND
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.marks import WORDS
from controlroom.ui.render.span import end_of
from controlroom.ui.render.trend_chart import frames_of, trend_lines
from controlroom.ui.render.trend_curves import TrendPicture, picture_of
from controlroom.ui.render.trend_rows import (
    STRIPS,
    legend_head,
    legend_row,
    moment_line,
    strip_lines,
    trend_title,
)
from controlroom.ui.render.trend_window import OVERLAYS, TREND_SPANS
from controlroom.ui.screens.trend_forms import AddCurvesForm
from controlroom.ui.screens.trend_orders import TrendOrders
from controlroom.ui.trend_schedule import TrendSchedule
from controlroom.ui.widgets.line_view import LineView

_SEVERITIES = {1: "warning", 2: "critical"}


class TrendScreen(TrendOrders):
    """Shows `context.trend`, which stays as it is when the screen is left.

    Args:
        context: what every widget works with.
    """

    BINDINGS = [*TREND, *SEEK, *SPAN, *DETAIL]  # noqa: RUF012 - Textual declares it so
    KEYS_FIRST = ("trend.add", "trend.drop", "trend.scale", "trend.overlay", "trend.save", "trend.open", "trend.export")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._schedule = TrendSchedule(context)
        self._jump: AlarmJump | None = None
        #: what was answered last, for the time until the next span is answered
        self._last: Answer[TrendData] | None = None
        self._stamp: object = None

    def body(self) -> ComposeResult:
        """Title, chart, strips, a row for each curve."""
        yield LineView(self.context, id="trend-title")
        yield LineView(self.context, height="1fr", id="trend-chart")
        yield LineView(self.context, height=STRIPS, id="trend-strips")
        yield LineView(self.context, height=2, id="trend-legend")

    def moment(self) -> float:
        """The present of its sensors: those that are simulated may live in a time of their own."""
        now, sensors = self.context.now(), self.context.state.sensors
        ends = [end_of(view, now) for sensor in self.window.sensors if (view := sensors.get(sensor)) is not None]
        return max(ends, default=now)

    def selected_sensor(self) -> SensorView | None:
        """The one of the selected curve."""
        chosen = self.window.chosen
        return None if chosen is None else self.context.state.sensors.get(chosen)

    # --- looking

    def update(self) -> None:
        """Show it as it is; the chart only when something of it has changed, for it costs milliseconds."""
        window, state, now = self.window, self.context.state, self.moment()
        legend = self.query_one("#trend-legend", LineView)
        height = max(1, len(window.sensors)) + 1
        if legend.styles.height is None or legend.styles.height.value != height:
            legend.styles.height = height
            self.call_after_refresh(self.tick)
        answer = self._schedule.answer(window.question(), now)
        earlier = None
        if window.overlay and window.sensors:
            earlier = self._schedule.answer(window.earlier(now), now)
        self._look_at_jump()
        self.look_at_saved()
        chart, views = self.query_one("#trend-chart", LineView), [state.sensors.get(each) for each in window.sensors]
        step = max(1.0, window.seconds / max(1, 2 * chart.size.width))
        moved = (int(now // step), tuple(view.version for view in views if view)) if window.end is None else None
        looks = tuple((view.severity, view.unacked) if view else None for view in views)
        drawn = (tuple(window.sensors), window.selected, window.seconds, window.end, window.cursor, window.shared)
        stamp = (drawn, window.overlay, window.name, id(answer), id(earlier), state.feed_version, state.faults, looks)
        if self._stamp != (stamp, moved, chart.size):
            self._stamp = (stamp, moved, chart.size)
            asks = self.context.options.history is not None and bool(window.sensors)
            self.picture = picture_of(window, state, now, answer or self._last, earlier, asks=asks)
            self._draw(self.picture, now)
        if answer is not None and answer.value is not None:
            self._last = answer

    def _draw(self, picture: TrendPicture, now: float) -> None:
        window, glyphs, width = self.window, self.context.glyphs, self.size.width
        span = next((name for name, seconds in TREND_SPANS.items() if seconds == window.seconds), "")
        words = (
            "live" if window.end is None else "held",
            picture.source if window.sensors else "",
            "one scale" if window.shared else "",
            OVERLAYS[window.overlay],
        )
        self.query_one("#trend-title", LineView).show(trend_title(window.name, words, span, picture.axis, width))
        chart, strips = self.query_one("#trend-chart", LineView), self.query_one("#trend-strips", LineView)
        legend = self.query_one("#trend-legend", LineView)
        if not picture.curves:
            text = "no curve: / adds sensors by a filter, O opens a saved trend"
            chart.show([], [(f"   {text}", Role.TEXT)], [("   on the overview: v shows, V adds", Role.DIM)])
            strips.show()
            legend.show()
            return
        frames = frames_of(picture.curves, picture.axis, shared=window.shared)
        chart.show(
            *trend_lines(
                picture.curves,
                frames,
                window.selected,
                window.cursor,
                width=width,
                height=chart.size.height,
                glyphs=glyphs,
            )
        )
        until = min(now, picture.axis[1])
        strips.show(*strip_lines(frames[window.selected], picture.events, picture.faults, until, width, glyphs))
        at = until if window.cursor is None else window.cursor
        over = OVERLAYS[window.overlay]
        sensors = self.context.state.sensors
        legend.show(
            legend_head(window.cursor, width, overlay=over),
            *(
                legend_row(
                    curve, sensors.get(curve.sensor_id), at, width, glyphs,
                    selected=index == window.selected, overlay=bool(over),
                )
                for index, curve in enumerate(picture.curves)
            ),
        )  # fmt: skip

    def status(self) -> Line:
        """What happened under the cursor; else the sensor."""
        if self.picture is not None and self.window.cursor is not None:
            half = self._cell() / 2
            around = (self.window.cursor - half, self.window.cursor + half)
            said = moment_line(self.picture.events, around, self.size.width)
            if said:
                return said
        return super().status()

    def _cell(self) -> float:
        """Seconds of a cell of the chart."""
        return self.window.seconds / max(1, self.query_one("#trend-chart", LineView).size.width - 10)

    # --- moving

    def action_span(self, step: int) -> None:
        """A shorter or a longer span."""
        self.window.zoom(step, self.moment())
        self.tick()

    def action_pan(self, step: int) -> None:
        """Half a span back or ahead."""
        self.window.pan(step / 2, self.moment())
        self.tick()

    def action_cursor(self, step: int) -> None:
        """Move the cursor by a cell."""
        self.window.move_cursor(step * self._cell(), self.moment())
        self.tick()

    def action_curve(self, step: int) -> None:
        """Select another curve."""
        self.window.choose(step)
        self.tick()

    def action_live(self) -> None:
        """Follow the present."""
        self.window.live()
        self.tick()

    def action_oldest(self) -> None:
        """Go to the oldest that is stored."""
        first = self._last.value.first if self._last is not None and self._last.value is not None else None
        if first is None:
            self.say("nothing older is stored of these sensors")
            return
        self.window.go(first, self.moment())
        self.tick()

    def action_seek(self, severity: int, step: int) -> None:
        """Go to the next alarm of a severity, or to the one before."""
        window, history, now = self.window, self.context.options.history, self.moment()
        if not window.sensors:
            return
        at = window.cursor if window.cursor is not None else window.axis(now)[1]
        jump = AlarmJump(tuple(window.sensors), _SEVERITIES[severity], at, step)
        if history is None:
            found = [event.timestamp.timestamp() for event in list(self.context.state.feed)
                     if event.sensor_id in window.sensors and event.severity == jump.severity
                     and event.event in {"raised", "recurred", "severity-rose"}]  # fmt: skip
            beyond = [each for each in found if (each > at if step > 0 else each < at)]
            self._arrive(jump, (min(beyond) if step > 0 else max(beyond)) if beyond else None)
            return
        self._jump = jump
        history.alarm_jump(jump.sensors, jump.severity, jump.at, jump.step)
        self.tick()

    def _look_at_jump(self) -> None:
        """Go where the operator wanted to, when the database has said where that is."""
        answer = self.context.state.archive.alarm_jumps.get(self._jump) if self._jump is not None else None
        if self._jump is None or answer is None:
            return
        jump, self._jump = self._jump, None
        if answer.error:
            self.tell(f"the database does not say where it is: {answer.error}")
        else:
            self._arrive(jump, answer.value)

    def _arrive(self, jump: AlarmJump, at: float | None) -> None:
        if at is None:
            where = "after" if jump.step > 0 else "before"
            self.tell(f"no {WORDS[2 if jump.severity == 'critical' else 1]} of these sensors was raised {where} this")
        else:
            self.window.go(at, self.moment())
            self.call_after_refresh(self.tick)

    # --- what is shown

    def action_add_curves(self) -> None:
        """Add sensors by a filter."""
        room = MOST_CURVES - len(self.window.sensors)
        if not room:
            self.say(f"{MOST_CURVES} curves are the most: x takes one away")
            return

        def add(found: list[str] | None) -> None:
            self.window.add(found or ())
            self.tick()

        self.app.push_screen(AddCurvesForm(self.context, self.window.sensors, room), add)

    def action_drop_curve(self) -> None:
        """Take the selected curve away."""
        self.window.drop()
        self.tick()

    def action_scale(self) -> None:
        """One scale for all curves, or each its own."""
        self.window.shared = not self.window.shared
        self.tick()

    def action_overlay(self) -> None:
        """Draw the same span of the day before over it, then of the week before, then nothing."""
        choices = list(OVERLAYS)
        self.window.overlay = choices[(choices.index(self.window.overlay) + 1) % len(choices)]
        self.tick()

    def action_choose(self) -> None:
        """The screen of the selected curve's sensor."""
        view = self.selected_sensor()
        if view is not None:
            self.show_sensor(view.sensor_id)

    def action_back(self) -> None:
        """To the screen before."""
        self.app.pop_screen()
