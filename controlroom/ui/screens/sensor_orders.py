"""The orders that an operator can give to a simulated sensor, for every screen that has a selected one.

Each returns at once; the outcome comes as a notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controlroom.core.freshness import interval_of
from controlroom.core.sensor_view import SensorView
from controlroom.ui.bindings import SENSOR
from controlroom.ui.fault_targets import fault_targets
from controlroom.ui.key_words import sensor_words
from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.inject import InjectForm, same_fault
from controlroom.ui.screens.node_question import NodeQuestion
from controlroom.ui.screens.rate import RateForm
from controlroom.ui.screens.spawn import SpawnForm
from controlroom.wire import FaultSpec, Location, SensorSpec


class SensorOrders(NodeQuestion):
    """Spawn, pause and resume, another rate, inject, clear, remove."""

    BINDINGS = SENSOR

    def action_spawn(self) -> None:
        """Make a simulated sensor, by default beside the selected one."""
        view = self.selected_sensor()

        def spawn(spec: SensorSpec | None) -> None:
            if spec is not None:
                self.context.commands.spawn(spec)

        self.app.push_screen(SpawnForm(self.context, view.location if view is not None else Location()), spawn)

    def action_pause(self) -> None:
        """Pause the selected sensors, or let them go on when all of them are paused."""
        views = self.simulated()
        running = [view for view in views if view.state != "paused"]

        def act() -> None:
            for view in running:
                self.context.commands.pause(view.sensor_id)
            if not running:
                for view in views:
                    self.context.commands.resume(view.sensor_id)
            self.ordered()

        if not views:
            self.ordered()
            return
        what = f"Pause {named(running)}" if running else f"Resume {named(views)}"
        self.ask_and_act(what, "Paused sensors send nothing until they are resumed.", act)

    def action_rerate(self) -> None:
        """Let the selected sensors send more or less often."""
        views = self.simulated()

        def rerate(interval: float) -> None:
            for view in views:
                self.context.commands.rerate(view.sensor_id, interval)
            self.ordered()

        if views:
            done = self.after_question(f"Change the rate of {named(views)}", "All get the same interval.", rerate)
            self.app.push_screen(RateForm(self.context, named(views), interval_of(views[0])), done)

    def action_inject(self) -> None:
        """Hurt the selected sensors in a known way."""
        views = self.simulated()

        def inject(fault: FaultSpec) -> None:
            every = list(self.context.state.sensors.values())
            struck: set[str] = set()
            for view in views:
                if view.sensor_id in struck:
                    continue  # a fault of its machine or zone has befallen it
                own = fault if view is views[0] else same_fault(fault, view, self.context.now())
                for sensor_id, faults in fault_targets(own, view, every).items():
                    struck.add(sensor_id)
                    for each in faults:
                        self.context.commands.inject(sensor_id, each)
            self.ordered()

        if views:
            done = self.after_question(f"Inject the fault into {named(views)}", "Each gets a fault of its own.", inject)
            self.app.push_screen(InjectForm(self.context, views[0], len(views) - 1), done)

    def action_clear(self) -> None:
        """End the faults of the selected sensors."""
        views = self.simulated()
        faulty = [view for view in views if view.faults]

        def act() -> None:
            for view in faulty:
                self.context.commands.clear(view.sensor_id)
            self.ordered()

        if faulty:
            self.ask_and_act(f"End the faults of {named(faulty)}", "What they did is recorded, and stays.", act)
        elif views:
            self.say(f"{named(views)}: no fault is injected")
            self.ordered()

    def action_remove(self) -> None:
        """Take the selected sensors away, after a question."""
        views = self.simulated()

        def remove(answer: bool | None) -> None:  # noqa: FBT001 - the result of a screen is given by position
            if answer:
                for view in views:
                    self.context.commands.remove(view.sensor_id)
                self.ordered()

        if views:
            of = "Their" if len(views) > 1 else "Its"
            consequence = f"{of} readings stop for good; what was recorded stays."
            self.app.push_screen(Confirm(self.context, f"Remove {named(views)}?", consequence), remove)

    def key_words(self) -> Mapping[str, str]:
        """Of what the keys act on; of a node below which there may be many sensors, as usual."""
        return (
            super().key_words() if self.node_meant() else {**super().key_words(), **sensor_words(self.meant_sensors())}
        )

    def meant_sensors(self) -> list[SensorView]:
        """What the keys act on; a screen with marks names the marked ones."""
        view = self.selected_sensor()
        return [] if view is None else [view]

    def simulated(self) -> list[SensorView]:
        """What the keys act on, if it takes orders; of what does not, the operator is told why."""
        views = self.meant_sensors()
        others = [view for view in views if not view.simulated]
        if others:
            one = len(others) == 1
            what = "is not simulated: it takes" if one else "are not simulated: they take"
            self.say(f"{named(others)} {what} no orders from here")
        return [view for view in views if view.simulated]

    def ordered(self) -> None:
        """An order was given: what was marked for it is not marked any more."""


def named(views: Sequence[SensorView]) -> str:
    """The one, or how many."""
    return views[0].label if len(views) == 1 else f"{len(views)} sensors"
