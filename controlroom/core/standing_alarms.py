"""What others are told of a sensor: all of its alarms that stand, the one that needs the operator most first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from controlroom.core.alarms.model import Alarm, Label, Priority, Severity
from controlroom.core.records import SensorFacts
from controlroom.wire.sensor_alarms import SensorAlarms, StandingAlarm

#: What needs the operator most comes first.
_URGENCY = {
    label: number
    for number, label in enumerate(
        (
            Label.UNACK,
            Label.LATCHED,
            Label.RTN_UNACK,
            Label.ACKED,
            Label.SHELVED,
            Label.BY_DESIGN,
            Label.OUT_OF_SERVICE,
            Label.NORMAL,
        )
    )
}
_PRIORITIES = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}


def sensor_alarms(facts: SensorFacts, alarms: Iterable[Alarm], changed_at: datetime, publisher: str) -> SensorAlarms:
    """The message about a sensor.

    Args:
        facts: whose alarms they are.
        alarms: those that stand; of others nothing is told.
        changed_at: when an alarm of the sensor last changed.
        publisher: who tells it.
    """
    standing = sorted((alarm for alarm in alarms if alarm.label is not Label.NORMAL), key=_urgency)
    worst = standing[0] if standing else None
    return SensorAlarms(
        sensor_id=facts.sensor_id,
        state=str(worst.label if worst is not None else Label.NORMAL),
        severity=_text(worst.severity) if worst is not None else None,
        priority=_text(worst.priority) if worst is not None else None,
        sensor_type=facts.sensor_type,
        unit=facts.unit,
        location=facts.location,
        changed_at=changed_at,
        alarms=tuple(_standing(alarm) for alarm in standing),
        publisher=publisher,
    )


def _urgency(alarm: Alarm) -> tuple[int, int, int, str]:
    severity = 0 if alarm.severity is Severity.CRITICAL else 1
    priority = _PRIORITIES[alarm.priority] if alarm.priority is not None else len(_PRIORITIES)
    return _URGENCY[alarm.label], severity, priority, alarm.kind


def _standing(alarm: Alarm) -> StandingAlarm:
    seen = alarm.detection
    return StandingAlarm(
        kind=alarm.kind,
        state=str(alarm.label),
        kinds=alarm.kinds,
        severity=_text(alarm.severity),
        priority=_text(alarm.priority),
        occurrence_id=alarm.occurrence_id,
        version=alarm.version,
        raised_at=_time(alarm.raised_at),
        returned_at=_time(alarm.returned_at),
        acked_by=alarm.acked_by,
        acked_at=_time(alarm.acked_at),
        shelved_until=_time(alarm.shelf.until) if alarm.shelf is not None else None,
        value=seen.value if seen is not None else None,
        limit=seen.limit if seen is not None else None,
        message=seen.message if seen is not None else "",
        simulated=alarm.simulated,
    )


def _text(value: Severity | Priority | None) -> str | None:
    return str(value) if value is not None else None


def _time(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at is not None else None
