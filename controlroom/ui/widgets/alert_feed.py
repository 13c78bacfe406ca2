"""The alert feed: the newest alarm events, as they came."""

from __future__ import annotations

from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from controlroom.ui.context import Context
from controlroom.ui.render.feed_row import feed_row, feed_title
from controlroom.ui.render.line import Line, Role
from controlroom.wire import AlarmEvent

#: the columns of the age in a row
_AGE_AT, _AGE_WIDTH = 10, 4


class AlertFeed(Widget):
    """A title, and as many of the newest events as there are lines."""

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.context = context
        self._events: list[AlarmEvent] = []
        self._version = -1
        self._second = -1

    def tick(self) -> None:
        """Redraw when an event came, or when the ages have changed."""
        version, second = self.context.state.feed_version, int(self.context.now())
        if version != self._version:
            self._version = version
            self._take()
            self.refresh()
        elif second != self._second:
            # Only the lines whose age still counts in seconds move at every tick; the rest change once a minute.
            for y, event in enumerate(self._events, 1):
                if second - event.timestamp.timestamp() < 61 or second % 60 == 0:
                    self.refresh(Region(_AGE_AT, y, _AGE_WIDTH, 1))
        self._second = second

    def on_resize(self, event: Resize) -> None:
        """There is room for more, or less."""
        self._take()
        self.refresh()

    def _take(self) -> None:
        feed, room = self.context.state.feed, max(0, self.size.height - 1)
        # The writer may append meanwhile. `list` of a deque is one step for other threads; a loop over it would not be.
        self._events = list(feed)[: -room - 1 : -1] if room else []

    def render_line(self, y: int) -> Strip:
        """The title, or an event."""
        width, palette = self.size.width, self.context.palette
        if y == 0:
            return palette.strip(feed_title(len(self._events), width), width)
        line: Line = [("", Role.TEXT)]
        if y <= len(self._events):
            event = self._events[y - 1]
            line = feed_row(
                event, self.context.now(), width, self.context.glyphs, waiting=self.context.state.waits(event)
            )
        return palette.strip(line, width)
