"""What operators do, and what they are told when it is refused."""

from __future__ import annotations

import pytest

from controlroom.core.alarms import events
from controlroom.core.alarms.model import AckState, Label
from tests.unit.core.alarms.driver import CRITICAL, WARNING, Driver, kinds


@pytest.fixture
def raised() -> Driver:
    alarm = Driver(off_delay_s=0)
    alarm.fires(10.0, WARNING)
    return alarm


def reason(alarm: Driver) -> str:
    assert alarm.refusal is not None
    return alarm.refusal.reason.value


class TestAckRefused:
    def test_when_severity_rose_after_the_screen_was_drawn(self, raised):
        drawn = raised.alarm.version
        raised.fires(20.0, CRITICAL)
        assert raised.ack(version=drawn).transitions == ()
        assert raised.refusal is not None
        assert raised.refusal.message == "not acked: severity rose to critical since the screen was drawn; look again"
        assert raised.alarm.ack is AckState.UNACK
        assert kinds(raised.ack()) == ["acked"]

    def test_but_not_when_something_else_changed_since(self, raised):
        drawn = raised.alarm.version
        raised.do(events.Comment(at=900.0, who="bob", text="looking"))
        assert kinds(raised.ack(version=drawn)) == ["acked"]

    def test_of_two_operators_one_wins_and_the_other_sees_who(self, raised):
        drawn = raised.alarm.version
        raised.ack(at=1000.0, who="ann", version=drawn)
        raised.ack(at=1000.1, who="bob", version=drawn)
        assert raised.refusal is not None
        assert (raised.refusal.reason, raised.refusal.by, raised.refusal.at) == ("already-acked", "ann", 1000.0)
        assert raised.refusal.message == "already acked by ann at 00:16:40 UTC"
        assert raised.alarm.acked_by == "ann"

    def test_when_the_occurrence_closed_it_tells_who_acked(self, raised):
        raised.returns(20.0)
        seen = raised.alarm
        raised.ack(who="ann")
        raised.ack(who="bob", version=seen.version)
        assert raised.refusal is not None
        assert (raised.refusal.reason, raised.refusal.by) == ("closed", "ann")

    def test_for_another_occurrence(self, raised):
        old = raised.alarm.occurrence_id
        raised.returns(20.0)
        raised.ack()
        raised.fires(30.0)
        raised.ack(occurrence=old)
        assert reason(raised) == "other-occurrence"

    def test_for_a_version_that_does_not_exist(self, raised):
        raised.ack(version=99)
        assert reason(raised) == "unknown-version"

    def test_without_an_author(self, raised):
        raised.ack(who="  ")
        assert reason(raised) == "author-missing"


class TestShelve:
    def test_it_suppresses_with_expiry_author_and_reason_and_warns_before_it_runs_out(self, raised):
        (shelved,) = raised.shelve(at=1000.0, until=4600.0, reason="  sensor swap ").transitions
        assert (shelved.who, shelved.text) == ("ann", "sensor swap")
        assert raised.alarm.next_wall_time == 4300.0
        assert kinds(raised.wall(4300.0)) == ["shelve-expiring"]
        assert raised.wall(4301.0).transitions == ()
        assert raised.alarm.next_wall_time == 4600.0
        assert kinds(raised.wall(4600.0)) == ["unshelved"]

    def test_a_short_one_warns_half_way(self, raised):
        raised.shelve(at=1000.0, until=1060.0)
        assert raised.alarm.next_wall_time == 1030.0

    def test_after_a_long_stop_the_warning_still_comes_before_the_end(self, raised):
        raised.shelve(at=1000.0, until=4600.0)
        assert kinds(raised.wall(99_999.0)) == ["shelve-expiring", "unshelved"]

    def test_again_it_is_prolonged(self, raised):
        raised.shelve(until=4600.0)
        raised.shelve(at=4500.0, until=9000.0)
        assert raised.wall(4600.0).transitions == ()

    def test_a_one_shot_ends_when_the_alarm_returns(self, raised):
        raised.shelve(until=4600.0, one_shot=True)
        assert kinds(raised.returns(20.0)) == ["clearing", "returned", "unshelved"]
        assert raised.alarm.label is Label.RTN_UNACK

    @pytest.mark.parametrize(
        ("until", "why", "expected"),
        [
            (4600.0, " ", "reason-missing"),
            (1000.0, "known", "expiry-past"),
            (90_000.0, "known", "shelve-too-long"),
        ],
    )
    def test_is_refused_without_what_it_needs(self, raised, until, why, expected):
        raised.shelve(at=1000.0, until=until, reason=why)
        assert reason(raised) == expected
        assert raised.alarm.shelf is None

    def test_unshelve(self, raised):
        raised.do(events.Unshelve(at=1000.0, who="ann"))
        assert reason(raised) == "not-shelved"
        raised.shelve()
        raised.do(events.Unshelve(at=2000.0, who="bob"))
        assert raised.alarm.label is Label.UNACK

    def test_the_re_alarm_time_starts_over_when_it_ends(self):
        alarm = Driver(re_alarm_s=600)
        alarm.fires(10.0)
        alarm.ack(at=1000.0)
        alarm.shelve(at=1000.0, until=4600.0)
        assert kinds(alarm.wall(4600.0)) == ["shelve-expiring", "unshelved"]
        assert alarm.alarm.label is Label.ACKED
        assert alarm.alarm.next_wall_time == 5200.0


class TestOutOfService:
    def test_it_has_precedence_and_ends_by_hand(self, raised):
        raised.shelve()
        raised.do(events.OutOfService(at=1100.0, who="bob", reason="calibration"))
        assert raised.alarm.label is Label.OUT_OF_SERVICE
        raised.do(events.OutOfService(at=1200.0, who="cat", reason="again"))
        assert raised.refusal is not None
        assert (raised.refusal.reason, raised.refusal.by) == ("already-out-of-service", "bob")
        raised.do(events.ReturnToService(at=1300.0, who="bob"))
        assert raised.alarm.label is Label.SHELVED
        raised.do(events.ReturnToService(at=1300.0, who="bob"))
        assert reason(raised) == "not-out-of-service"

    def test_it_needs_a_reason(self, raised):
        raised.do(events.OutOfService(at=1100.0, who="bob", reason=""))
        assert reason(raised) == "reason-missing"


def test_a_latch_is_not_reset_while_the_condition_stands():
    alarm = Driver(latching=True)
    alarm.fires(10.0)
    alarm.do(events.ResetLatch(at=1000.0, who="ann"))
    assert alarm.refusal is not None
    assert alarm.refusal.message == "nothing to reset: the condition still stands"


def test_comments_and_false_marks_are_journal_lines_that_change_no_axis(raised):
    before = raised.alarm
    raised.do(events.Comment(at=900.0, who="bob", text="looking"))
    raised.do(events.MarkFalse(at=901.0, who="bob", occurrence_id=before.occurrence_id, reason="sun on it"))
    assert raised.kinds[-2:] == ["commented", "marked-false"]
    assert [t.text for t in raised.journal[-2:]] == ["looking", "sun on it"]
    assert raised.alarm.label is before.label
    assert raised.alarm.marked_false
    raised.do(events.MarkFalse(at=902.0, who="bob", occurrence_id="another"))
    assert reason(raised) == "nothing-to-mark"
    raised.do(events.Comment(at=903.0, who="bob", text=""))
    assert reason(raised) == "reason-missing"
