"""When faults began, ended and were detected."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlroom.core.fault_log import MOST, FaultLog
from controlroom.wire import FaultSpec
from tests.fakes.clock import START
from tests.fakes.plant import event

NOW = START.timestamp()


def fault(name: str = "f1", *, ago: float = 60.0, duration: float | None = None) -> FaultSpec:
    return FaultSpec(fault_id=name, fault="drift", start=START - timedelta(seconds=ago), duration=duration)


def alarm(name: str = "f1", *, ago: float = 40.0, what: str = "raised", kind: str = "drift"):
    return event("s", kind, START - timedelta(seconds=ago), what=what, fault_id=name, severity="critical")


def test_the_first_alarm_of_a_fault_finds_it():
    log = FaultLog()
    log.see("s", (fault(),), NOW)
    assert log.runs()[0].found is None
    log.hear(alarm(ago=50, what="pending"))
    log.hear(alarm(ago=45))
    log.hear(alarm(ago=40, kind="level"))
    (run,) = log.runs("s")
    assert run.found is not None
    assert (run.found.kind, run.found.severity, run.delay) == ("drift", "critical", 15.0)
    assert run.ended_at is None
    assert log.runs("other") == []


def test_an_alarm_that_is_heard_before_its_fault_is_seen_counts_too():
    log = FaultLog()
    log.hear(alarm())
    log.see("s", (fault(),), NOW)
    assert log.runs()[0].delay == 20.0


@pytest.mark.parametrize(
    ("duration", "told", "ended"),
    [(None, NOW, NOW), (30.0, NOW, NOW - 30), (300.0, NOW, NOW), (30.0, None, NOW - 30), (None, NOW - 500, NOW - 60)],
)
def test_a_fault_ends_when_it_is_over_or_cleared(duration, told, ended):
    log = FaultLog()
    log.see("s", (fault(duration=duration),), NOW - 60)
    log.see("s", (), told)
    assert log.runs()[0].ended_at == ended


def test_faults_that_act_come_first_and_then_the_newest():
    log = FaultLog()
    log.see("s", (fault("old", ago=300), fault("long", ago=900)), NOW)
    log.see("s", (fault("long", ago=900),), NOW)
    log.see("t", (fault("new", ago=10),), NOW)
    assert [run.fault.fault_id for run in log.runs()] == ["new", "long", "old"]


def test_a_status_that_says_the_same_again_changes_nothing():
    log = FaultLog()
    log.see("s", (fault(),), NOW)
    version = log.version
    log.see("s", (fault(),), NOW + 5)
    log.see("t", (), NOW + 5)
    assert log.version == version


def test_what_is_remembered_is_bounded_and_what_acts_is_not_forgotten_first():
    log = FaultLog()
    log.see("acting", (fault("acting"),), NOW)
    for number in range(2 * MOST):
        log.see("s", (fault(f"f{number}"),), NOW)
        log.see("s", (), NOW)
        log.hear(alarm(f"f{number}"))
    assert len(log.runs()) == MOST
    assert log.runs()[0].fault.fault_id == "acting"
