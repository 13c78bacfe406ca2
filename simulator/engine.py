"""All sensors of one simulator and the order in which they take readings: pure, no I/O, no clock of its own.

It is moved on by `advance(now)`; what it sends goes, without waiting, to what each sensor was given to send with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from controlroom.wire import SensorCommand
from simulator.faults import ActiveFault, BadFault, activate
from simulator.load import Load
from simulator.sensor import Send, Sensor
from simulator.signals import MODELS, Nature, Signal
from simulator.specification import BadSpec, limits_of
from simulator.timer_wheel import TimerWheel

#: Where the signals of a seeded simulation begin, whenever it is run: a Monday, 08:00.
_SEEDED_MORNING = (4 * 24 + 8) * 3_600_000


class Refused(ValueError):
    """A command that cannot be obeyed; the message is the reason."""


@dataclass(slots=True)
class _Delivery:
    """A record that a fault has held back."""

    sensor: Sensor
    deliver: Callable[[], None]


class Engine:
    """The sensors by id. Times are simulated milliseconds since 1970.

    Args:
        seed: of all signals and faults.
        nature: what happens by itself.
        origin: None: signals follow the calendar (the day's cycle is today's), and a simulator that takes over goes on
            with the very same values. A moment: signals begin there as if it was a Monday, 08:00, so that the same seed
            gives the same values whenever it is run.
    """

    def __init__(self, seed: int = 0, nature: Nature = Nature(), origin: int | None = None) -> None:  # noqa: B008 - frozen
        self.sensors: dict[str, Sensor] = {}
        #: ids of sensors whose faults have ended since it was last emptied
        self.changed: set[str] = set()
        #: the moment that is being worked on: of the reading that is taken, or of the record that is sent
        self.time = 0
        self._seed = seed
        self._nature = nature
        self._origin = origin or 0
        self._ahead = 0 if origin is None else _SEEDED_MORNING - origin
        self._loads: dict[str, Load] = {}
        self._wheel = TimerWheel[Sensor | _Delivery]()

    def put(self, command: SensorCommand, send: Send, *, now: int, count: int = 0) -> Sensor:
        """Let a sensor be what the command says: a new one, or one that is there already.

        Args:
            command: the desired state.
            send: where its records go.
            now: the simulated time.
            count: the last sequence number that was used, for a sensor that is new here.

        Raises:
            Refused: the command cannot be obeyed; nothing has changed.
        """
        spec = command.spec
        try:
            limits = limits_of(spec)
            faults = tuple(activate(fault, self._seed, spec.sensor_id) for fault in command.faults)
        except (BadSpec, BadFault) as error:
            raise Refused(str(error)) from None
        old = self.sensors.get(spec.sensor_id)
        machine = spec.location.machine_id or spec.sensor_id
        load = self._loads.setdefault(machine, Load(self._seed, machine))
        model = MODELS[spec.sensor_type]
        signal = Signal(self._seed, spec.sensor_id, model, limits, load, self._nature, ahead=self._ahead)
        sensor = Sensor(
            command,
            signal,
            _in_order(faults, now),
            send,
            origin=self._origin,
            count=count if old is None else old.count,
        )
        if old is not None:
            old.due = None
        self.sensors[spec.sensor_id] = sensor
        if not command.paused:
            # A change must not make the sensor repeat a moment, nor take two readings closer than its interval.
            self._schedule(sensor, sensor.due_after(now))
        return sensor

    def remove(self, sensor_id: str) -> Sensor | None:
        """Take a sensor out; what faults have held back of it is lost, as in a gateway that is switched off."""
        sensor = self.sensors.pop(sensor_id, None)
        if sensor is not None:
            sensor.due = None
        return sensor

    def clear(self) -> None:
        """Take all sensors out."""
        self.sensors.clear()
        self._wheel.clear()
        self.changed.clear()

    @property
    def next_due(self) -> int | None:
        """When there is something to do next; None when there never is."""
        return self._wheel.next_due

    def advance(self, now: int, budget: int) -> int:
        """Take all readings that are due, in order, up to `budget` of them.

        Returns:
            How many were taken.
        """
        taken = 0
        while taken < budget and (due := self._wheel.next_due) is not None and due <= now:
            _, items = self._wheel.take()
            self.time = due
            for index, item in enumerate(items):
                if taken >= budget:
                    for left in items[index:]:
                        self._wheel.add(due, left)
                    break
                if isinstance(item, Sensor):
                    taken += self._take(item, due)
                elif self.sensors.get(item.sensor.sensor_id) is not None:
                    item.deliver()
        return taken

    def realign(self, now: int) -> None:
        """Go on from `now`, after the clock was stepped or the process stood still: nothing is made up for."""
        self._wheel.clear()
        for sensor in self.sensors.values():
            if sensor.due is not None:
                self._schedule(sensor, sensor.due_after(now))

    def _take(self, sensor: Sensor, due: int) -> int:
        # An entry whose sensor has been paused, changed or removed since, or that was entered twice.
        if sensor.due != due:
            return 0
        if sensor.faults and sensor.drop_ended_faults(due):
            self.changed.add(sensor.sensor_id)
        for later, deliver in sensor.take(due):
            self._wheel.add(later, _Delivery(sensor, deliver))
        self._schedule(sensor, due + sensor.interval)
        return 1

    def _schedule(self, sensor: Sensor, due: int) -> None:
        sensor.due = due
        self._wheel.add(due, sensor)


def _in_order(faults: Iterable[ActiveFault], now: int) -> tuple[ActiveFault, ...]:
    """Faults that are not over, in the order of their starts: each acts on what those before it have left."""
    return tuple(sorted((fault for fault in faults if not fault.over_at(now)), key=lambda fault: fault.start))
