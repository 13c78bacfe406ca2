"""An engine on the bench: commands in, records out, time moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from controlroom.wire import BadMessage, FaultSpec, Location, Reading, SensorCommand, SensorSpec, decode_reading
from simulator.engine import Engine
from simulator.sensor import Headers, moment
from simulator.signals import QUIET, Nature

#: a Monday, 08:00, as milliseconds since 1970
START = 20_718 * 86_400_000 + 8 * 3_600_000


@dataclass
class Sent:
    at: int
    key: bytes
    value: bytes
    headers: Headers

    @property
    def reading(self) -> Reading:
        return decode_reading(self.value)

    @property
    def valid(self) -> bool:
        try:
            decode_reading(self.value)
        except BadMessage:
            return False
        return True

    @property
    def fault_ids(self) -> list[str]:
        return [value.decode() for name, value in self.headers if name == "fault-id"]


def command(sensor_id: str = "s", sensor_type: str = "temperature", **fields: Any) -> SensorCommand:
    spec = {name: fields.pop(name) for name in ("interval", "base", "warning", "critical", "unit") if name in fields}
    location = Location(machine_id=fields.pop("machine_id", "m"))
    return SensorCommand(
        command_id=fields.pop("command_id", "c1"),
        spec=SensorSpec(sensor_id=sensor_id, sensor_type=sensor_type, location=location, **spec),
        issued_at=datetime(2026, 9, 21, tzinfo=UTC),
        **fields,
    )


def fault(name: str, *, after: float = 0, seconds: float | None = None, magnitude: float | None = None) -> FaultSpec:
    """A fault that starts so many seconds after START."""
    start = moment(START + round(after * 1000))
    return FaultSpec(fault_id=f"{name}-1", fault=name, start=start, duration=seconds, magnitude=magnitude)


@dataclass
class Bench:
    nature: Nature = QUIET
    seed: int = 1
    origin: int | None = None
    now: int = START
    sent: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = Engine(self.seed, self.nature, self.origin)

    def send(self, key: bytes, value: bytes, headers: Headers) -> None:
        self.sent.append(Sent(self.now, key, value, headers))

    def put(self, order: SensorCommand, count: int = 0) -> None:
        self.engine.put(order, self.send, now=self.now, count=count)

    def run(self, seconds: float) -> list[Sent]:
        """Move on, slot by slot so that `Sent.at` is exact; returns what was sent in that time."""
        before, end = len(self.sent), self.now + round(seconds * 1000)
        while (due := self.engine.next_due) is not None and due <= end:
            self.now = due
            self.engine.advance(due, 10**9)
        self.now = end
        return self.sent[before:]


def run_with(*faults: FaultSpec, seconds: float = 600, **fields: Any) -> list[Sent]:
    """What a temperature sensor with an interval of a second sends in its first seconds."""
    bench = Bench()
    bench.put(command(**{"interval": 1.0, **fields}, faults=faults))
    return bench.run(seconds)
