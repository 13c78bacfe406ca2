"""The orders that an operator can give to a simulated sensor, for every screen that has a selected one.

Each returns at once; the outcome comes as a notice.
"""

from __future__ import annotations

from controlroom.core.plant_state import SensorView
from controlroom.ui.bindings import SENSOR
from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.inject import InjectForm
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.screens.spawn import SpawnForm
from controlroom.wire import FaultSpec, Location, SensorSpec


class SensorOrders(PlantScreen):
    """Spawn, pause and resume, inject, clear, remove."""

    BINDINGS = SENSOR

    def action_spawn(self) -> None:
        """Make a simulated sensor, by default beside the selected one."""
        view = self.selected_sensor()

        def spawn(spec: SensorSpec | None) -> None:
            if spec is not None:
                self.context.commands.spawn(spec)

        self.app.push_screen(SpawnForm(self.context, view.location if view is not None else Location()), spawn)

    def action_pause(self) -> None:
        """Pause the selected sensor, or let it go on."""
        view = self.simulated()
        if view is not None:
            if view.state == "paused":
                self.context.commands.resume(view.sensor_id)
            else:
                self.context.commands.pause(view.sensor_id)

    def action_inject(self) -> None:
        """Hurt the selected sensor in a known way."""
        view = self.simulated()
        if view is not None:
            sensor_id = view.sensor_id

            def inject(fault: FaultSpec | None) -> None:
                if fault is not None:
                    self.context.commands.inject(sensor_id, fault)

            self.app.push_screen(InjectForm(self.context, view), inject)

    def action_clear(self) -> None:
        """End the faults of the selected sensor."""
        view = self.simulated()
        if view is not None:
            if view.faults:
                self.context.commands.clear(view.sensor_id)
            else:
                self.say(f"{view.label}: no fault is injected")

    def action_remove(self) -> None:
        """Take the selected sensor away, after a question."""
        view = self.simulated()
        if view is not None:
            sensor_id = view.sensor_id

            def remove(answer: bool | None) -> None:  # noqa: FBT001 - the result of a screen is given by position
                if answer:
                    self.context.commands.remove(sensor_id)

            consequence = "Its readings stop for good; what was recorded of it stays."
            self.app.push_screen(Confirm(self.context, f"Remove {view.label}?", consequence), remove)

    def simulated(self) -> SensorView | None:
        """The selected sensor if it takes orders; if not, the operator is told why."""
        view = self.selected_sensor()
        if view is not None and not view.simulated:
            self.say(f"{view.label} is not simulated: it takes no orders from here")
            return None
        return view
