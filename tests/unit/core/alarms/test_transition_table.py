"""Every row of the table of transitions, by the words of the table."""

from __future__ import annotations

import pytest

from controlroom.core.alarms import events
from controlroom.core.alarms.ids import event_id, occurrence_id
from controlroom.core.alarms.model import AckState, Condition, Label, Quality
from tests.unit.core.alarms.driver import CRITICAL, WARNING, Driver, kinds


class TestFires:
    def test_without_an_on_delay_it_is_active_and_unacked_at_once(self):
        alarm = Driver()
        outcome = alarm.fires(10.0, value=36.5, limit=35.0, message="36.5 °C is above 35 °C", offset=7)
        assert kinds(outcome) == ["raised"]
        assert outcome.transitions[0].annunciated
        assert outcome.transitions[0].notify
        assert (alarm.alarm.condition, alarm.alarm.ack, alarm.alarm.label) == (
            Condition.ACTIVE,
            AckState.UNACK,
            Label.UNACK,
        )
        assert alarm.alarm.occurrence_id == occurrence_id("temp-1", "limit", 10.0, 0)
        assert alarm.alarm.detection is not None
        assert (alarm.alarm.detection.value, alarm.alarm.detection.offset) == (36.5, 7)

    def test_with_an_on_delay_it_is_pending_and_then_active_at_the_end_of_the_delay(self):
        alarm = Driver(on_delay_s=5)
        assert kinds(alarm.fires(10.0)) == ["pending"]
        assert (alarm.alarm.condition, alarm.alarm.ack, alarm.alarm.live) == (Condition.PENDING, AckState.NONE, False)
        assert alarm.alarm.next_event_time == 15.0
        assert alarm.passes(14.9).transitions == ()
        (raised,) = alarm.passes(17.3).transitions
        assert (raised.kind, raised.at, raised.annunciated) == ("raised", 15.0, True)
        assert alarm.alarm.occurrence_id == occurrence_id("temp-1", "limit", 15.0, 0)

    def test_gone_within_the_on_delay_nothing_was_ever_annunciated(self):
        alarm = Driver(on_delay_s=5)
        alarm.fires(10.0)
        assert kinds(alarm.returns(14.0)) == ["pending-ended"]
        assert alarm.rings == []
        assert alarm.alarm.label is Label.NORMAL
        assert alarm.alarm.next_event_time is None

    def test_a_new_occurrence_has_a_new_id(self):
        alarm = Driver(off_delay_s=0)
        ids = []
        for at in (10.0, 20.0):
            alarm.fires(at)
            ids.append(alarm.alarm.occurrence_id)
            alarm.returns(at + 1)
            alarm.ack(at + 2)
        assert len(set(ids)) == 2

    def test_occurrences_at_the_same_event_time_differ_too(self):
        alarm = Driver(off_delay_s=0)
        ids = []
        for at in (10.0, 10.0, 9.0, 10.0):
            alarm.fires(at)
            ids.append(alarm.alarm.occurrence_id)
            alarm.returns(at)
            alarm.ack(at)
        assert len(set(ids)) == 4


class TestBackInside:
    def test_the_off_delay_runs_and_then_unack_is_rtn_unack(self):
        alarm = Driver(off_delay_s=30)
        alarm.fires(10.0)
        assert kinds(alarm.returns(20.0)) == ["clearing"]
        assert (alarm.alarm.condition, alarm.alarm.label) == (Condition.CLEARING, Label.UNACK)
        assert alarm.passes(49.9).transitions == ()
        (returned,) = alarm.passes(77.0).transitions
        assert (returned.kind, returned.at, returned.annunciated) == ("returned", 50.0, False)
        assert (alarm.alarm.condition, alarm.alarm.label) == (Condition.NORMAL, Label.RTN_UNACK)

    def test_acked_closes(self):
        alarm = Driver(off_delay_s=30)
        alarm.fires(10.0)
        alarm.ack()
        alarm.returns(20.0)
        assert kinds(alarm.passes(50.0)) == ["returned", "closed"]
        assert (alarm.alarm.ack, alarm.alarm.label, alarm.alarm.live) == (AckState.NONE, Label.NORMAL, False)

    def test_acked_and_latched_stays(self):
        alarm = Driver(off_delay_s=0, latching=True)
        alarm.fires(10.0)
        alarm.ack()
        assert kinds(alarm.returns(20.0)) == ["clearing", "returned"]
        assert (alarm.alarm.latched, alarm.alarm.label) == (True, Label.LATCHED)
        assert kinds(alarm.do(events.ResetLatch(at=2000.0, who="ann"))) == ["latch-reset", "closed"]

    def test_the_reading_at_the_very_end_of_the_delay_comes_after_it(self):
        alarm = Driver(off_delay_s=30)
        alarm.fires(10.0)
        alarm.returns(20.0)
        assert kinds(alarm.fires(50.0)) == ["returned", "recurred"]


