"""One alarm as it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.sanitise import sanitise
from controlroom.wire import AlarmEvent

#: 0 normal, 1 warning, 2 critical
Severity = Literal[0, 1, 2]
SEVERITIES: dict[str, Severity] = {"normal": 0, "warning": 1, "critical": 2}

#: labels of alarms that are kept from the operator: they are counted and listed, but never shout
SUPPRESSED = frozenset({"SHELVED", "BY_DESIGN", "OUT_OF_SERVICE"})


@dataclass(slots=True)
class AlarmView:
    """One live alarm (sensor, kind) as it is shown."""

    sensor_id: str
    kind: str
    occurrence_id: str
    version: int
    severity: Severity
    #: ISA-18.2 label
    state: str
    raised_at: float
    changed_at: float
    value: float | None
    unit: str
    message: str
    simulated: bool
    fault_id: str | None
    #: all kinds that found it, worst first
    kinds: tuple[str, ...]
    #: low, medium, high; empty: not known
    priority: str = ""
    #: who acted last, and what they wrote: a reason, a comment
    actor: str = ""
    note: str = ""

    @property
    def active(self) -> bool:
        """Whether the condition holds now, and nothing suppresses it."""
        return self.state not in {"NORMAL", "RTN-UNACK"} and not self.suppressed

    @property
    def suppressed(self) -> bool:
        """Whether it is shelved, suppressed by design or out of service."""
        return self.state in SUPPRESSED

    @property
    def is_group(self) -> bool:
        """Whether it stands for the silence of many sensors."""
        return self.kind == GROUP_KIND

    @property
    def unacked(self) -> bool:
        """Whether it waits for an operator."""
        return self.state in {"UNACK", "RTN-UNACK"}


def alarm_view_of(event: AlarmEvent, known: AlarmView | None) -> AlarmView:
    """The alarm after `event`. What an operator wrote is a note: the detector's own words stay."""
    at = event.timestamp.timestamp()
    before = known if known is not None and known.occurrence_id == event.occurrence_id else None
    words = sanitise(event.message)
    if event.event == "joined":
        # Its event says which kind has joined; the alarm names it first, if its words are the alarm's.
        words = words.removeprefix(f"{_kinds(event)[0]}: ")
    return AlarmView(
        sensor_id=event.sensor_id,
        kind=event.kind,
        occurrence_id=event.occurrence_id,
        version=event.version,
        severity=SEVERITIES.get(event.severity, 2),
        state=event.state,
        raised_at=before.raised_at if before is not None else at,
        changed_at=at,
        value=event.value,
        unit=sanitise(event.unit, limit=12),
        message=before.message if before is not None and (event.actor or _adds_little(event, before)) else words,
        simulated=event.simulated,
        fault_id=event.fault_id,
        priority=sanitise(event.priority, limit=12),
        actor=sanitise(event.actor, limit=32) or (before.actor if before is not None else ""),
        note=words if event.actor else before.note if before is not None else "",
        kinds=_kinds(event),
    )


def _kinds(event: AlarmEvent) -> tuple[str, ...]:
    return tuple(sanitise(kind, limit=32) for kind in event.kinds or (event.kind,))


def _adds_little(event: AlarmEvent, before: AlarmView) -> bool:
    """Whether a further kind has found the disturbance, and not the worst of them: that one's words stay."""
    return event.event == "joined" and _kinds(event)[:1] == before.kinds[:1]
