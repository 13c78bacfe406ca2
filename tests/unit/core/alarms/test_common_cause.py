"""Many silent sensors with one cause ring as one alarm, and every child can be asked for."""

from __future__ import annotations

import heapq
import random

import msgspec
import pytest

from controlroom.core.alarms import events
from controlroom.core.alarms.cause_finder import CommonCause
from controlroom.core.alarms.common_cause import (
    GROUP_KIND,
    Adopt,
    Clear,
    Effect,
    GroupPolicy,
    Raise,
    Release,
    cause_of,
    events_of,
    group_of,
)
from controlroom.core.alarms.definitions import Definitions, parse_definitions
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import NO_DATA_KIND, Alarm, Label, Severity, new_alarm
from controlroom.core.alarms.transitions import Transition

DEFINITIONS = Definitions()
PATIENT = parse_definitions("[[alarm]]\nkind = 'dropout'\non_delay_s = 15")


class Plant:
    """Does with silences what a worker does: its alarms, the grouping, and event time second by second."""

    def __init__(self, trackers: int = 1, definitions: Definitions = DEFINITIONS) -> None:
        self.definitions = definitions
        self.trackers = [CommonCause(definitions.common_cause) for _ in range(trackers)]
        self.tracker_of: dict[str, int] = {}
        self.alarms: dict[tuple[str, str], Alarm] = {}
        self.journal: list[Transition] = []

    def join(self, sensor: str, groups: tuple[str, ...], tracker: int = 0) -> None:
        self.tracker_of[sensor] = tracker
        self.trackers[tracker].join(sensor, groups)

    def do(self, sensor: str, kind: str, event: events.AlarmEvent) -> None:
        if isinstance(event, events.SuppressByDesign) and (group := group_of(event.cause)) is not None:
            event = msgspec.structs.replace(event, parent=self.alarms[group, GROUP_KIND].occurrence_id)
        alarm = self.alarms.get((sensor, kind)) or new_alarm(sensor, kind)
        outcome = step(alarm, event, self.definitions.resolve(sensor, "temperature", kind))
        self.alarms[sensor, kind] = outcome.state
        self.journal.extend(outcome.transitions)

    def apply(self, effect: Effect, tracker: int) -> None:
        for entry in events_of(effect, f"worker-{tracker}"):
            self.do(*entry)

    def silent(self, sensor: str, at: float, last_seen: float) -> None:
        tracker = self.tracker_of[sensor]
        finding = events.Detected(at=at, severity=Severity.WARNING)
        for effect in self.trackers[tracker].silent(sensor, at, last_seen):
            self.apply(effect, tracker)
        self.do(sensor, NO_DATA_KIND, finding)
        self.do(sensor, "limit", events.NoData(at=at))

    def back(self, sensor: str, at: float) -> None:
        tracker = self.tracker_of[sensor]
        self.do(sensor, NO_DATA_KIND, events.Returned(at=at))
        for effect in self.trackers[tracker].back(sensor, at):
            self.apply(effect, tracker)
        self.do(sensor, "limit", events.DataBack(at=at))

    def passes(self, at: float) -> None:
        for number, tracker in enumerate(self.trackers):
            for effect in tracker.time_passed(at):
                self.apply(effect, number)
        for (sensor, kind), alarm in list(self.alarms.items()):
            if alarm.next_event_time is not None and alarm.next_event_time <= at:
                self.do(sensor, kind, events.TimePassed(at=at))

    @property
    def rings(self) -> list[tuple[str, str]]:
        return [(t.sensor_id, t.kind.value) for t in self.journal if t.annunciated]


def zone_loss(
    intervals: tuple[float, ...],
    seed: int,
    *,
    sensors: int = 1000,
    partitions: int = 3,
    trackers: int = 1,
    definitions: Definitions = DEFINITIONS,
) -> Plant:
    """A thousand sensors of one zone lose their gateway at 1000 s; returns after all their silences were noticed."""
    draw = random.Random(seed)
    plant = Plant(trackers, definitions)
    noticed: list[tuple[float, str, float]] = []
    for n in range(sensors):
        sensor = f"s-{n:04}"
        plant.join(sensor, ("zone:zone-a", f"partition:{n % partitions}"), n % trackers)
        interval = intervals[n % len(intervals)]
        last = 1000.0 - draw.random() * interval
        heapq.heappush(noticed, (last + 4 * interval, sensor, last))
        if n % 10 == 0:
            plant.do(sensor, "limit", events.Detected(at=900.0, severity=Severity.WARNING))
    plant.journal.clear()
    second = 1000.0
    while noticed:
        second += 1.0
        while noticed and noticed[0][0] <= second:
            at, sensor, last = heapq.heappop(noticed)
            plant.silent(sensor, at, last)
        plant.passes(second)
    plant.passes(second + 60.0)
    return plant