class TestFiresAgain:
    def test_while_clearing_it_is_the_same_occurrence_and_is_not_annunciated_again(self):
        alarm = Driver(off_delay_s=30)
        alarm.fires(10.0)
        first = alarm.alarm.occurrence_id
        alarm.returns(20.0)
        (again,) = alarm.fires(40.0).transitions
        assert (again.kind, again.annunciated, again.recurrences) == ("recurred", False, 1)
        assert (alarm.alarm.condition, alarm.alarm.occurrence_id) == (Condition.ACTIVE, first)
        assert alarm.alarm.ack is AckState.UNACK
        assert alarm.passes(300.0).transitions == ()

    def test_while_clearing_an_ack_stays(self):
        alarm = Driver(off_delay_s=30)
        alarm.fires(10.0)
        alarm.ack()
        alarm.returns(20.0)
        alarm.fires(40.0)
        assert (alarm.alarm.ack, alarm.alarm.label) == (AckState.ACKED, Label.ACKED)

    @pytest.mark.parametrize("rings", [False, True])
    def test_while_rtn_unack_it_is_unack_in_the_same_occurrence(self, rings):
        alarm = Driver(off_delay_s=30, recurrence_rings=rings)
        alarm.fires(10.0)
        first = alarm.alarm.occurrence_id
        alarm.returns(20.0)
        alarm.passes(60.0)
        assert alarm.alarm.label is Label.RTN_UNACK
        (again,) = alarm.fires(70.0).transitions
        assert (again.kind, again.recurrences, again.annunciated) == ("recurred", 1, rings)
        assert (alarm.alarm.label, alarm.alarm.occurrence_id) == (Label.UNACK, first)

    def test_while_rtn_unack_the_on_delay_is_waited_for(self):
        alarm = Driver(on_delay_s=5, off_delay_s=0)
        alarm.fires(10.0)
        alarm.passes(15.0)
        alarm.returns(20.0)
        alarm.fires(30.0)
        assert (alarm.alarm.condition, alarm.alarm.label) == (Condition.PENDING, Label.RTN_UNACK)
        assert kinds(alarm.passes(35.0)) == ["recurred"]

    def test_acked_and_held_by_the_latch_it_rings_again(self):
        alarm = Driver(off_delay_s=0, latching=True)
        alarm.fires(10.0)
        alarm.ack()
        alarm.returns(20.0)
        (again,) = alarm.fires(30.0).transitions
        assert (again.kind, again.annunciated) == ("recurred", True)
        assert alarm.alarm.label is Label.UNACK
        assert not alarm.alarm.latched

    @pytest.mark.parametrize("first", [WARNING, CRITICAL])
    def test_held_by_the_latch_and_worse_than_before_it_rings_once(self, first):
        alarm = Driver(off_delay_s=0, latching=True)
        alarm.fires(10.0, first)
        alarm.ack()
        alarm.returns(20.0)
        alarm.fires(30.0, CRITICAL)
        assert alarm.rings == ["raised", "recurred"]


