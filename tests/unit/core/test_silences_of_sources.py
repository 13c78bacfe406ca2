"""Sensors that come by a bridge: a source or a bridge that is known to be lost is the one alarm of their silences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.model import NO_DATA_KIND, Label
from tests.unit.core.test_pipeline import LOG_S, record
from tests.unit.core.test_silences import Worker, names

LINE, BRIDGE, ZONE = "source:b/line", "bridge:b", "zone:a"


class Bridged(Worker):
    """A worker whose sensors come by the source `b/line`, unless it is told another."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: Mapping[str, str] = {}
        self.must_save = 0

    def know(self, **lost: str) -> None:
        self.lost = {name.replace("_", ":", 1).replace("_", "/"): reason for name, reason in lost.items()}

    def read(self, sensors: Iterable[str], at: float, source: str = "b/line") -> None:
        self.pipeline.know_lost_groups(self.lost)
        for sensor in sensors:
            value = 25.0 + self.offset % 3
            one = record(self.offset, value, sensor=sensor, at=at, log=LOG_S + at, source=source)
            self.pipeline.process([one])
            self.offset += 1
        self.commit()

    def advance(self, at: float) -> None:
        self.pipeline.know_lost_groups(self.lost)
        super().advance(at)

    def commit(self) -> None:
        self.must_save += self.pipeline.pending.needs_checkpoint
        super().commit()

    def label(self, name: str, kind: str = NO_DATA_KIND) -> Label:
        return self.alarms[name, kind].label


def labels(worker: Bridged, sensors: list[str]) -> set[Label]:
    return {worker.label(sensor) for sensor in sensors}


def test_a_source_that_is_down_is_the_cause_and_not_the_zone() -> None:
    worker, sensors, others = Bridged(), names(8), names(3, "other")
    for second in range(30):
        worker.read(sensors, float(second))
        worker.read(others, float(second), source="b/other")
    worker.know(source_b_line="source line of bridge b is down")
    for second in range(30, 90):
        worker.read(others, float(second), source="b/other")
    assert worker.rings == [(LINE, GROUP_KIND)]
    parent = worker.alarms[LINE, GROUP_KIND]
    assert parent.detection is not None
    assert parent.detection.message == "source line of bridge b is down"
    assert {worker.alarms[sensor, NO_DATA_KIND].parent for sensor in sensors} == {parent.occurrence_id}
    # No record tells that it is down, so what follows must be saved with it.
    assert worker.must_save
    worker.know()
    for second in range(90, 140):
        worker.read([*sensors, *others], float(second))
    assert worker.rings == [(LINE, GROUP_KIND)]
    assert worker.label(LINE, GROUP_KIND) is Label.RTN_UNACK
    assert labels(worker, sensors) == {Label.NORMAL}


def test_one_sensor_of_it_is_enough() -> None:
    worker, sensors = Bridged(), names(8)
    for second in range(30):
        worker.read(sensors, float(second))
    worker.know(source_b_line="down")
    for second in range(30, 90):
        worker.read(sensors[1:], float(second))
    assert worker.rings == [(LINE, GROUP_KIND)]
    assert worker.label(sensors[0]) is Label.BY_DESIGN


def test_what_was_found_before_the_loss_was_known_becomes_part_of_it() -> None:
    worker, sensors = Bridged(), names(8)
    for second in range(30):
        worker.read(sensors, float(second))
    for second in range(30, 45):
        worker.advance(float(second))
    assert worker.rings == [(ZONE, GROUP_KIND)]
    worker.know(bridge_b="bridge b is lost")
    for second in range(45, 120):
        worker.advance(float(second))
    # Both have rung; what stands is one alarm, and no child has.
    assert worker.rings == [(ZONE, GROUP_KIND), (BRIDGE, GROUP_KIND)]
    assert worker.label(ZONE, GROUP_KIND) is Label.RTN_UNACK
    assert labels(worker, sensors) == {Label.BY_DESIGN}
    parent = worker.alarms[BRIDGE, GROUP_KIND].occurrence_id
    assert {worker.alarms[sensor, NO_DATA_KIND].parent for sensor in sensors} == {parent}


def test_who_was_silent_long_before_is_no_part_of_it() -> None:
    worker, sensors = Bridged(), names(8)
    for second in range(30):
        worker.read(sensors, float(second))
    for second in range(30, 200):
        worker.read(sensors[1:], float(second))
    assert worker.rings == [(sensors[0], NO_DATA_KIND)]
    worker.know(source_b_line="down")
    for second in range(200, 260):
        worker.advance(float(second))
    assert worker.label(sensors[0]) is Label.UNACK
    assert labels(worker, sensors[1:]) == {Label.BY_DESIGN}


