"""Suppression stops the annunciation and nothing else; a drill stays a drill."""

from __future__ import annotations

import pytest

from controlroom.core.alarms import events
from controlroom.core.alarms.model import (
    AckState,
    Alarm,
    Condition,
    Label,
    OutOfServiceMark,
    Quality,
    Severity,
    Shelf,
    decode_alarm,
    encode_alarm,
)
from tests.unit.core.alarms.driver import CRITICAL, WARNING, Driver, kinds

SHELF = Shelf(who="ann", reason="known", since=0.0, until=10.0, warn_at=5.0)
MARK = OutOfServiceMark(who="ann", reason="calibration", since=0.0)
ACTIVE_UNACK = {"condition": Condition.ACTIVE, "ack": AckState.UNACK}


@pytest.mark.parametrize(
    ("axes", "label"),
    [
        ({**ACTIVE_UNACK, "shelf": SHELF, "by_design": ("x",), "out_of_service": MARK}, Label.OUT_OF_SERVICE),
        ({**ACTIVE_UNACK, "shelf": SHELF, "by_design": ("x",)}, Label.BY_DESIGN),
        ({**ACTIVE_UNACK, "shelf": SHELF}, Label.SHELVED),
        (ACTIVE_UNACK, Label.UNACK),
        ({"condition": Condition.CLEARING, "ack": AckState.UNACK}, Label.UNACK),
        ({"latched": True, "ack": AckState.UNACK}, Label.LATCHED),
        ({"latched": True, "ack": AckState.ACKED}, Label.LATCHED),
        ({"condition": Condition.ACTIVE, "ack": AckState.ACKED}, Label.ACKED),
        ({"ack": AckState.UNACK}, Label.RTN_UNACK),
        ({"condition": Condition.PENDING}, Label.NORMAL),
        ({}, Label.NORMAL),
    ],
)
def test_the_label_follows_from_the_axes_by_precedence(axes, label):
    assert Alarm(sensor_id="s", kind="limit", **axes).label is label


def test_suppression_is_a_set():
    alarm = Alarm(sensor_id="s", kind="limit", shelf=SHELF, out_of_service=MARK)
    assert alarm.suppression == {Label.SHELVED, Label.OUT_OF_SERVICE}


def test_every_field_survives_the_row():
    alarm = Alarm(
        sensor_id="s\N{DEGREE SIGN}",
        kind="limit",
        version=4,
        **ACTIVE_UNACK,
        quality=Quality.BAD,
        shelf=SHELF,
        by_design=("a", "b"),
        out_of_service=MARK,
        severity=Severity.CRITICAL,
        activations=(0.1, 1763929407.123456),
    )
    assert decode_alarm(encode_alarm(alarm)) == alarm


def test_an_occurrence_that_was_never_shown_closes_by_itself():
    alarm = Driver(off_delay_s=0)
    alarm.shelve(until=4600.0)
    alarm.fires(10.0)
    assert kinds(alarm.returns(20.0)) == ["clearing", "returned", "closed"]
    assert not any(t.notify for t in alarm.journal)


def test_one_that_was_shown_before_waits_for_its_ack_and_is_notified_under_the_shelf():
    alarm = Driver(off_delay_s=0)
    alarm.fires(10.0)
    alarm.shelve(until=4600.0)
    alarm.returns(20.0)
    assert alarm.alarm.ack is AckState.UNACK
    outcome = alarm.ack()
    assert [(t.kind, t.notify, t.annunciated) for t in outcome.transitions] == [
        ("acked", True, False),
        ("closed", True, False),
    ]


def test_a_latched_trip_under_a_shelf_rings_when_the_shelf_ends():
    alarm = Driver(off_delay_s=0, latching=True)
    alarm.shelve(until=4600.0)
    alarm.fires(10.0)
    alarm.returns(20.0)
    assert alarm.rings == []
    alarm.wall(4600.0)
    assert (alarm.rings, alarm.alarm.label) == (["unshelved"], Label.LATCHED)