class TestAck:
    def test_unack_becomes_acked(self):
        alarm = Driver()
        alarm.fires(10.0)
        (acked,) = alarm.ack(at=1000.0).transitions
        assert (acked.kind, acked.who, acked.whence, acked.at, acked.clock) == (
            "acked",
            "ann",
            "console-1",
            1000.0,
            "wall",
        )
        assert (acked.annunciated, acked.notify) == (False, True)
        assert alarm.alarm.label is Label.ACKED

    def test_rtn_unack_closes(self):
        alarm = Driver(off_delay_s=0)
        alarm.fires(10.0)
        alarm.returns(20.0)
        assert kinds(alarm.ack()) == ["acked", "closed"]
        assert alarm.alarm.label is Label.NORMAL

    @pytest.mark.parametrize("reset_first", [False, True])
    def test_a_latched_one_needs_a_reset_too_in_either_order(self, reset_first):
        alarm = Driver(off_delay_s=0, latching=True)
        alarm.fires(10.0)
        alarm.returns(20.0)
        assert alarm.alarm.label is Label.LATCHED
        reset = events.ResetLatch(at=2000.0, who="ann")
        if reset_first:
            assert kinds(alarm.do(reset)) == ["latch-reset"]
            assert alarm.alarm.label is Label.RTN_UNACK
            assert kinds(alarm.ack()) == ["acked", "closed"]
        else:
            assert kinds(alarm.ack()) == ["acked"]
            assert alarm.alarm.label is Label.LATCHED
            assert kinds(alarm.do(reset)) == ["latch-reset", "closed"]


class TestSeverityAndRealarm:
    def test_a_rise_unacks_and_rings(self):
        alarm = Driver()
        alarm.fires(10.0, WARNING)
        alarm.ack()
        (rose,) = alarm.fires(20.0, CRITICAL).transitions
        assert (rose.kind, rose.annunciated) == ("severity-rose", True)
        assert (alarm.alarm.ack, alarm.alarm.peak, alarm.alarm.priority) == (AckState.UNACK, CRITICAL, "high")

    def test_the_re_alarm_time_unacks_and_rings(self):
        alarm = Driver(re_alarm_s=3600)
        alarm.fires(10.0)
        alarm.ack(at=1000.0)
        assert alarm.alarm.next_wall_time == 4600.0
        assert alarm.wall(4599.0).transitions == ()
        (again,) = alarm.wall(4601.0).transitions
        assert (again.kind, again.annunciated, again.clock) == ("re-alarmed", True, "wall")
        assert alarm.alarm.label is Label.UNACK
        assert alarm.alarm.next_wall_time is None

    def test_a_fall_keeps_the_peak_and_is_no_new_alarm(self):
        alarm = Driver()
        alarm.fires(10.0, CRITICAL)
        alarm.ack()
        (fell,) = alarm.fires(20.0, WARNING).transitions
        assert (fell.kind, fell.annunciated) == ("severity-fell", False)
        assert (alarm.alarm.severity, alarm.alarm.peak, alarm.alarm.ack) == (WARNING, CRITICAL, AckState.ACKED)

    def test_back_up_to_the_peak_that_was_acked_is_no_new_alarm(self):
        alarm = Driver()
        alarm.fires(10.0, CRITICAL)
        alarm.ack()
        alarm.fires(20.0, WARNING)
        alarm.fires(30.0, CRITICAL)
        assert alarm.rings == ["raised"]
        assert alarm.alarm.ack is AckState.ACKED


class TestUnsuppressedWhileActive:
    def test_the_ack_stays(self):
        alarm = Driver()
        alarm.fires(10.0)
        alarm.ack()
        alarm.shelve(until=4600.0)
        assert alarm.alarm.label is Label.SHELVED
        alarm.wall(4600.0)
        assert (alarm.alarm.label, alarm.rings) == (Label.ACKED, ["raised"])

    def test_unless_severity_has_risen(self):
        alarm = Driver()
        alarm.fires(10.0, WARNING)
        alarm.ack()
        alarm.shelve(until=4600.0)
        alarm.fires(20.0, CRITICAL)
        assert alarm.rings == ["raised"]
        alarm.wall(4600.0)
        assert (alarm.alarm.label, alarm.rings) == (Label.UNACK, ["raised", "unshelved"])

    def test_what_was_raised_under_a_shelve_rings_when_it_ends(self):
        alarm = Driver()
        alarm.shelve(until=4600.0)
        alarm.fires(2000.0)
        assert (alarm.rings, alarm.alarm.live) == ([], True)
        alarm.wall(4600.0)
        assert alarm.rings == ["unshelved"]

    def test_what_was_raised_and_unacked_before_does_not_ring_twice(self):
        alarm = Driver()
        alarm.fires(10.0)
        alarm.shelve(until=4600.0)
        alarm.wall(4600.0)
        assert (alarm.alarm.label, alarm.rings) == (Label.UNACK, ["raised"])


