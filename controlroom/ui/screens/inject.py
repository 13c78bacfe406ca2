"""The form that injects a fault into a simulated sensor. It is a drill, and says so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from controlroom.core.freshness import interval_of
from controlroom.core.sensor_view import SensorView
from controlroom.ui import entry
from controlroom.ui.context import Context
from controlroom.ui.fault_targets import fault_targets
from controlroom.ui.render.line import Line, Role
from controlroom.ui.screens.form_screen import FormScreen
from controlroom.ui.widgets.choice import Choice
from controlroom.ui.widgets.form_field import FormField
from controlroom.ui.widgets.text_entry import TextEntry
from controlroom.wire import FaultSpec
from simulator.faults import COMPOSED, FAULTS, MACHINE_FAILURE, FaultKind

#: a simulated sensor that lags the clock by more runs in a past of its own
_OWN_PAST_S = 3600.0


class InjectForm(FormScreen[FaultSpec]):
    """Fault, magnitude, duration.

    Args:
        context: what every widget works with.
        view: the sensor that will suffer.
        others: sensors that will suffer the same.
    """

    def __init__(self, context: Context, view: SensorView, others: int = 0) -> None:
        super().__init__(context)
        self._view = view
        self._others = others
        self._fault = Choice(context, [*FAULTS, *COMPOSED], id="inject-fault")
        self._magnitude = TextEntry(self._usual_magnitude(), id="inject-magnitude")
        self._duration = TextEntry(self._usual_duration(), id="inject-duration")

    @property
    def kind(self) -> FaultKind:
        """The fault that is chosen."""
        return (FAULTS | COMPOSED)[self._fault.value]

    def title_line(self) -> Line:
        """A banner: nobody should take this for the real thing."""
        more = f" and {self._others} more" if self._others else ""
        return [(" FAULT INJECTION ", Role.TITLE_SIM), (f" into {self._view.label}{more}", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """Fault first: the defaults follow from it."""
        yield FormField(self.context, "fault", self._fault, note="left and right choose")
        yield FormField(self.context, "magnitude", self._magnitude, check=self._check_magnitude)
        yield FormField(
            self.context, "duration", self._duration, check=entry.duration, note="s, 5m, 1h; empty: until cleared"
        )

    def look(self) -> bool:
        """The magnitude's measure is the fault's own."""
        self.fields[1].note = self.kind.measure or "not used"
        return super().look()

    def about(self) -> list[Line]:
        """What the fault does, and what it leads to."""
        return [
            [(f"{self.kind.name}: {self.kind.summary}{self._whom()}", Role.TEXT)],
            [("Every alarm that it causes is marked ", Role.DIM), ("SIM", Role.SIM), (".", Role.DIM)],
        ]

    def _whom(self) -> str:
        """Whom it befalls, where that is more than the sensor."""
        if self.kind.name not in COMPOSED:
            return ""
        place = self._view.location
        where = place.machine_id if self.kind.name == MACHINE_FAILURE else place.zone
        some = FaultSpec(fault_id="-", fault=self.kind.name, start=datetime.fromtimestamp(0, UTC))
        count = len(fault_targets(some, self._view, list(self.context.state.sensors.values())))
        return f": {count} sensors of {where}" if where else ": this sensor stands nowhere"

    def chosen(self, choice: Choice) -> None:
        """The defaults of another fault."""
        self._magnitude.value, self._duration.value = self._usual_magnitude(), self._usual_duration()

    def result(self) -> FaultSpec:
        """The fault, from now on, in the sensor's own time."""
        return FaultSpec(
            fault_id=_new_id(self.kind.name),
            fault=self.kind.name,
            start=_start(self._view, self.context.now()),
            duration=entry.duration(self._duration.value),
            magnitude=self._check_magnitude(self._magnitude.value),
            by=self.context.options.operator,
        )

    def _check_magnitude(self, text: str) -> float:
        return entry.number(text, self.kind.lowest, self.kind.highest)

    def _usual_magnitude(self) -> str:
        return f"{self.kind.magnitude:g}"

    def _usual_duration(self) -> str:
        return f"{self.kind.seconds(interval_of(self._view)):g}"


def same_fault(fault: FaultSpec, view: SensorView, now: float) -> FaultSpec:
    """The same fault for another sensor: with an id of its own, from now on in that sensor's time."""
    return msgspec.structs.replace(fault, fault_id=_new_id(fault.fault), start=_start(view, now))


def _new_id(name: str) -> str:
    return f"{name}-{uuid4().hex[:8]}"


def _start(view: SensorView, now: float) -> datetime:
    """A simulated plant may run faster than the clock, or in the past."""
    last = view.last_time
    at = now if last is None else last if last < now - _OWN_PAST_S else max(now, last)
    return datetime.fromtimestamp(at, UTC)
