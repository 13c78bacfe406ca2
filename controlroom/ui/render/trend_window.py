"""Which curves a trend shows, of which span of time, and where its cursor is: changed by keys, drawn by the screen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from controlroom.core.trends import MOST_CURVES, Trend, TrendQuestion
from controlroom.ui.render.span import DEFAULT_SPAN, SPANS

_DAY_S = 86_400.0
#: what can be chosen, shortest first: name -> seconds
TREND_SPANS: dict[str, float] = {**SPANS, "30d": 30 * _DAY_S, "90d": 90 * _DAY_S, "1y": 365 * _DAY_S}
#: what can be drawn over the curves: seconds before -> words
OVERLAYS: dict[float, str] = {0.0: "", _DAY_S: "the day before", 7 * _DAY_S: "the week before"}


@dataclass(slots=True)
class TrendWindow:
    """Times are seconds since the epoch."""

    sensors: list[str] = field(default_factory=list)
    #: the place of the curve that the keys act on
    selected: int = 0
    seconds: float = SPANS[DEFAULT_SPAN]
    #: where the span ends; None: with the present
    end: float | None = None
    #: the moment whose values are read; None: the newest
    cursor: float | None = None
    shared: bool = False
    overlay: float = 0.0
    #: under which it was saved or opened; empty: it was not
    name: str = ""

    def show(self, sensors: Iterable[str]) -> int:
        """A new trend of these; how many of them there was no room for."""
        self.sensors, self.selected, self.end, self.cursor, self.name = [], 0, None, None, ""
        return self.add(sensors)

    def add(self, sensors: Iterable[str]) -> int:
        """Add curves; how many there was no room for.

        >>> window = TrendWindow()
        >>> window.add(["a", "b", "a"]), window.add("cdefghij"), window.sensors[-1]
        (0, 2, 'h')
        """
        fresh = [sensor for sensor in dict.fromkeys(sensors) if sensor not in self.sensors]
        room = MOST_CURVES - len(self.sensors)
        self.sensors += fresh[:room]
        return max(0, len(fresh) - room)

    def drop(self) -> None:
        """Remove the selected curve."""
        if self.sensors:
            del self.sensors[self.selected]
            self.selected = max(0, min(self.selected, len(self.sensors) - 1))

    def choose(self, step: int) -> None:
        """Select the next curve, or the one before."""
        if self.sensors:
            self.selected = (self.selected + step) % len(self.sensors)

    @property
    def chosen(self) -> str | None:
        """The sensor of the selected curve."""
        return self.sensors[self.selected] if self.sensors else None

    def axis(self, now: float) -> tuple[float, float]:
        """From when to when it shows."""
        end = now if self.end is None else self.end
        return end - self.seconds, end

    def zoom(self, step: int, now: float) -> None:
        """A shorter or a longer span, about the cursor; without one, the present stays at the right.

        >>> window = TrendWindow(seconds=900.0, end=1000.0, cursor=400.0)
        >>> window.zoom(-1, 5000.0); window.axis(5000.0)
        (300.0, 600.0)
        """
        spans = list(TREND_SPANS.values())
        start, end = self.axis(now)
        place = min(range(len(spans)), key=lambda index: abs(spans[index] - self.seconds))
        seconds = spans[min(len(spans) - 1, max(0, place + step))]
        if self.cursor is not None:
            share = (self.cursor - start) / (end - start)
            self._end_at(self.cursor + (1 - share) * seconds, now)
        self.seconds = seconds

    def pan(self, share: float, now: float) -> None:
        """Go back or ahead by a share of the span; the cursor stays where it is on the screen."""
        _, end = self.axis(now)
        moved = self._end_at(end + share * self.seconds, now) - end
        if self.cursor is not None:
            self.cursor += moved

    def move_cursor(self, seconds: float, now: float) -> None:
        """Move the cursor, and the span with it where it would leave."""
        start, end = self.axis(now)
        cursor = min(now, (end if self.cursor is None else self.cursor) + seconds)
        self.cursor = cursor
        if cursor < start:
            self._end_at(end - (start - cursor), now)
        elif cursor > end:
            self._end_at(cursor, now)

    def go(self, at: float, now: float) -> None:
        """Put the cursor on a moment, which is shown in the middle unless it is on the screen."""
        start, end = self.axis(now)
        self.cursor = at
        if not start <= at < end:
            self._end_at(at + self.seconds / 2, now)

    def live(self) -> None:
        """Follow the present, without a cursor."""
        self.end = self.cursor = None

    def question(self) -> TrendQuestion:
        """What is asked of the database for it."""
        return TrendQuestion(tuple(self.sensors), self.seconds, self.end)

    def earlier(self, now: float) -> TrendQuestion:
        """And for what is drawn over it: in steps of a tenth of the span, for the present goes on."""
        step = self.seconds / 10
        end = now // step * step + step if self.end is None else self.end
        return TrendQuestion(tuple(self.sensors), self.seconds + step, end - self.overlay)

    def trend(self) -> Trend:
        """As it is saved."""
        return Trend(tuple(self.sensors), self.seconds, self.shared, self.overlay)

    def load(self, name: str, trend: Trend) -> None:
        """Show one that was saved; what a newer version may offer and this one does not is left out."""
        self.show(trend.sensors)
        self.name, self.shared = name, trend.shared
        self.seconds = min(TREND_SPANS.values(), key=lambda seconds: abs(seconds - trend.span))
        self.overlay = trend.overlay if trend.overlay in OVERLAYS else 0.0

    def _end_at(self, end: float, now: float) -> float:
        """Let the span end there, or with the present; where it ends."""
        self.end = None if end >= now else end
        return min(end, now)
