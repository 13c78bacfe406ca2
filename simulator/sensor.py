"""One simulated sensor: takes readings, lets its faults act on them, and sends what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from controlroom.wire import FaultSpec, Reading, SensorCommand, SensorStatus, encode_reading
from controlroom.wire.reading import HEADER_FAULT, HEADER_SIMULATED, AlertLevel, Metadata
from simulator.faults import ActiveFault, Sample
from simulator.faults.delivery import damaged
from simulator.noise import key_of
from simulator.signals import Signal
from simulator.specification import interval_ms, unit_of

#: A list, because aiokafka takes nothing else.
Headers = list[tuple[str, bytes]]
#: Takes key, value and headers of a record; never waits.
Send = Callable[[bytes, bytes, Headers], None]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIMULATED: Headers = [(HEADER_SIMULATED, b"1")]
_LEVELS: tuple[AlertLevel, AlertLevel, AlertLevel] = ("normal", "warning", "critical")


def moment(ms: int) -> datetime:
    """The moment of `ms`, milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=ms)


class Sensor:
    """A sensor as it runs. Times are simulated milliseconds since 1970."""

    __slots__ = (
        "_key", "_limits", "_phase", "_send", "_unit", "command", "count", "due", "faults", "interval", "signal",
    )  # fmt: skip

    def __init__(
        self,
        command: SensorCommand,
        signal: Signal,
        faults: tuple[ActiveFault, ...],
        send: Send,
        *,
        origin: int,
        count: int,
    ) -> None:
        """`origin`: where the grid of reading times begins; `count`: the last sequence number that was used."""
        spec = command.spec
        self.command = command
        self.signal = signal
        #: faults that act or are to come; those that are over leave by themselves
        self.faults = faults
        #: last sequence number
        self.count = count
        #: milliseconds between readings
        self.interval = interval_ms(spec)
        #: when the next reading is due; None while paused or gone
        self.due: int | None = None
        self._send = send
        self._key = spec.sensor_id.encode()
        self._unit = unit_of(spec)
        self._limits = signal.limits
        # Sensors with the same interval do not all send at the same moment: each has its own place on the grid.
        self._phase = origin + key_of(0, "phase", spec.sensor_id) % self.interval

    @property
    def sensor_id(self) -> str:
        """Its id."""
        return self.command.spec.sensor_id

    def due_after(self, now: int) -> int:
        """The first moment of its grid after `now`."""
        return now + self.interval - (now - self._phase) % self.interval

    def take(self, due: int) -> list[tuple[int, Callable[[], None]]]:
        """Take the reading of `due` and send it.

        Returns:
            What is to be sent later: when, and how. Empty but for faults of the delivery.
        """
        self.count += 1
        if self.faults:
            return self._take_with_faults(due)
        reading = self._reading(due, self._rounded(self.signal.at(due)))
        natural = self.signal.natural_anomaly(due)
        headers = SIMULATED if natural is None else _headers((natural,))
        self._send(self._key, encode_reading(reading), headers)
        return []

    def _take_with_faults(self, due: int) -> list[tuple[int, Callable[[], None]]]:
        sample = Sample(due, due, self.signal.at(due), self.interval, self.signal)
        natural = self.signal.natural_anomaly(due)
        if natural is not None:
            sample.fault_ids.append(natural)
        for fault in self.faults:
            if fault.acts_at(due):
                fault.apply(sample)
        if sample.lost:
            return []
        reading = self._reading(sample.timestamp, self._rounded(self.signal.clip(sample.value)))
        payload = encode_reading(reading) if sample.damage is None else damaged(reading, sample.damage)
        headers = _headers(sample.fault_ids)

        def deliver() -> None:
            for _ in range(sample.copies):
                self._send(self._key, payload, headers)

        if sample.delay > 0:
            return [(due + sample.delay, deliver)]
        deliver()
        return []

    def drop_ended_faults(self, now: int) -> bool:
        """Let go of faults that are over; says whether there were any."""
        lasting = tuple(fault for fault in self.faults if not fault.over_at(now))
        ended = len(lasting) < len(self.faults)
        self.faults = lasting
        return ended

    def status(self, now: int, owner: str, *, stopped: bool = False) -> SensorStatus:
        """What it is now."""
        return SensorStatus(
            sensor_id=self.sensor_id,
            state="stopped" if stopped else "paused" if self.command.paused else "running",
            timestamp=moment(now),
            owner=owner,
            command_id=self.command.command_id,
            reading_count=self.count,
            spec=self.command.spec,
            faults=self.fault_specs(now),
        )

    def fault_specs(self, now: int) -> tuple[FaultSpec, ...]:
        """Its faults that act now or are to come."""
        return tuple(fault.spec for fault in self.faults if not fault.over_at(now))

    def _rounded(self, value: float) -> float:
        return round(value, self.signal.decimals)

    def _reading(self, timestamp: int, value: float) -> Reading:
        limits = self._limits
        spec = self.command.spec
        return Reading(
            moment(timestamp),
            spec.sensor_id,
            spec.sensor_type,
            spec.location,
            value,
            self._unit,
            _LEVELS[limits.level(value)],
            1.0,
            Metadata(self.count, limits.warning, limits.critical),
        )


def _headers(fault_ids: Sequence[str]) -> Headers:
    """Headers of a record that these faults shaped; one header for each."""
    return [*SIMULATED, *((HEADER_FAULT, name.encode()) for name in dict.fromkeys(fault_ids))]