class TestChatter:
    def test_three_activations_within_the_window_are_tagged_once(self):
        alarm = Driver(off_delay_s=30)
        for at in (10.0, 30.0, 70.0, 75.0):
            alarm.fires(at)
            alarm.returns(at + 2)
        assert alarm.kinds.count("chatter") == 1
        assert alarm.alarm.chatter
        assert alarm.alarm.shelf is None
        assert alarm.rings == ["raised"]

    def test_slower_ones_are_not(self):
        alarm = Driver(off_delay_s=30)
        for at in (10.0, 35.0, 71.0):
            alarm.fires(at)
            alarm.returns(at + 2)
        assert "chatter" not in alarm.kinds

    def test_it_is_counted_over_occurrences_too(self):
        alarm = Driver(off_delay_s=0)
        for at in (10.0, 30.0, 50.0):
            alarm.fires(at)
            alarm.returns(at + 2)
            alarm.ack(at + 3)
        assert alarm.kinds.count("raised") == 3
        assert alarm.kinds.count("chatter") == 1


class TestNoData:
    def test_the_sensors_alarms_are_suppressed_frozen_and_never_cleared(self):
        alarm = Driver(off_delay_s=30)
        alarm.fires(10.0)
        alarm.returns(20.0)
        (silent,) = alarm.do(events.NoData(at=55.0)).transitions
        assert (silent.kind, silent.text) == ("suppressed", "no data")
        assert (alarm.alarm.label, alarm.alarm.quality) == (Label.BY_DESIGN, Quality.STALE)
        assert alarm.alarm.next_event_time is None
        assert alarm.passes(10_000.0).transitions == ()
        assert alarm.alarm.condition is Condition.CLEARING
        alarm.do(events.DataBack(at=500.0))
        assert (alarm.alarm.label, alarm.alarm.quality) == (Label.UNACK, Quality.GOOD)
        assert alarm.alarm.next_event_time == 530.0
        assert kinds(alarm.passes(530.0)) == ["returned"]
        assert alarm.rings == ["raised"]

    def test_a_pending_one_starts_its_delay_over(self):
        alarm = Driver(on_delay_s=5)
        alarm.fires(10.0)
        alarm.do(events.NoData(at=12.0))
        alarm.do(events.DataBack(at=100.0))
        assert alarm.passes(104.0).transitions == ()
        assert kinds(alarm.passes(105.0)) == ["raised"]

    def test_the_communication_alarm_is_a_separate_one_that_its_own_silence_does_not_suppress(self):
        alarm = Driver(kind="dropout")
        alarm.fires(10.0)
        assert alarm.do(events.NoData(at=10.0)).transitions == ()
        assert alarm.alarm.label is Label.UNACK

    def test_a_reading_that_clears_during_the_silence_waits_for_the_data_to_be_back(self):
        alarm = Driver(off_delay_s=0)
        alarm.fires(10.0)
        alarm.do(events.NoData(at=20.0))
        assert kinds(alarm.returns(30.0)) == ["clearing"]
        assert kinds(alarm.do(events.DataBack(at=30.0))) == ["unsuppressed", "returned"]


def test_one_live_alarm_per_sensor_and_type_a_repeat_updates_it():
    alarm = Driver()
    alarm.fires(10.0)
    assert alarm.fires(11.0).transitions == ()
    assert kinds(alarm.fires(12.0, CRITICAL)) == ["severity-rose"]
    assert len({t.occurrence_id for t in alarm.journal}) == 1


def test_event_ids_follow_from_the_version():
    alarm = Driver(off_delay_s=0)
    alarm.fires(10.0)
    alarm.returns(20.0)
    alarm.ack()
    assert [t.event_id for t in alarm.journal] == [event_id("temp-1", "limit", v) for v in range(1, 6)]


def test_active_for_over_a_day_is_told_once_at_the_time_it_became_stale():
    alarm = Driver()
    alarm.fires(10.0)
    alarm.passes(86_000.0)
    (standing,) = alarm.passes(200_000.0).transitions
    assert (standing.kind, standing.at, standing.annunciated) == ("standing", 86_410.0, False)
    assert alarm.passes(900_000.0).transitions == ()
