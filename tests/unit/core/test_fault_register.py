"""The record of injected faults: what commands ask for, what statuses answer, as often as they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controlroom.core.fault_register import FaultRegister, FaultRow
from controlroom.wire import FaultSpec, Location, SensorCommand, SensorSpec, SensorStatus

T0 = datetime(2026, 3, 1, tzinfo=UTC)
SPEC = SensorSpec(sensor_id="s", sensor_type="temperature", location=Location("p", "machine-1", "zone-a"))


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def fault(name: str = "f", *, start: float = 10, duration: float | None = 60) -> FaultSpec:
    return FaultSpec(fault_id=name, fault="drift", start=at(start), duration=duration, magnitude=3.0, by="ada")


def command(*faults: FaultSpec, command_id: str = "c1", paused: bool = False) -> SensorCommand:
    return SensorCommand(command_id=command_id, spec=SPEC, faults=faults, paused=paused, issued_at=T0, issued_by="ada")


def status(*faults: FaultSpec, seconds: float, command_id: str = "c1", state: str = "running", reason: str = ""):
    return SensorStatus(
        sensor_id="s",
        state=state,
        timestamp=at(seconds),
        command_id=command_id,
        spec=SPEC,
        faults=faults,
        reason=reason,
    )


def only(rows: list[FaultRow]) -> FaultRow:
    (row,) = rows
    return row


def test_a_fault_that_is_asked_for_is_confirmed_and_ends_by_itself() -> None:
    register = FaultRegister()
    asked = only(register.command(command(fault())))
    assert (asked.fault, asked.magnitude, asked.injected_by, asked.machine_id, asked.zone) == (
        "drift", 3.0, "ada", "machine-1", "zone-a",
    )  # fmt: skip
    assert (asked.starts_at, asked.planned_end, asked.ended_at) == (at(10), at(70), None)
    assert only(register.status(status(fault(), seconds=5))).confirmed_at == at(5)
    assert register.status(status(fault(), seconds=20)) == []
    over = only(register.status(status(seconds=73)))
    assert (over.ended_at, over.outcome) == (at(70), "over")
    assert not register.concerns("s")


def test_one_that_is_cleared_ends_when_its_simulator_says_so() -> None:
    register = FaultRegister()
    register.command(command(fault(duration=None)))
    register.status(status(fault(duration=None), seconds=5))
    assert register.command(command(command_id="c2")) == []
    assert register.concerns("s")
    cleared = only(register.status(status(seconds=30, command_id="c2")))
    assert (cleared.ended_at, cleared.outcome) == (at(30), "cleared")


def test_one_that_is_refused_says_why_and_those_that_act_go_on() -> None:
    register = FaultRegister()
    register.command(command(fault("good")))
    register.status(status(fault("good"), seconds=5))
    register.command(command(fault("good"), fault("bad"), command_id="c2"))
    refused = only(
        register.status(status(fault("good"), seconds=6, command_id="c2", state="refused", reason="unknown fault"))
    )
    assert (refused.fault_id, refused.outcome, refused.reason) == ("bad", "refused", "unknown fault")
    assert register.concerns("s")


def test_a_status_from_before_the_fault_was_known_does_not_end_it() -> None:
    register = FaultRegister()
    register.command(command(fault(), command_id="c2"))
    assert register.status(status(seconds=1, command_id="c1")) == []
    assert only(register.status(status(fault(), seconds=2, command_id="c2"))).confirmed_at == at(2)


def test_one_that_was_over_before_any_simulator_had_the_sensor_is_over() -> None:
    register = FaultRegister()
    register.command(command(fault()))
    assert only(register.status(status(seconds=500))).outcome == "over"


def test_removal_ends_what_acts_and_what_never_did() -> None:
    register = FaultRegister()
    register.command(command(fault("acts", duration=None)))
    register.status(status(fault("acts", duration=None), seconds=5))
    register.command(command(fault("acts", duration=None), fault("never", duration=None), command_id="c2"))
    assert only(register.removed("s", at(20))).fault_id == "never"
    gone = only(register.status(status(seconds=21, state="removed", command_id="")))
    assert (gone.fault_id, gone.outcome, gone.ended_at) == ("acts", "removed", at(21))


def test_a_simulator_that_stops_ends_no_fault() -> None:
    register = FaultRegister()
    register.command(command(fault(duration=None)))
    register.status(status(fault(duration=None), seconds=5))
    assert register.status(status(fault(duration=None), seconds=9, state="stopped")) == []
    assert register.concerns("s")


def test_it_goes_on_with_what_was_stored() -> None:
    first = FaultRegister()
    first.command(command(fault()))
    row = only(first.status(status(fault(), seconds=5)))
    again = FaultRegister([row])
    assert again.command(command(fault())) == []
    assert again.status(status(fault(), seconds=6)) == []
    assert only(again.status(status(seconds=90))) == replace(row, ended_at=at(70), outcome="over")
