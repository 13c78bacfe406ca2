"""The snapshot that the screen shows: what arrives, in any order, ends in the right view."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs

from controlroom.core.alarms.model import Alarm, Detection, Severity
from controlroom.core.plant_state import ClusterView, PartitionView, PlantState
from controlroom.wire import AlarmEvent, Location, Metadata, Reading, SensorStatus

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def reading(sensor_id: str = "temp-1", value: float = 25.0, second: int = 0) -> Reading:
    at = AT + timedelta(seconds=second)
    metadata = Metadata(second, 35.0, 40.0)
    return Reading(at, sensor_id, "temperature", Location(zone="a"), value, "°C", metadata=metadata)


def alarm(version: int, state: str, **changes: Any) -> AlarmEvent:
    fields: dict[str, Any] = {
        "event_id": f"e{version}",
        "occurrence_id": "o1",
        "version": version,
        "timestamp": AT + timedelta(seconds=version),
        "event": "raised",
        "sensor_id": "temp-1",
        "sensor_type": "temperature",
        "location": Location(),
        "kind": "limit",
        "severity": "warning",
        "priority": "low",
        "state": state,
        "annunciated": True,
    }
    return AlarmEvent(**(fields | changes))


def test_readings_fill_rings_and_move_versions() -> None:
    state = PlantState()
    for second in range(3):
        state.apply_reading(reading(value=20.0 + second, second=second), seen_at=1.0, simulated=False)
    view = state.sensors["temp-1"]
    assert view.history.values(10) == [20.0, 21.0, 22.0]
    assert view.history.times(1) == [AT.timestamp() + 2]
    assert (view.last_value, view.unit, view.warning, view.critical, view.reading_count) == (22.0, "°C", 35.0, 40.0, 2)
    assert (view.version, state.live_readings) == (3, 3)
    structure = state.structure_version
    state.apply_reading(reading(second=4), seen_at=1.0, simulated=False)
    assert state.structure_version == structure, "a further reading is no reason to sort the list again"


def test_an_alarm_lives_from_raise_to_close() -> None:
    state = PlantState()
    state.apply_alarm(alarm(1, "UNACK"))
    view = state.sensors["temp-1"]
    assert (view.severity, view.unacked) == (1, True)
    state.apply_alarm(alarm(2, "UNACK", severity="critical", event="severity-rose"))
    assert view.severity == 2
    assert view.alarms["limit"].raised_at == AT.timestamp() + 1
    state.apply_alarm(alarm(3, "RTN-UNACK"))
    assert (view.severity, view.unacked) == (0, True)
    state.apply_alarm(alarm(4, "NORMAL"))
    assert not view.alarms
    assert [event.version for event in state.feed] == [1, 2, 3, 4]


def test_a_repeated_or_older_event_changes_nothing() -> None:
    state = PlantState()
    state.apply_alarm(alarm(2, "ACKED"))
    state.apply_alarm(alarm(1, "UNACK"))
    state.apply_alarm(alarm(2, "ACKED"))
    assert state.sensors["temp-1"].alarms["limit"].state == "ACKED"
    assert len(state.feed) == 1


def test_status_makes_pauses_refuses_and_removes() -> None:
    state = PlantState()

    def status(kind: Any, reason: str = "") -> SensorStatus:
        return SensorStatus(sensor_id="temp-1", state=kind, timestamp=AT, reason=reason)

    state.apply_status(status("running"), "temp-1")
    assert state.sensors["temp-1"].simulated
    state.apply_status(status("paused"), "temp-1")
    assert state.sensors["temp-1"].state == "paused"
    state.apply_status(status("refused", "no such type"), "odd")
    assert "odd" not in state.sensors
    assert state.notices[-1].text == "odd: refused: no such type"
    state.apply_status(None, "temp-1")
    assert "temp-1" not in state.sensors


def test_text_from_the_network_is_made_harmless_where_it_enters() -> None:
    state = PlantState()
    state.apply_reading(reading("evil\x1b]52;c;x\x07\u202e"), seen_at=1.0, simulated=False)
    (view,) = state.sensors.values()
    assert view.sensor_id == "evil\x1b]52;c;x\x07\u202e"
    assert view.label == "evil␛]52;c;x␇�"
    state.apply_alarm(alarm(1, "UNACK", message="a\x1b[2Jb", unit="\x9b"))
    live = state.sensors["temp-1"].alarms["limit"]
    assert (live.message, live.unit) == ("a␛[2Jb", "�")


def test_what_is_unknown_is_not_zero() -> None:
    view = ClusterView(checked_at=0.0, reachable=False)
    assert view.quorum is None
    parts = (PartitionView("t", 0, None, (1, 2, 3), (1,)), PartitionView("t", 1, 1, (1, 2, 3), (1, 2, 3)))
    view = ClusterView(0.0, reachable=True, partitions=parts)
    assert (view.under_replicated, view.leaderless) == (1, 1)


def test_what_is_suppressed_does_not_shout_and_comes_back() -> None:
    state = PlantState()
    state.apply_alarm(alarm(1, "UNACK", severity="critical"))
    view = state.sensors["temp-1"]
    state.apply_alarm(alarm(2, "SHELVED", severity="critical", event="shelved", actor="ada", message="noisy"))
    assert (view.severity, view.unacked, view.alarms["limit"].suppressed) == (0, False, True)
    assert len(list(state.live_alarms())) == 1, "it is still counted"
    state.apply_alarm(alarm(3, "UNACK", severity="critical", event="unshelved", actor="ada"))
    assert (view.severity, view.unacked) == (2, True)


def test_what_an_operator_wrote_does_not_hide_what_the_detector_said() -> None:
    state = PlantState()
    state.apply_alarm(alarm(1, "UNACK", message="41 above 40"))
    state.apply_alarm(alarm(2, "ACKED", event="acked", actor="ada", message="on my way"))
    found = state.live_alarm("temp-1", "limit")
    assert found is not None
    assert (found.message, found.actor, found.note) == ("41 above 40", "ada", "on my way")
    state.apply_alarm(alarm(3, "UNACK", event="severity-rose", message="46 above 45"))
    again = state.live_alarm("temp-1", "limit")
    assert again is not None
    assert (again.message, again.actor, again.note) == ("46 above 45", "ada", "on my way")


def test_a_group_s_alarm_is_live_but_no_sensor_of_its_name_is_made() -> None:
    state = PlantState()
    state.apply_alarm(alarm(1, "UNACK", sensor_id="zone:z", kind="group-silent"))
    assert state.sensors == {}
    found = state.live_alarm("zone:z", "group-silent")
    assert found is not None
    assert found.is_group
    state.apply_alarm(alarm(2, "NORMAL", sensor_id="zone:z", kind="group-silent", event="closed"))
    assert state.live_alarm("zone:z", "group-silent") is None


def test_an_alarm_that_was_raised_before_the_start_says_since_when_it_stands() -> None:
    state = PlantState()
    state.apply_alarm(alarm(5, "ACKED", event="acked", actor="ada", message=""))
    detection = Detection(at=AT.timestamp(), severity=Severity.WARNING, message="36 above 35")
    stored = Alarm(
        sensor_id="temp-1", kind="limit", occurrence_id="o1", raised_at=AT.timestamp() - 60, detection=detection
    )
    structure = state.structure_version
    state.remember(stored)
    found = state.live_alarm("temp-1", "limit")
    assert found is not None
    assert (found.raised_at, found.message) == (AT.timestamp() - 60, "36 above 35")
    assert state.structure_version > structure
    state.remember(Alarm(sensor_id="temp-1", kind="limit", occurrence_id="another", raised_at=1.0))
    assert found.raised_at == AT.timestamp() - 60


def test_a_change_of_more_than_a_value_is_noted() -> None:
    state = PlantState()
    state.apply_reading(reading(), seen_at=1.0, simulated=False)
    position, noted = state.changes.since(0)
    assert noted == ["temp-1"]
    state.apply_reading(reading(second=1), seen_at=2.0, simulated=False)
    assert state.changes.since(position) == (position, []), "a further reading is none"
    moved = structs.replace(reading(second=2), location=Location(zone="b"))
    structure = state.structure_version
    state.apply_reading(moved, seen_at=3.0, simulated=False)
    assert state.structure_version == structure + 1, "a sensor that has moved has another place in a list by area"
    state.apply_reading(structs.replace(moved, quality=0.5), seen_at=4.0, simulated=False)
    state.apply_reading(structs.replace(moved, quality=0.5), seen_at=20.0, simulated=False)
    state.apply_alarm(alarm(1, "UNACK"))
    state.apply_alarm(alarm(1, "UNACK"))
    state.apply_status(None, "temp-1")
    _, noted = state.changes.since(position)
    assert noted == ["temp-1"] * 5, "another place, another quality, back after a gap, an alarm, gone"


def test_a_reading_from_before_its_removal_does_not_bring_a_sensor_back() -> None:
    state = PlantState()
    state.apply_reading(reading(), seen_at=AT.timestamp(), simulated=True)
    removed = SensorStatus(sensor_id="temp-1", state="removed", timestamp=AT + timedelta(seconds=1))
    state.apply_status(removed, "temp-1")
    state.apply_reading(reading(), seen_at=AT.timestamp() + 1, simulated=True)
    assert reading().sensor_id not in state.sensors
