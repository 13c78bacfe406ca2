"""The two lines at the top of every screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from controlroom.ui.bindings import SCREENS
from controlroom.ui.context import Context
from controlroom.ui.render.header import AlarmCounts, clock_line, rate_line, tabs_line, title_line
from controlroom.ui.render.line import width_of
from controlroom.ui.widgets.line_view import LineView

_RATE_WIDTH = 32


class PlantHeader(Vertical):
    """What plant, how many alarms, what time; which screen, how many sensors.

    What changes every second is a widget of its own: Textual sends a line from the left edge of its widget on.

    Args:
        context: what every widget works with.
        screen_name: the title of the screen that it stands on.
    """

    def __init__(self, context: Context, screen_name: str) -> None:
        super().__init__()
        self.context = context
        self._screen_name = screen_name
        self._title = LineView(context)
        self._clock = LineView(context)
        self._tabs = LineView(context)
        self._tabs.show(tabs_line(list(SCREENS.values()), screen_name))
        self._rate = LineView(context)
        self._rate.styles.width = _RATE_WIDTH
        self._counts = AlarmCounts()
        self._version = -1

    def compose(self) -> ComposeResult:
        """Two lines of two."""
        with Horizontal():
            yield self._title
            yield self._clock
        with Horizontal():
            yield self._tabs
            yield self._rate

    def tick(self) -> None:
        """Show the present."""
        state, now, options = self.context.state, self.context.now(), self.context.options
        if state.structure_version != self._version:
            self._version = state.structure_version
            self._counts = AlarmCounts.of(state.live_alarms())
        clock = clock_line(now, self.size.width)
        clock_width = width_of(clock)
        if self._clock.size.width != clock_width:
            self._clock.styles.width = clock_width
        self._clock.show(clock)
        # Sensors are known before their alarms: until the database has been asked, "no alarm" would be a guess.
        known = self._counts if state.database is not None or self._counts != AlarmCounts() else None
        title_width = max(0, self.size.width - clock_width)
        title = title_line(
            options.banner,
            known,
            title_width,
            self.context.glyphs,
            read_only=self.context.viewer,
            replay=options.replay,
        )
        self._title.show(title)
        rate = self.context.meter.rate(now, state.live_readings)
        self._rate.show(rate_line(len(state.sensors), rate, _RATE_WIDTH, state.feed_health, self.context.glyphs))
