"""The guided tour: a fault is injected, detected and acknowledged, in steps that an operator goes through by keys.

It knows the plant alone, not the screens: it is told which one is open. Each step is over when what it waits for has
happened, or when the operator goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controlroom.core.alarm_view import AlarmView
from controlroom.core.plant_state import PlantState
from controlroom.core.sensor_view import SensorView
from controlroom.ports import OperatorCommands
from controlroom.wire import FaultSpec

#: what is injected, and how strong, in sigma: beyond the critical limit of every type of sensor
FAULT, MAGNITUDE = "offset", 60.0
#: a fault that is not found within so long is said to take longer than usual, seconds
_LONG_S = 60.0
#: a fault that the simulator has not taken by then is injected once more, seconds
_TRY_AGAIN_S = 8.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is called, what it says, and when it is over by itself."""

    title: str
    text: Callable[[Tour], str]
    over: Callable[[Tour], bool] | None = None


class Tour:
    """Where the operator is in the tour.

    Args:
        commands: takes the fault, and its end.
        new_fault: a fault of this kind and strength for a sensor, from a time on.
        keymap: keys that the configuration gives to bindings.
    """

    def __init__(
        self,
        commands: OperatorCommands,
        new_fault: Callable[[SensorView, float], FaultSpec],
        keymap: Mapping[str, str],
    ) -> None:
        self._commands = commands
        self._new_fault = new_fault
        self._keymap = keymap
        self._state = PlantState()
        self._held = False
        self.place = 0
        self.ended = False
        self.now = 0.0
        #: the class of the screen that is open
        self.screen = ""
        self.victim: SensorView | None = None
        self.fault: FaultSpec | None = None
        self.injected_at = self.cleared_at = 0.0
        #: when the first alarm came, and when the last one went
        self.found_at: float | None = None
        self.gone_at: float | None = None
        #: kind of the alarm that came first
        self.kind = ""

    # --- what the operator does

    def next(self) -> None:
        """On to the next step; after the last one the tour has ended."""
        self._held = False
        self._go(self.place + 1)

    def back(self) -> None:
        """Read the step before once more; it then waits for the key."""
        self._held = True
        self.place = max(0, self.place - 1)

    def leave(self) -> None:
        """End the tour, and the fault with it."""
        self.ended = True
        self.clear()

    # --- what the plant does

    def tick(self, state: PlantState, now: float, screen: str) -> None:
        """The plant as it is now, and the screen that is open."""
        self._state, self.now, self.screen = state, now, screen
        if self.ended:
            return
        if self.place == _INJECTING and (self.fault is None or self._lost()):
            self._inject()
        alarms = self.alarms()
        if self.found_at is None and alarms:
            worst = max(alarms, key=lambda alarm: alarm.severity)
            self.found_at, self.kind = worst.raised_at, worst.kind
        if self.cleared_at and self.gone_at is None and not any(alarm.active for alarm in alarms):
            self.gone_at = now
        over = STEPS[self.place].over
        if over is not None and not self._held and over(self):
            self._go(self.place + 1)

    def alarms(self) -> list[AlarmView]:
        """The alarms of the sensor since the fault was injected."""
        if self.victim is None or self.fault is None:
            return []
        view = self._state.sensors.get(self.victim.sensor_id)
        live = list(view.alarms.values()) if view is not None else []
        return [alarm for alarm in live if alarm.raised_at >= self.injected_at - 1]

    def clear(self) -> None:
        """End the fault, if it acts."""
        if self.victim is not None and self.fault is not None and not self.cleared_at:
            self._commands.clear(self.victim.sensor_id)
            self.cleared_at = self.now

    def key(self, binding_id: str, usual: str) -> str:
        """The key of a binding, as it is bound now."""
        return self._keymap.get(binding_id, usual).partition(",")[0]

    @property
    def name(self) -> str:
        """The sensor, as it may be shown."""
        return self.victim.label if self.victim is not None else "a sensor"

    def _go(self, place: int) -> None:
        if self.place == _CLEARING - 1:
            self.clear()
        if place >= len(STEPS):
            self.leave()
        else:
            self.place = place

    @property
    def acts(self) -> bool:
        """Whether the simulator says that the fault acts."""
        view = self._state.sensors.get(self.victim.sensor_id) if self.victim is not None else None
        return view is not None and bool(view.faults)

    def _lost(self) -> bool:
        """The simulator has not taken the fault: it may have started a moment ago."""
        return not self.acts and self.found_at is None and self.now - self.injected_at > _TRY_AGAIN_S

    def _inject(self) -> None:
        again = self.victim.sensor_id if self.victim is not None else ""
        fit = [
            view
            for view in list(self._state.sensors.values())
            if view.simulated and view.state == "running" and not view.faults and not view.alarms
            and view.critical is not None and view.last_value is not None
        ]  # fmt: skip
        if fit:
            # The one that reads most often is found soonest.
            self.victim = min(fit, key=lambda view: (view.sensor_id != again, view.interval or 60.0, view.sensor_id))
            self.fault, self.injected_at = self._new_fault(self.victim, self.now), self.now
            self._commands.inject(self.victim.sensor_id, self.fault)


