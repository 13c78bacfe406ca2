"""The `/` filter: words that must all be there, or with `!` in front, must not."""

from __future__ import annotations

from dataclasses import dataclass

from controlroom.core.alarm_view import AlarmView
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.marks import WORDS


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was typed.

    >>> Filter("temp crit").passes("temp-sensor-001 CRIT"), Filter("!temp").passes("temp-sensor-001")
    (True, False)
    """

    text: str = ""

    @property
    def empty(self) -> bool:
        """Whether everything passes."""
        return not self.text.lstrip("!").split()

    def passes(self, haystack: str) -> bool:
        """Whether a line with this text is shown."""
        words = self.text.lstrip("!").lower().split()
        if not words:
            return True
        haystack = haystack.lower()
        found = all(word in haystack for word in words)
        return found is not self.text.startswith("!")

    def passes_sensor(self, view: SensorView) -> bool:
        """By id, type, place, state, severity and faults."""
        if self.empty:
            return True
        place = view.location
        faults = " ".join(fault.fault for fault in view.faults)
        words = (view.label, view.sensor_type, place.factory_section, place.zone, place.machine_id, view.state)
        return self.passes(f"{' '.join(words)} {WORDS[view.severity]} {faults}{' sim' if view.faults else ''}")

    def passes_alarm(self, alarm: AlarmView) -> bool:
        """By sensor, all kinds that found it, state, severity and message."""
        if self.empty:
            return True
        sim = " sim" if alarm.simulated else ""
        words = (alarm.sensor_id, *alarm.kinds, alarm.state, WORDS[alarm.severity], alarm.message)
        return self.passes(" ".join(words) + sim)
