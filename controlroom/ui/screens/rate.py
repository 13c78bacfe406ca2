"""The form that lets a simulated sensor send more or less often."""

from __future__ import annotations

from collections.abc import Iterable

from controlroom.ui import entry
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.screens.form_screen import FormScreen
from controlroom.ui.widgets.form_field import FormField
from controlroom.ui.widgets.text_entry import TextEntry


class RateForm(FormScreen[float]):
    """Seconds between readings.

    Args:
        context: what every widget works with.
        what: which sensor, or how many.
        interval: as it is now, seconds.
    """

    def __init__(self, context: Context, what: str, interval: float) -> None:
        super().__init__(context)
        self._what = what
        self._interval = TextEntry(f"{interval:g}", id="rate-interval")

    def title_line(self) -> Line:
        """What is changed."""
        return [(" RATE ", Role.TITLE_STRONG), (f" of {self._what}", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """The one number."""
        yield FormField(self.context, "one every", self._interval, check=entry.interval, note="seconds")

    def about(self) -> list[Line]:
        """What it means for who watches it."""
        return [[("Its silence is noticed by this interval; its detectors go on.", Role.DIM)]]

    def result(self) -> float:
        """Seconds."""
        return entry.interval(self._interval.value)