def _injecting(tour: Tour) -> str:
    if tour.fault is None:
        return (
            "The tour waits for a simulated sensor that runs and has no alarm. There is none yet: the plant may still"
            f" be starting. {tour.key('screen.simulator', '4')} shows the simulated sensors."
        )
    if not tour.acts:
        return f"The tour injects a fault into {tour.name}. Waiting for its simulator to take it."
    waits = tour.now - tour.injected_at
    longer = " That is longer than usual: 3 shows whether a detection worker runs." if waits > _LONG_S else ""
    return (
        f"The tour has injected a fault: {tour.name} now reads far too high, and is marked SIM. Detection is not told:"
        " it reads the same values from Kafka as for any sensor, and has to find the fault."
        f" Waiting for its alarm: {waits:.0f} s.{longer}"
    )


def _found(tour: Tour) -> str:
    if tour.found_at is None:
        return f"No alarm yet. {tour.key('tour.back', '<')} goes back to wait for it."
    took = f" after {max(0.0, tour.found_at - tour.injected_at):.0f} s"
    return (
        f"Found{took} by the detector `{tour.kind}`. The alarm is stored in PostgreSQL and published on the topic"
        " `alerts`. It is drawn in reverse: nobody has acknowledged it."
        f" Press {tour.key('screen.alarms', '2')} for the list of alarms."
    )


def _acking(tour: Tour) -> str:
    return (
        f"Move to the alarm of {tour.name} with {tour.key('move.down', 'j')} and {tour.key('move.up', 'k')}, and press"
        f" {tour.key('alarm.ack', 'a')} to acknowledge it. That tells everybody that you have seen it; it does not end"
        " it. If it had become worse since it was drawn, the key would be refused."
    )


def _acked(tour: Tour) -> str:
    return (
        "Acknowledged: no longer in reverse, and every console sees it. Who did it, when and from where is in the"
        f" audit. Press {tour.key('alarm.history', 'h')} on the alarm to see what happened to it, and"
        f" {tour.key('alarm.why', 'y')} there for why it was raised."
    )


def _on_its_page(tour: Tour) -> str:
    return (
        f"This is the alarm's own page: its state, what to do about it, and its journal. {tour.key('alarm.why', 'y')}"
        f" shows the readings and each detector. {tour.key('detail.back', 'Esc')} goes back. Go on with"
        f" {tour.key('tour.next', '>')}: the tour then ends the fault, as a repair would."
    )


def _clearing(tour: Tour) -> str:
    waits = tour.now - tour.cleared_at
    return (
        f"The fault has ended, and {tour.name} reads as before. Its alarm stays for 30 s more (the off-delay), so that"
        " a value that swings about a limit is one alarm and not many."
        f" Waiting for the end of the alarm: {waits:.0f} s."
    )


def _end(tour: Tour) -> str:
    return (
        f"That is the life of an alarm: raised, acknowledged, returned. Next: {tour.key('app.help', '?')} lists and"
        f" searches the keys (type: silence), {tour.key('app.palette', ':')} finds sensors and commands,"
        f" {tour.key('screen.cluster', '3')} shows brokers and database, {tour.key('app.quit', 'q')} quits."
        f" {tour.key('tour.next', '>')} ends the tour; the plant runs on."
    )


STEPS: tuple[Step, ...] = (
    Step(
        "Welcome",
        lambda tour: (
            "Three minutes with this plant: a fault is injected into a simulated sensor, detected as in a real plant,"
            " and you handle its alarm. All keys work meanwhile."
            f" {tour.key('tour.next', '>')} goes on, {tour.key('tour.leave', 'Q')} leaves the tour at any time."
        ),
    ),
    Step(
        "The overview",
        lambda tour: (
            "Each pane is one sensor: its newest readings, its value, what it does. Worst first. Grey is normal; what"
            " needs you has a colour, a shape and a word. Below are the events of alarms."
            f" Go on with {tour.key('tour.next', '>')}: the tour then injects the fault."
        ),
    ),
    Step("A fault", _injecting, lambda tour: tour.found_at is not None),
    Step("Detected", _found, lambda tour: tour.screen == "AlarmsScreen"),
    Step("Acknowledge", _acking, lambda tour: not any(alarm.unacked for alarm in tour.alarms())),
    Step("Acknowledged", _acked, lambda tour: tour.screen == "AlarmScreen"),
    Step("One alarm", _on_its_page),
    Step("The end of the fault", _clearing, lambda tour: tour.gone_at is not None),
    Step("Done", _end),
)
_INJECTING, _CLEARING = 2, 7
