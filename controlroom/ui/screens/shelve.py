"""The form that silences alarms for a time: preset times, a reason, and whether one return to normal ends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controlroom.ui import entry
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import clock_text
from controlroom.ui.screens.form_screen import FormScreen
from controlroom.ui.widgets.choice import Choice
from controlroom.ui.widgets.form_field import FormField
from controlroom.ui.widgets.text_entry import TextEntry

#: what is offered -> seconds
TIMES = {
    "15 min": 900.0,
    "30 min": 1800.0,
    "1 hour": 3600.0,
    "2 hours": 7200.0,
    "4 hours": 14_400.0,
    "8 hours": 28_800.0,
    "24 hours": 86_400.0,
    "5 min": 300.0,
}
_ENDS = {"time is over": False, "or when normal": True}


@dataclass(frozen=True, slots=True)
class Shelve:
    """How an alarm is to be shelved."""

    seconds: float
    reason: str
    one_shot: bool


class ShelveForm(FormScreen[Shelve]):
    """Reason, time, end.

    Args:
        context: what every widget works with.
        what: the alarm, or how many.
    """

    def __init__(self, context: Context, what: str) -> None:
        super().__init__(context)
        self._what = what
        self._reason = TextEntry(placeholder="why", id="shelve-reason")
        self._time = Choice(context, list(TIMES), id="shelve-time")
        self._ends = Choice(context, list(_ENDS), id="shelve-ends")

    def title_line(self) -> Line:
        """What is shelved."""
        return [(" SHELVE ", Role.TITLE_STRONG), (f" {self._what}", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """The reason first: it is the one thing that has no default."""
        yield FormField(self.context, "reason", self._reason, check=entry.words)
        yield FormField(self.context, "for", self._time, note="left and right choose")
        yield FormField(self.context, "ends", self._ends)

    def about(self) -> list[Line]:
        """Until when, and what goes on."""
        until = self.context.now() + TIMES[self._time.value]
        return [
            [
                ("Silent until ", Role.DIM),
                (f"{clock_text(until)} UTC", Role.TEXT),
                (", with a warning before.", Role.DIM),
            ],
            [("It is still evaluated and logged, and stands in the shelved list (S).", Role.DIM)],
        ]

    def result(self) -> Shelve:
        """As it was filled in."""
        return Shelve(TIMES[self._time.value], entry.words(self._reason.value), _ENDS[self._ends.value])