@pytest.mark.parametrize("intervals", [(3.0,), (3.0, 4.0, 10.0), (0.1, 1.0, 30.0), (45.0,)])
@pytest.mark.parametrize("trackers", [1, 3])
@pytest.mark.parametrize(("definitions", "most"), [(DEFINITIONS, 10), (PATIENT, 1)])
def test_a_gateway_loss_over_1000_sensors_rings_at_most_ten_times_and_has_all_its_children(
    intervals, trackers, definitions, most
):
    plant = zone_loss(intervals, seed=1, trackers=trackers, definitions=definitions)
    assert 1 <= len(plant.rings) <= most
    parent = plant.alarms["zone:zone-a", GROUP_KIND]
    assert parent.label is Label.UNACK
    assert sum(len(tracker.children("zone:zone-a")) for tracker in plant.trackers) == 1000
    children = [a for (_, kind), a in plant.alarms.items() if kind == NO_DATA_KIND]
    assert len(children) == 1000
    assert {a.parent for a in children} == {parent.occurrence_id}
    assert all(a.live for a in children), "suppression never stops the evaluation"
    assert all(a.label is Label.BY_DESIGN for (_, kind), a in plant.alarms.items() if kind == "limit")


@pytest.mark.parametrize("trackers", [1, 3])
def test_when_all_are_back_everything_is_as_before_and_nothing_more_rang(trackers):
    plant = zone_loss((3.0, 10.0), seed=3, trackers=trackers)
    rung = list(plant.rings)
    for n in sorted(range(1000), key=lambda n: n % trackers):
        assert plant.alarms["zone:zone-a", GROUP_KIND].condition == "ACTIVE", "while a worker's children are silent"
        plant.back(f"s-{n:04}", 2000.0 + n / 100)
    plant.passes(2100.0)
    assert plant.rings == rung
    assert plant.alarms["zone:zone-a", GROUP_KIND].label is Label.RTN_UNACK
    shown = {t.sensor_id for t in plant.journal if t.annunciated and t.alarm_kind == NO_DATA_KIND}
    for n in range(1000):
        sensor = f"s-{n:04}"
        waits = plant.alarms[sensor, NO_DATA_KIND].label is Label.RTN_UNACK
        assert waits == (sensor in shown), "what was never shown needs no ack"
        limit = plant.alarms.get((sensor, "limit"))
        assert limit is None or limit.label is (Label.UNACK if n % 10 == 0 else Label.NORMAL)
    assert not any(tracker.children("zone:zone-a") for tracker in plant.trackers)


def test_the_few_that_stay_silent_ring_by_themselves_after_a_while():
    plant = zone_loss((3.0,), seed=4, sensors=40, partitions=1, definitions=PATIENT)
    for n in range(38):
        plant.back(f"s-{n:04}", 2000.0)
    rung = len(plant.rings)
    plant.passes(2059.0)
    assert len(plant.rings) == rung
    plant.passes(2060.0)
    assert plant.rings[rung:] == [("s-0038", "unsuppressed"), ("s-0039", "unsuppressed")]
    assert plant.alarms["zone:zone-a", GROUP_KIND].condition == "CLEARING"


def test_single_losses_hours_apart_stay_single():
    plant = Plant()
    for n in range(10):
        plant.join(f"s-{n}", ("zone:zone-a",))
    for n in range(10):
        plant.silent(f"s-{n}", at=3600.0 * n + 12.0, last_seen=3600.0 * n)
        plant.passes(3600.0 * n + 60.0)
    assert plant.rings == [(f"s-{n}", "raised") for n in range(10)]


def gather(causes: CommonCause, silences: list[tuple[str, float]]) -> list[object]:
    return [effect for sensor, seen in silences for effect in causes.silent(sensor, seen + 12.0, seen)]


def test_a_cause_names_its_group():
    assert group_of(cause_of("zone:a")) == "zone:a"
    assert group_of("start-up") is None


