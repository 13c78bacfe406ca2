"""What a fault is: a kind with documented parameters, and one of it in action on one sensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from controlroom.wire import FaultSpec
from simulator.signals import Signal


class BadFault(ValueError):
    """A fault that cannot be injected; the message is the reason, for the operator."""


@dataclass(slots=True)
class Sample:
    """One reading on its way out, as the faults leave it."""

    #: when it was taken, milliseconds since 1970: the moment that the signal was asked for
    taken: int
    #: what the reading says of when it was taken
    timestamp: int
    value: float
    #: milliseconds between readings
    interval: int
    signal: Signal
    #: never leaves the sensor's gateway
    lost: bool = False
    #: milliseconds between taking and sending
    delay: int = 0
    #: how often it is sent
    copies: int = 1
    #: the payload is damaged; picks the kind of damage
    damage: int | None = None
    fault_ids: list[str] = field(default_factory=list)


#: Changes the sample; says whether it did, which is what puts the fault's id on the record.
Effect = Callable[["ActiveFault", Sample], bool]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault."""

    name: str
    #: one line for the operator
    summary: str
    #: what the magnitude is, with its unit; empty: the fault has none
    measure: str
    magnitude: float
    lowest: float
    highest: float
    #: how long it lasts when nothing is said: seconds, or readings if `in_readings`
    duration: float
    effect: Effect
    in_readings: bool = False

    def seconds(self, interval: float) -> float:
        """How long it lasts on a sensor with this interval (seconds) when nothing is said."""
        return self.duration * interval if self.in_readings else self.duration


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """One fault on one sensor. Times in milliseconds since 1970; the window is half open."""

    spec: FaultSpec
    kind: FaultKind
    start: int
    end: int | None
    magnitude: float
    #: of its own noise
    key: int

    def acts_at(self, ms: int) -> bool:
        """Whether `ms` is within its window."""
        return self.start <= ms and (self.end is None or ms < self.end)

    def over_at(self, ms: int) -> bool:
        """Whether it has ended by itself."""
        return self.end is not None and ms >= self.end

    def apply(self, sample: Sample) -> None:
        """Let it act on a sample within its window."""
        if self.kind.effect(self, sample):
            sample.fault_ids.append(self.spec.fault_id)


def new_fault(
    kind: FaultKind,
    *,
    fault_id: str,
    start: datetime,
    interval: float,
    magnitude: float | None = None,
    duration: float | None = None,
    by: str = "",
) -> FaultSpec:
    """A fault to put into a command, with the kind's usual duration where none is given.

    Args:
        kind: from `FAULTS`.
        fault_id: names it in the `fault-id` header of every record that it shapes.
        start: in the simulated time of the sensor, which its status and its readings tell.
        interval: the sensor's, seconds.
        magnitude: in the kind's measure.
        duration: seconds.
        by: who injects it.
    """
    return FaultSpec(
        fault_id=fault_id,
        fault=kind.name,
        start=start,
        duration=kind.seconds(interval) if duration is None else duration,
        magnitude=magnitude,
        by=by,
    )