def test_an_acked_latched_one_that_fires_again_under_a_shelf_rings_when_the_shelf_ends():
    alarm = Driver(off_delay_s=0, latching=True)
    alarm.fires(10.0)
    alarm.ack()
    alarm.returns(20.0)
    alarm.shelve(until=4600.0)
    alarm.fires(30.0)
    assert alarm.rings == ["raised"]
    alarm.wall(4600.0)
    assert alarm.rings == ["raised", "unshelved"]


def test_un_suppressed_while_clearing_it_rings_only_if_it_fires_again():
    alarm = Driver(off_delay_s=30)
    alarm.shelve(until=4600.0)
    alarm.fires(10.0)
    alarm.returns(20.0)
    alarm.do(events.Unshelve(at=2000.0, who="ann"))
    assert alarm.rings == []
    alarm.fires(25.0)
    assert alarm.rings == ["recurred"]


def test_it_rings_only_when_the_last_cause_is_gone():
    alarm = Driver()
    alarm.do(events.SuppressByDesign(at=5.0, cause="start-up"))
    alarm.do(events.SuppressByDesign(at=5.0, cause="part of zone:a", parent="p-1"))
    alarm.do(events.SuppressByDesign(at=6.0, cause="start-up"))
    alarm.fires(10.0)
    assert (alarm.alarm.by_design, alarm.alarm.parent) == (("part of zone:a", "start-up"), "p-1")
    alarm.do(events.UnsuppressByDesign(at=20.0, cause="start-up"))
    assert alarm.rings == []
    alarm.do(events.UnsuppressByDesign(at=30.0, cause="part of zone:a"))
    assert alarm.rings == ["unsuppressed"]


def test_a_re_alarm_waits_while_suppressed():
    alarm = Driver(re_alarm_s=600)
    alarm.fires(10.0)
    alarm.ack(at=1000.0)
    alarm.do(events.SuppressByDesign(at=20.0, cause="start-up"))
    assert alarm.alarm.next_wall_time is None
    assert alarm.wall(9000.0).transitions == ()
    alarm.do(events.UnsuppressByDesign(at=30.0, cause="start-up"))
    assert kinds(alarm.wall(9001.0)) == ["re-alarmed"]


def test_bad_quality_is_told_and_is_its_own_axis():
    alarm = Driver()
    alarm.fires(10.0)
    assert kinds(alarm.do(events.QualityChanged(at=11.0, quality=Quality.BAD))) == ["quality"]
    assert alarm.do(events.QualityChanged(at=12.0, quality=Quality.BAD)).transitions == ()
    assert (alarm.alarm.quality, alarm.alarm.label) == (Quality.BAD, Label.UNACK)


class TestDrills:
    def test_every_line_of_a_drill_says_so(self):
        alarm = Driver(off_delay_s=0)
        alarm.fires(10.0, simulated=True, fault_id="f-1")
        alarm.fires(11.0)  # what lingers when the fault has ended
        alarm.returns(20.0)
        alarm.ack()
        assert {(t.simulated, t.fault_id) for t in alarm.journal} == {(True, "f-1")}

    def test_a_real_reading_that_is_worse_ends_the_drill(self):
        alarm = Driver()
        alarm.fires(10.0, WARNING, simulated=True, fault_id="f-1")
        (rose,) = alarm.fires(20.0, CRITICAL).transitions
        assert (rose.simulated, rose.annunciated, rose.fault_id) == (False, True, "f-1")

    def test_a_fault_injected_into_a_real_alarm_does_not_make_it_a_drill(self):
        alarm = Driver()
        alarm.fires(10.0, WARNING)
        (rose,) = alarm.fires(20.0, CRITICAL, simulated=True, fault_id="f-1").transitions
        assert (rose.simulated, rose.fault_id) == (False, "f-1")

    def test_the_next_occurrence_is_its_own(self):
        alarm = Driver(off_delay_s=0)
        alarm.fires(10.0, simulated=True, fault_id="f-1")
        alarm.returns(20.0)
        alarm.ack()
        alarm.fires(30.0)
        assert (alarm.alarm.simulated, alarm.alarm.fault_id) == (False, "")
