"""Silent sensors in the pipeline, pure: one alarm for a common cause, timers that no reading moves, takeovers."""

from __future__ import annotations

from collections.abc import Iterable

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.model import NO_DATA_KIND, Alarm, Label
from controlroom.core.alert_handler import AlarmKey, concerned, handle
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import profile_for
from controlroom.core.records import SensorFacts, facts_of_group
from controlroom.core.silences import STATE_KEY
from controlroom.wire import AlarmEvent
from tests.unit.core.test_pipeline import LOG_S, START, record

DEFINITIONS = Definitions()


class Worker:
    """Does with a pipeline what a worker and its store do; `restart` is a takeover by another worker."""

    def __init__(self) -> None:
        self.alarms: dict[AlarmKey, Alarm] = {}
        self.states: dict[str, bytes] = {}
        self.facts: dict[str, SensorFacts] = {}
        self.told: list[AlarmEvent] = []
        self.offset = 0
        self.restart()

    def restart(self) -> None:
        self.pipeline = PartitionPipeline("readings", 0, self.offset, self.states, profile_for, PipelineOptions())
        deadlines: dict[str, dict[str, float]] = {}
        for (sensor, kind), alarm in self.alarms.items():
            if alarm.next_event_time is not None:
                deadlines.setdefault(sensor, {})[kind] = alarm.next_event_time
        self.pipeline.know(self.facts)
        self.pipeline.set_deadlines(deadlines)

    def read(self, sensors: Iterable[str], at: float) -> None:
        for sensor in sensors:
            self.pipeline.process([record(self.offset, 25.0 + self.offset % 3, sensor=sensor, at=at, log=LOG_S + at)])
            self.offset += 1
        self.commit()

    def advance(self, at: float) -> None:
        self.pipeline.advance(LOG_S + at)
        self.commit()

    def commit(self) -> None:
        batch = self.pipeline.take(checkpoint=True)
        self.states |= batch.states or {}
        self.facts |= batch.sensors
        handled = handle(batch.signals, self.alarms, DEFINITIONS)
        self.alarms |= handled.alarms
        self.told += handled.events
        self.pipeline.set_deadlines(handled.deadlines)

    @property
    def rings(self) -> list[tuple[str, str]]:
        return [(event.sensor_id, event.kind) for event in self.told if event.annunciated]


def names(count: int, stem: str = "temp") -> list[str]:
    return [f"{stem}-{number:02d}" for number in range(count)]


def spoken(worker: Worker, sensors: list[str], until: int = 30) -> None:
    for second in range(until):
        worker.read(sensors, float(second))


def test_many_that_fall_silent_together_ring_once_and_close_together() -> None:
    worker, sensors = Worker(), names(8)
    spoken(worker, sensors)
    for second in range(30, 90):
        worker.advance(float(second))
    assert worker.rings == [("zone:a", GROUP_KIND)]
    parent = worker.alarms["zone:a", GROUP_KIND]
    children = [worker.alarms[sensor, NO_DATA_KIND] for sensor in sensors]
    assert {child.label for child in children} == {Label.BY_DESIGN}
    assert {child.parent for child in children} == {parent.occurrence_id}
    for second in range(90, 140):
        worker.read(sensors, float(second))
    assert worker.rings == [("zone:a", GROUP_KIND)]
    assert {worker.alarms[sensor, NO_DATA_KIND].label for sensor in sensors} == {Label.NORMAL}
    assert worker.alarms["zone:a", GROUP_KIND].label is Label.RTN_UNACK


def test_one_that_falls_silent_rings_for_itself_after_its_delay() -> None:
    worker, sensors = Worker(), names(8)
    spoken(worker, sensors)
    for second in range(30, 90):
        worker.read(sensors[1:], float(second))
    assert worker.rings == [(sensors[0], NO_DATA_KIND)]
    (raised,) = [event for event in worker.told if event.annunciated]
    noticed = next(event for event in worker.told if event.event == "pending")
    assert (raised.timestamp - noticed.timestamp).total_seconds() == 15.0


def test_a_short_silence_never_rings() -> None:
    worker, sensors = Worker(), names(3)
    spoken(worker, sensors)
    for second in range(30, 200):
        noticed = any(event.event == "pending" for event in worker.told)
        worker.read(sensors if noticed else sensors[1:], float(second))
    assert worker.rings == []
    assert [event.event for event in worker.told if event.kind == NO_DATA_KIND] == ["pending", "pending-ended"]
    assert worker.alarms[sensors[0], NO_DATA_KIND].label is Label.NORMAL


def test_a_takeover_in_the_middle_of_the_delay_loses_no_alarm_and_no_group() -> None:
    worker, sensors = Worker(), names(8)
    spoken(worker, sensors)
    second = 30
    while not any(event.event == "pending" for event in worker.told):
        worker.read(sensors[1:], float(second))
        second += 1
    assert STATE_KEY in worker.states
    worker.restart()
    for later in range(second, second + 30):
        worker.read(sensors[1:], float(later))
    assert worker.rings == [(sensors[0], NO_DATA_KIND)]
    (raised,) = [event for event in worker.told if event.annunciated]
    assert raised.sensor_type == "temperature"

    worker = Worker()
    spoken(worker, sensors)
    for later in range(30, 60):
        worker.advance(float(later))
    worker.restart()
    for later in range(60, 90):
        worker.read(sensors, float(later))
    assert worker.rings == [("zone:a", GROUP_KIND)]
    assert {worker.alarms[sensor, NO_DATA_KIND].label for sensor in sensors} == {Label.NORMAL}


def test_the_store_locks_the_parents_that_children_refer_to() -> None:
    worker, sensors = Worker(), names(8)
    spoken(worker, sensors)
    worker.pipeline.advance(LOG_S + 60)
    batch = worker.pipeline.take(checkpoint=True)
    assert concerned(batch.signals) == (sensors, ["zone:a"])


def test_what_is_not_a_sensor_has_facts_too() -> None:
    assert facts_of_group("machine:m-1").location.machine_id == "m-1"
    assert facts_of_group("temp-1").sensor_type == ""
    assert START.timestamp() < LOG_S