class TestRule:
    def causes(self) -> CommonCause:
        causes = CommonCause(GroupPolicy(min_count=3, min_share=0.5, always=5))
        for n in range(30):
            causes.join(f"s-{n}", (f"zone:{'abc'[n % 3]}", f"partition:{n // 10}"))
        return causes

    def test_few_of_many_are_no_group(self):
        assert gather(self.causes(), [(f"s-{n * 3}", 100.0) for n in range(4)]) == []

    def test_a_partition_that_runs_across_zones_gathers_before_any_of_them(self):
        effects = gather(self.causes(), [(f"s-{n}", 100.0) for n in range(10)])
        assert isinstance(effects[0], Raise)
        assert effects[0].group == "partition:0"
        assert [type(e) for e in effects[1:]] == [Adopt] * 5

    def test_a_late_one_joins_only_if_it_fell_silent_with_them(self):
        causes = self.causes()
        gather(causes, [(f"s-{n * 3}", 100.0) for n in range(5)])
        assert causes.silent("s-15", 900.0, 100.0) == (Adopt("zone:a", 900.0, "s-15"),)
        assert causes.silent("s-18", 900.0, 888.0) == ()
        assert len(causes.children("zone:a")) == 6

    def test_silent_twice_is_silent_once(self):
        causes = self.causes()
        gather(causes, [(f"s-{n * 3}", 100.0) for n in range(5)])
        assert causes.silent("s-0", 120.0, 100.0) == ()

    def test_the_last_one_back_clears(self):
        causes = self.causes()
        gather(causes, [(f"s-{n * 3}", 100.0) for n in range(5)])
        effects = [e for n in range(5) for e in causes.back(f"s-{n * 3}", 200.0)]
        assert effects == [*(Release("zone:a", 200.0, f"s-{n * 3}") for n in range(5)), Clear("zone:a", 200.0)]

    def test_a_removed_sensor_is_as_one_that_is_back(self):
        causes = self.causes()
        gather(causes, [(f"s-{n * 3}", 100.0) for n in range(5)])
        for n in range(4):
            causes.leave(f"s-{n * 3}", 200.0)
        assert causes.leave("s-12", 201.0) == (Release("zone:a", 201.0, "s-12"), Clear("zone:a", 201.0))
        assert causes.silent("s-12", 300.0, 290.0) == ()

    def test_a_sensor_that_moves_counts_in_its_new_zone(self):
        causes = self.causes()
        for n in range(30):
            causes.join(f"s-{n}", ("zone:d",))
        effects = gather(causes, [(f"s-{n}", 100.0) for n in range(5)])
        assert [e.group for e in effects if isinstance(e, Raise)] == ["zone:d"]
        assert isinstance(effects[0], Raise)
        assert effects[0].message == "5 of 30 sensors of zone:d are silent"

    def test_a_restart_between_any_two_changes_nothing(self):
        silences = [(f"s-{n}", 100.0 + n % 4) for n in range(10)]
        straight = gather(self.causes(), silences)
        causes, effects = self.causes(), []
        for silence in silences:
            effects += gather(causes, [silence])
            causes = CommonCause(GroupPolicy(min_count=3, min_share=0.5, always=5), causes.dump())
        assert effects == straight

    def test_of_what_one_moment_shows_the_group_that_explains_the_most_is_the_cause(self):
        causes = CommonCause(GroupPolicy())
        for n in range(40):
            causes.join(f"s-{n}", (f"machine:{n // 4}", "zone:a", "partition:0"))
        for n in range(40):
            causes.note(f"s-{n}", 100.0)
        (raised,) = causes.decide(112.0)
        assert isinstance(raised, Raise)
        assert (raised.group, len(raised.children)) == ("zone:a", 40)

    def test_machine_after_machine_the_zone_takes_over_at_the_third(self):
        causes = CommonCause(GroupPolicy())
        for n in range(400):
            causes.join(f"s-{n}", (f"machine:{n // 4}", "zone:a", "partition:0"))
        before = causes.dump()
        effects = gather(causes, [(f"s-{n}", 100.0) for n in range(400)])
        assert [e.group for e in effects if isinstance(e, Raise)] == ["machine:0", "machine:1", "machine:2", "zone:a"]
        assert {e.group for e in effects if isinstance(e, Clear)} == {"machine:0", "machine:1", "machine:2"}
        assert len(causes.children("zone:a")) == 400
        restored = CommonCause(GroupPolicy(), causes.dump())
        back = [e for n in range(400) for e in restored.back(f"s-{n}", 300.0)]
        assert back[-1] == Clear("zone:a", 300.0)
        assert restored.dump() == before, "nothing is left of it"

    def test_who_moves_while_silent_is_counted_where_it_is(self):
        causes = CommonCause(GroupPolicy(min_count=2, always=9))
        for n in range(4):
            causes.join(f"s-{n}", ("zone:a", "partition:0"))
        assert causes.silent("s-0", 112.0, 100.0) == ()
        causes.join("s-0", ("zone:b", "partition:0"))
        assert causes.back("s-0", 120.0) == ()
        effects = gather(causes, [("s-1", 200.0), ("s-2", 200.0)])
        assert [e.group for e in effects if isinstance(e, Raise)] == ["zone:a"]

    def test_a_sensor_that_has_been_dead_for_days_hides_no_cause(self):
        causes = CommonCause(GroupPolicy())
        for n in range(40):
            causes.join(f"s-{n}", (f"machine:{n // 4}", "zone:a", "partition:0"))
        assert causes.silent("s-39", 112.0, 100.0) == ()
        effects = gather(causes, [(f"s-{n}", 90_000.0) for n in range(39)])
        assert [e.group for e in effects if isinstance(e, Raise)] == ["machine:0", "machine:1", "machine:2", "zone:a"]
        assert len(causes.children("zone:a")) == 39

    def test_machines_that_have_been_off_for_days_make_no_zone_of_the_next_one(self):
        causes = CommonCause(GroupPolicy())
        for n in range(40):
            causes.join(f"s-{n}", (f"machine:{n // 4}", "zone:a", "partition:0"))
        effects = [
            effect
            for machine in range(5)
            for effect in gather(causes, [(f"s-{4 * machine + n}", 90_000.0 * machine) for n in range(4)])
        ]
        assert [e.group for e in effects if isinstance(e, Raise)] == [f"machine:{machine}" for machine in range(5)]
