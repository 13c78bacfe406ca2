"""What an action on an alarm is about: the occurrence and the version that the operator saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

from controlroom.core.alarms.disturbance import kinds_text
from controlroom.core.sanitise import sanitise


class _Named(Protocol):
    @property
    def sensor_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def occurrence_id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class AlarmTarget:
    """One alarm as it was drawn; `state` is its ISA-18.2 label."""

    sensor_id: str
    kind: str
    occurrence_id: str
    version: int
    state: str
    severity: int = 0
    #: all kinds that found it, worst first
    kinds: tuple[str, ...] = ()

    @classmethod
    def of(cls, alarm: _Named, state: str, severity: int = 0) -> Self:
        """Of an alarm as the list or the database has it."""
        return cls(alarm.sensor_id, alarm.kind, alarm.occurrence_id, alarm.version, state, severity, alarm.kinds)

    @property
    def unacked(self) -> bool:
        """Whether it waits for an operator."""
        return self.state in {"UNACK", "RTN-UNACK"}

    @property
    def seen(self) -> tuple[str, str, str, int]:
        """As `AlarmActions.ack_page` takes it."""
        return self.sensor_id, self.kind, self.occurrence_id, self.version

    @property
    def label(self) -> str:
        """As it may be shown."""
        return f"{sanitise(self.sensor_id, limit=48)} {sanitise(kinds_text(self.kinds or (self.kind,)), limit=24)}"
