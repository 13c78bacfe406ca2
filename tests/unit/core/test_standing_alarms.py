"""What others are told of a sensor's alarms: those that stand, the one that needs the operator most first."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from controlroom.core.alarms.model import AckState, Alarm, Condition, Detection, Label, Priority, Severity, Shelf
from controlroom.core.records import SensorFacts
from controlroom.core.standing_alarms import sensor_alarms
from controlroom.wire import BadMessage, Location
from controlroom.wire.sensor_alarms import decode_sensor_alarms, encode_sensor_alarms, sensor_alarms_schema

FACTS = SensorFacts("temp-1", "temperature", "°C", Location("hall", "press", "zone"), 35.0, 40.0, simulated=False)
AT = 1_770_000_000.0
CHANGED = datetime.fromtimestamp(AT, UTC)


def alarm(kind: str, ack: AckState = AckState.UNACK, condition: Condition = Condition.ACTIVE, **more: object) -> Alarm:
    usual: dict[str, object] = {
        "severity": Severity.WARNING,
        "priority": Priority.MEDIUM,
        "raised_at": AT,
        "occurrence_id": f"{kind}-1",
    }
    return Alarm(sensor_id="temp-1", kind=kind, ack=ack, condition=condition, **usual | more)  # type: ignore[arg-type]


def test_the_alarm_that_needs_the_operator_most_is_the_sensors_state() -> None:
    shelf = Shelf(who="bob", reason="test", since=AT, until=AT + 60, warn_at=AT + 50)
    found = sensor_alarms(
        FACTS,
        [
            alarm("noise", AckState.ACKED, acked_by="alice", acked_at=AT + 5),
            alarm("drift", shelf=shelf, severity=Severity.CRITICAL),
            alarm("spike", condition=Condition.NORMAL, returned_at=AT + 9),
            alarm("level"),
            alarm(
                "limit",
                severity=Severity.CRITICAL,
                detection=Detection(at=AT, severity=Severity.CRITICAL, value=41.0, limit=40.0, message="too hot"),
            ),
            alarm("stuck", AckState.NONE, Condition.NORMAL),
            alarm("dropout", by_design=("group",)),
        ],
        CHANGED,
        "hall-3",
    )
    assert [(one.kind, one.state) for one in found.alarms] == [
        ("limit", "UNACK"),
        ("level", "UNACK"),
        ("spike", "RTN-UNACK"),
        ("noise", "ACKED"),
        ("drift", "SHELVED"),
        ("dropout", "BY_DESIGN"),
    ]
    assert (found.state, found.severity, found.priority, found.publisher) == ("UNACK", "critical", "medium", "hall-3")
    worst, _, _, noise, drift, _ = found.alarms
    assert (worst.value, worst.limit, worst.message) == (41.0, 40.0, "too hot")
    assert (noise.acked_by, noise.acked_at) == ("alice", datetime.fromtimestamp(AT + 5, UTC))
    assert drift.shelved_until == datetime.fromtimestamp(AT + 60, UTC)
    assert decode_sensor_alarms(encode_sensor_alarms(found)) == found


def test_without_any_it_is_normal_and_the_message_is_as_its_schema_says() -> None:
    found = sensor_alarms(FACTS, [], CHANGED, "hall-3")
    assert (found.state, found.severity, found.alarms) == (Label.NORMAL, None, ())
    told = json.loads(encode_sensor_alarms(found))
    assert told["changed_at"] == "2026-02-02T02:40:00Z"
    schema = msgspec.json.decode(msgspec.json.encode(sensor_alarms_schema()))["$defs"]["SensorAlarms"]
    assert set(told) == set(schema["properties"])
    with pytest.raises(BadMessage):
        decode_sensor_alarms(b'{"value": 3}')
