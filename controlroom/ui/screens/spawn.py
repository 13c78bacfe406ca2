"""The form that makes a simulated sensor. As it opens it is filled in: `n` and Enter make one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from controlroom.ui import entry
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import quantity_text
from controlroom.ui.screens.form_screen import FormScreen
from controlroom.ui.widgets.choice import Choice
from controlroom.ui.widgets.form_field import FormField
from controlroom.ui.widgets.text_entry import TextEntry
from controlroom.wire import SENSOR_TYPES, Location, SensorSpec


class SpawnForm(FormScreen[SensorSpec]):
    """Type, id, place, interval.

    Args:
        context: what every widget works with.
        near: where the new sensor stands if nothing else is typed.
    """

    def __init__(self, context: Context, near: Location) -> None:
        super().__init__(context)
        self._near = near
        self._taken = frozenset(context.state.sensors)
        self._kind = Choice(context, list(SENSOR_TYPES), id="spawn-type")
        self._suggested = entry.free_sensor_id(self._kind.value, self._taken)
        self._name_input = TextEntry(self._suggested, id="spawn-id")
        self._machine = TextEntry(near.machine_id or "machine-001", id="spawn-machine")
        self._zone = TextEntry(near.zone or "zone-a", id="spawn-zone")
        self._interval = TextEntry(self._usual_interval(), id="spawn-interval")

    def title_line(self) -> Line:
        """What the form does."""
        return [(" NEW SIMULATED SENSOR", Role.TITLE_STRONG)]

    def make_fields(self) -> Iterable[FormField]:
        """Type first: the rest follows from it."""
        check_id = partial(entry.sensor_id, taken=self._taken)
        yield FormField(self.context, "type", self._kind, note="left and right choose")
        yield FormField(self.context, "id", self._name_input, check=check_id)
        yield FormField(self.context, "machine", self._machine, check=entry.place)
        yield FormField(self.context, "zone", self._zone, check=entry.place)
        yield FormField(self.context, "interval", self._interval, check=entry.interval, note="seconds")

    def about(self) -> list[Line]:
        """What is usual for the type."""
        usual = SENSOR_TYPES[self._kind.value]
        return [
            [
                ("usual ", Role.DIM),
                (quantity_text(usual.base, usual.unit), Role.TEXT),
                ("   warning ", Role.DIM),
                (quantity_text(usual.warning, usual.unit), Role.TEXT),
                ("   critical ", Role.DIM),
                (quantity_text(usual.critical, usual.unit), Role.TEXT),
            ]
        ]

    def chosen(self, choice: Choice) -> None:
        """Suggest what is usual for the type, but keep what the operator typed."""
        suggested = entry.free_sensor_id(choice.value, self._taken)
        if self._name_input.value == self._suggested:
            self._name_input.value = suggested
        self._suggested = suggested
        self._interval.value = self._usual_interval()

    def result(self) -> SensorSpec:
        """The sensor as it should be."""
        return SensorSpec(
            sensor_id=entry.sensor_id(self._name_input.value, self._taken),
            sensor_type=self._kind.value,
            location=Location(
                self._near.factory_section or "production",
                entry.place(self._machine.value),
                entry.place(self._zone.value),
            ),
            interval=entry.interval(self._interval.value),
        )

    def _usual_interval(self) -> str:
        return f"{SENSOR_TYPES[self._kind.value].interval:g}"