def test_a_bridge_that_comes_back_without_its_source_hands_its_sensors_to_that() -> None:
    worker, sensors = Bridged(), names(8)
    for second in range(30):
        worker.read(sensors, float(second))
    worker.know(bridge_b="bridge b is lost")
    for second in range(30, 400):
        worker.advance(float(second))
    assert worker.rings == [(BRIDGE, GROUP_KIND)]
    worker.know(source_b_line="down")
    for second in range(400, 420):
        worker.advance(float(second))
    assert worker.rings == [(BRIDGE, GROUP_KIND), (LINE, GROUP_KIND)]
    assert worker.label(BRIDGE, GROUP_KIND) is Label.RTN_UNACK
    assert labels(worker, sensors) == {Label.BY_DESIGN}


def test_many_that_stay_silent_although_it_is_back_have_another_cause() -> None:
    worker, sensors, others = Bridged(), names(8), names(8, "other")
    for second in range(30):
        worker.read([*sensors, *others], float(second))
    worker.know(source_b_line="down")
    for second in range(30, 100):
        worker.advance(float(second))
    worker.know()
    for second in range(100, 200):
        worker.read(others, float(second))
    assert worker.label(LINE, GROUP_KIND) is Label.RTN_UNACK
    assert worker.rings == [(LINE, GROUP_KIND), (ZONE, GROUP_KIND)]
    assert labels(worker, sensors) == {Label.BY_DESIGN}
    assert labels(worker, others) == {Label.NORMAL}
    for second in range(200, 260):
        worker.read([*sensors, *others], float(second))
    assert labels(worker, sensors) == {Label.NORMAL}
    assert worker.label(ZONE, GROUP_KIND) is Label.RTN_UNACK


def test_a_takeover_keeps_the_children_and_lets_them_go() -> None:
    worker, sensors = Bridged(), names(8)
    for second in range(30):
        worker.read(sensors, float(second))
    worker.know(source_b_line="down")
    for second in range(30, 60):
        worker.advance(float(second))
    worker.restart()
    for second in range(60, 90):
        worker.advance(float(second))
    worker.know()
    for second in range(90, 140):
        worker.read(sensors, float(second))
    assert worker.rings == [(LINE, GROUP_KIND)]
    assert worker.label(LINE, GROUP_KIND) is Label.RTN_UNACK
    assert labels(worker, sensors) == {Label.NORMAL}


def test_a_sensor_that_comes_by_another_source_is_no_child_of_the_first() -> None:
    worker, sensors = Bridged(), names(8)
    for second in range(30):
        worker.read(sensors, float(second))
    for second in range(30, 60):
        worker.read(sensors, float(second), source="c/line")
    worker.know(source_b_line="down")
    for second in range(60, 120):
        worker.advance(float(second))
    assert worker.rings == [(ZONE, GROUP_KIND)]


def test_three_zones_of_one_source_that_is_up_are_its_alarm_and_not_the_bridge_s() -> None:
    worker = Bridged()
    zones = {zone: names(6, f"z{zone}") for zone in "abc"}
    others = names(40, "other")
    everyone = [sensor for sensors in zones.values() for sensor in sensors]
    for second in range(60):
        for zone, sensors in zones.items():
            for number, sensor in enumerate(sensors):
                # One zone after the other.
                if second < 30 + "abc".index(zone):
                    worker.pipeline.process(
                        [
                            record(
                                worker.offset, 25.0 + number % 3, sensor=sensor, at=float(second),
                                log=LOG_S + second, zone=zone, source="b/line",
                            )
                        ]
                    )  # fmt: skip
                    worker.offset += 1
        for sensor in others:
            worker.pipeline.process(
                [
                    record(
                        worker.offset, 25.0, sensor=sensor, at=float(second), log=LOG_S + second, zone="d",
                        source="other/line",
                    )
                ]
            )  # fmt: skip
            worker.offset += 1
        worker.commit()
    standing = {name for (name, kind), alarm in worker.alarms.items() if kind == GROUP_KIND and alarm.active}
    assert standing == {LINE}
    assert {worker.alarms[sensor, NO_DATA_KIND].label for sensor in everyone} == {Label.BY_DESIGN}


def test_what_waited_in_a_bridge_comes_in_and_no_sensor_is_called_late() -> None:
    """Ten minutes without Kafka: one alarm while it lasts; then 40 sensors catch up, and nothing is left standing."""
    worker, sensors = Bridged(), names(40)
    for second in range(30):
        worker.read(sensors, float(second))
    worker.know(source_b_line="bridge b does not reach Kafka")
    for second in range(30, 630):
        worker.advance(float(second))
    worker.know()
    # 600 readings of each sensor in 60 seconds, oldest first.
    for step in range(60):
        for second in range(30 + 10 * step, 40 + 10 * step):
            for sensor in sensors:
                value, log = 25.0 + second % 3, LOG_S + 630 + step
                one = record(worker.offset, value, sensor=sensor, at=float(second), log=log, source="b/line")
                worker.pipeline.process([one])
                worker.offset += 1
        worker.commit()
    for second in range(690, 760):
        worker.read(sensors, float(second))
    assert worker.rings == [(LINE, GROUP_KIND)]
    assert {kind for _, kind in worker.alarms} == {NO_DATA_KIND, GROUP_KIND}
    assert labels(worker, sensors) == {Label.NORMAL}
