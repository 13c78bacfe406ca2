"""Readings to alarms through the whole pure core: pipeline, detectors, alert handler, lifecycle, definitions."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from typing import Literal

import pytest

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.definitions import parse_definitions
from controlroom.core.alarms.model import Alarm, Label
from controlroom.core.alert_handler import handle
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import profiles_of
from controlroom.wire import AlarmEvent
from tests.unit.core.test_pipeline import LOG_S, START, Record, record


class Plant:
    """What a worker does with one partition, without Kafka and PostgreSQL."""

    def __init__(self, text: str = "", bank: Literal["default", "cheap"] = "default") -> None:
        self.definitions = parse_definitions(text)
        options = PipelineOptions(bank=bank, sample_every=0, common_cause=self.definitions.common_cause)
        self.run = PartitionPipeline("readings", 0, 0, {}, profiles_of(self.definitions), options)
        self.alarms: dict[tuple[str, str], Alarm] = {}
        self.events: list[AlarmEvent] = []

    def feed(self, records: Iterable[Record]) -> None:
        for one in records:
            self.run.process([one])
            self.settle()

    def feed_at_once(self, records: list[Record]) -> None:
        for first in range(0, len(records), 500):
            self.run.process(records[first : first + 500])
            self.settle()

    def let_time_pass(self, first: int, last: int) -> None:
        for second in range(first, last):
            self.run.advance(LOG_S + second)
            self.settle()

    def settle(self) -> None:
        """What the store does at a commit."""
        signals = self.run.take(checkpoint=False).signals
        if signals:
            handled = handle(signals, self.alarms, self.definitions)
            self.alarms |= handled.alarms
            self.events += handled.events
            self.run.set_deadlines(handled.deadlines)

    def redefine(self, text: str) -> None:
        self.definitions.adopt(parse_definitions(text))
        self.run.definitions_changed(self.definitions.common_cause)

    @property
    def rings(self) -> list[tuple[str, str, str]]:
        return [(event.sensor_id, event.kind, event.event) for event in self.events if event.annunciated]


@pytest.mark.parametrize("bank", ["default", "cheap"])
@pytest.mark.parametrize("period", [12.0, 47.0, 600.0])
@pytest.mark.parametrize("amplitude", [0.3, 2.0, 4.5])
def test_a_sine_riding_on_a_limit_rings_once_as_a_limit(bank, period, amplitude):
    plant = Plant(bank=bank)
    values = [35.0 + amplitude * math.sin(2 * math.pi * 3.0 * number / period) for number in range(1200)]
    plant.feed(record(number, value, at=3.0 * number, log=LOG_S + 3.0 * number) for number, value in enumerate(values))
    assert [ring for ring in plant.rings if ring[1] == "limit"] == [("temp-1", "limit", "raised")]


def readings_at(value: float, first: int, count: int) -> list[Record]:
    return [record(number, value, log=LOG_S + number) for number in range(first, first + count)]


def alarm_of(plant: Plant) -> Alarm:
    return plant.alarms["temp-1", "limit"]


@pytest.mark.parametrize("bank", ["default", "cheap"])
class TestLimitsOfTheDefinitions:
    def test_they_stand_before_those_that_the_readings_carry(self, bank):
        plant = Plant("[[alarm]]\nsensor_type = 'temperature'\nlimits = { warning_high = 30 }", bank=bank)
        plant.feed(readings_at(25.0, 0, 5) + readings_at(31.0, 5, 5))
        assert plant.rings == [("temp-1", "limit", "raised")]
        assert plant.events[0].limit == 30.0
        plant.feed(readings_at(41.0, 10, 5))
        assert plant.events[-1].event == "severity-rose"
        assert plant.events[-1].limit == 40.0, "the critical one is still the readings' own"

    def test_one_that_contradicts_the_readings_stands_alone(self, bank):
        plant = Plant("[[alarm]]\nlimits = { warning_high = 45 }", bank=bank)
        plant.feed(readings_at(25.0, 0, 5) + readings_at(44.0, 5, 5))
        assert plant.rings == []
        plant.feed(readings_at(46.0, 10, 5))
        assert [event.severity for event in plant.events if event.annunciated] == ["warning"]

    def test_a_low_side_too(self, bank):
        plant = Plant("[[alarm]]\nlimits = { warning_low = 10, critical_low = 5 }", bank=bank)
        plant.feed(readings_at(25.0, 0, 5) + readings_at(9.0, 5, 5))
        assert plant.events[0].limit == 10.0

    @pytest.mark.parametrize(("text", "back"), [("deadband_abs = 3", 31.9), ("deadband = 0.1", 30.9)])
    def test_the_deadband_is_what_the_file_says(self, bank, text, back):
        plant = Plant(f"[defaults]\noff_delay_s = 0\n{text}", bank=bank)
        plant.feed(readings_at(25.0, 0, 5) + readings_at(36.0, 5, 5) + readings_at(back + 0.2, 10, 5))
        assert alarm_of(plant).label is Label.UNACK
        plant.feed(readings_at(back, 15, 5))
        assert alarm_of(plant).label is Label.RTN_UNACK

    def test_changed_while_an_alarm_stands_nothing_is_lost_and_the_next_reading_decides(self, bank):
        plant = Plant("[defaults]\noff_delay_s = 0", bank=bank)
        plant.feed(readings_at(25.0, 0, 5) + readings_at(36.0, 5, 5))
        occurrence = alarm_of(plant).occurrence_id
        plant.redefine("[defaults]\noff_delay_s = 0\n[[alarm]]\nlimits = { warning_high = 38, critical_high = 39 }")
        plant.settle()
        assert (alarm_of(plant).label, alarm_of(plant).occurrence_id) == (Label.UNACK, occurrence)
        plant.feed(readings_at(36.0, 10, 3))
        assert (alarm_of(plant).label, alarm_of(plant).occurrence_id) == (Label.RTN_UNACK, occurrence)
        plant.feed(readings_at(38.5, 13, 3))
        assert (alarm_of(plant).label, alarm_of(plant).occurrence_id) == (Label.UNACK, occurrence)
        assert plant.rings == [("temp-1", "limit", "raised")]


def gone(plant: Plant, zones: Callable[[int], str], *, sensors: int, lost: str | None = None) -> None:
    """Sensors of several zones speak every 3, 4 or 10 s, and then none of the partition does."""
    interval = {number: (3.0, 4.0, 10.0)[number % 3] for number in range(sensors)}
    spoken: list[tuple[float, int]] = []
    for number in range(sensors):
        spoken += [(k * interval[number] + number / 100, number) for k in range(int(400 / interval[number]))]
    records = []
    for offset, (when, number) in enumerate(sorted(spoken)):
        records.append(record(offset, 25.0, sensor=f"s-{number}", at=when, log=LOG_S + when, zone=zones(number)))
    plant.feed(records)
    assert plant.rings == []
    plant.run.know_lost(lost)
    plant.let_time_pass(400, 700)


@pytest.mark.parametrize(
    ("zones", "most"),
    [
        (lambda number: "abcde"[number % 5], 1),
        (lambda number: "abc"[number // 5], 2),  # of the first to fall silent, three happen to share a zone
        (lambda number: "abc"[number % 3], 4),  # each zone has a rhythm of its own, so they fall silent one by one
    ],
)
def test_a_partition_without_records_is_one_alarm_that_stands_for_its_sensors(zones, most):
    plant = Plant()
    gone(plant, zones, sensors=15)
    standing = [alarm for (_, kind), alarm in plant.alarms.items() if kind == GROUP_KIND and alarm.active]
    assert [alarm.sensor_id for alarm in standing] == ["partition:0"]
    assert 1 <= len(plant.rings) <= most
    assert {kind for _, kind, _ in plant.rings} == {GROUP_KIND}
    children = {sensor: alarm for (sensor, kind), alarm in plant.alarms.items() if kind == "dropout"}
    assert len(children) == 15
    assert {(child.label, child.parent) for child in children.values()} == {
        (Label.BY_DESIGN, standing[0].occurrence_id)
    }


def test_a_partition_that_is_known_to_have_no_leader_is_told_as_such_be_it_of_one_sensor():
    plant = Plant()
    gone(plant, lambda number: "abc"[number % 3], sensors=2, lost="partition 0 of readings has no leader")
    assert plant.rings == [("partition:0", GROUP_KIND, "raised")]
    (alarm,) = [alarm for (_, kind), alarm in plant.alarms.items() if kind == GROUP_KIND]
    assert alarm.detection is not None
    assert alarm.detection.message == "partition 0 of readings has no leader"
    # It is back, and so are its sensors: all is well by itself.
    plant.run.know_lost(None)
    offset = plant.run.next_offset
    for turn in range(15):
        for number in range(2):
            when = 700.0 + 3 * turn
            plant.feed([record(offset, 25.0, sensor=f"s-{number}", at=when, log=LOG_S + when, zone="abc"[number])])
            offset += 1
    assert {alarm.condition for alarm in plant.alarms.values()} == {"NORMAL"}
    assert plant.rings == [("partition:0", GROUP_KIND, "raised")]


def of_machines(number: int, intervals: tuple[float, ...], *, sensors: int, seconds: int) -> list[Record]:
    """`number` machines of one zone, their sensors one after the other; all speak for `seconds`."""
    each = sensors // number
    spoken: list[tuple[float, int]] = []
    for index in range(sensors):
        every = intervals[index % len(intervals)]
        spoken += [(k * every + index / sensors, index) for k in range(int(seconds / every))]
    return [
        record(offset, 25.0 + (index + int(when)) % 7 / 10, sensor=f"s-{index:04}", at=when, log=LOG_S + when,
               zone="a", machine=f"m-{index // each}")
        for offset, (when, index) in enumerate(sorted(spoken))
    ]  # fmt: skip


@pytest.mark.parametrize(("intervals", "most"), [((2.0,), 1), ((1.0, 2.0, 5.0), 3)])
def test_a_gateway_loss_is_the_zone_s_alarm_not_one_for_each_of_its_machines(intervals, most):
    plant = Plant(bank="cheap")
    plant.feed_at_once(of_machines(100, intervals, sensors=1000, seconds=150))
    plant.let_time_pass(150, 260)
    standing = [alarm for (_, kind), alarm in plant.alarms.items() if kind == GROUP_KIND and alarm.active]
    assert [alarm.sensor_id for alarm in standing] == ["zone:a"]
    assert 1 <= len(plant.rings) <= most
    children = [alarm for (_, kind), alarm in plant.alarms.items() if kind == "dropout"]
    assert len(children) == 1000
    assert {(child.label, child.parent) for child in children} == {(Label.BY_DESIGN, standing[0].occurrence_id)}


def test_a_machine_s_loss_is_the_machine_s_alarm_though_its_zone_would_explain_it_too():
    plant = Plant(bank="cheap")
    records = of_machines(10, (2.0,), sensors=100, seconds=60)
    gone_at = START.timestamp() + 40
    plant.feed_at_once(
        [one for one in records if b"m-3" not in (one.value or b"") or one.timestamp < (gone_at + 1) * 1000]
    )
    plant.let_time_pass(60, 62)
    assert plant.rings == [("machine:m-3", GROUP_KIND, "raised")]


def test_a_step_rings_once_and_names_all_that_found_it():
    noise = random.Random(7)
    plant = Plant()
    plant.feed_at_once([record(number, noise.gauss(20.0, 0.1), log=LOG_S + number) for number in range(4000)])
    begun = len(plant.events)
    stepped = range(4000, 4300)
    back = range(4300, 5400)
    plant.feed_at_once([record(number, noise.gauss(21.6, 0.1), log=LOG_S + number) for number in stepped])
    plant.feed_at_once([record(number, noise.gauss(20.0, 0.1), log=LOG_S + number) for number in back])
    told = plant.events[begun:]
    assert [(event.kind, event.event) for event in told if event.annunciated] == [("spike", "raised")]
    assert told[-1].kinds[0] == "level"
    assert told[-1].kinds[-1] == "spike"
    assert [event.event for event in told][-2:] == ["clearing", "returned"]
