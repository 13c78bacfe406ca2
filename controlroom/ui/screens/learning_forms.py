"""The forms by which an operator tells detectors when to learn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controlroom.ui import entry
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import UNKNOWN, date_text
from controlroom.ui.screens.form_screen import FormScreen
from controlroom.ui.widgets.choice import Choice
from controlroom.ui.widgets.form_field import FormField
from controlroom.ui.widgets.text_entry import TextEntry

_STOPS, _GOES_ON = "stops", "goes on"
#: what is offered -> seconds
TIMES = {"30 min": 1800.0, "2 hours": 7200.0, "8 hours": 28_800.0}


@dataclass(frozen=True, slots=True)
class Freeze:
    """Whether learning stops."""

    frozen: bool
    reason: str


class FreezeForm(FormScreen[Freeze]):
    """Stop or go on, reason.

    Args:
        context: what every widget works with.
        what: the sensor, or how many.
        stopped: whether it is known that nothing is learned: then it is offered to go on.
    """

    def __init__(self, context: Context, what: str, *, stopped: bool) -> None:
        super().__init__(context)
        self._what = what
        self._learning = Choice(context, [_GOES_ON, _STOPS] if stopped else [_STOPS, _GOES_ON], id="freeze-learning")
        self._reason = TextEntry(placeholder="why, if it is worth a word", id="freeze-reason")

    def title_line(self) -> Line:
        """Whose learning."""
        return [(" LEARNING ", Role.TITLE_STRONG), (f" {self._what}", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """What is to be, first: Enter does it."""
        yield FormField(self.context, "learning", self._learning, note="left and right choose")
        yield FormField(self.context, "reason", self._reason, check=entry.words_or_none)

    def about(self) -> list[Line]:
        """What it leads to."""
        stops = self._learning.value == _STOPS
        said = "What is usual is learned on; a window that is open ends."
        if stops:
            said = "What is usual stays what it is now."
        return [[(said, Role.TEXT)], [("Alarms are raised all the same.", Role.DIM)]]

    def result(self) -> Freeze:
        """As it was filled in."""
        return Freeze(self._learning.value == _STOPS, entry.words_or_none(self._reason.value))


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window from now on."""

    start: float
    end: float
    reason: str


class MaintenanceForm(FormScreen[Maintenance]):
    """Reason, how long.

    Args:
        context: what every widget works with.
        what: the sensor, or how many.
    """

    def __init__(self, context: Context, what: str) -> None:
        super().__init__(context)
        self._what = what
        self._reason = TextEntry(placeholder="why", id="maintenance-reason")
        self._time = Choice(context, list(TIMES), id="maintenance-time")
        self._typed = TextEntry(placeholder="45m, 3h, 1d, 21:40", id="maintenance-typed")

    def title_line(self) -> Line:
        """What is worked on."""
        return [(" MAINTENANCE ", Role.TITLE_STRONG), (f" {self._what}", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """The reason first: it is the one thing that has no default."""
        yield FormField(self.context, "reason", self._reason, check=entry.words)
        yield FormField(self.context, "for", self._time, note="left and right choose")
        yield FormField(self.context, "or for", self._typed, check=self._check, note="or until a time, UTC")

    def about(self) -> list[Line]:
        """Until when, and what goes on."""
        try:
            until = f"{date_text(self._end(self.context.now()))[:16]} UTC"
        except entry.BadEntry:
            until = UNKNOWN
        return [
            [("Nothing is learned until ", Role.DIM), (until, Role.TEXT), (".", Role.DIM)],
            [("Alarms are raised all the same: shelve those that would disturb.", Role.DIM)],
        ]

    def result(self) -> Maintenance:
        """As it was filled in, from now on."""
        now = self.context.now()
        return Maintenance(now, self._end(now), entry.words(self._reason.value))

    def _check(self, text: str) -> float | None:
        return entry.window_end(text, self.context.now())

    def _end(self, now: float) -> float:
        typed = entry.window_end(self._typed.value, now)
        return now + TIMES[self._time.value] if typed is None else typed
