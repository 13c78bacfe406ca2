"""Who is told what and when; an ack ends it; a flood is one incident."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controlroom.core.alarms import events
from controlroom.core.alarms.model import Severity
from controlroom.core.alarms.notify import (
    DELIVERY_KIND,
    Cancel,
    Flood,
    Planned,
    Topic,
    delivery_failed,
    flood_ended,
    follow_flood,
    follow_up,
    plan,
)
from controlroom.core.alarms.policy import FloodPolicy, Policy, parse_policy
from controlroom.errors import ConfigError
from tests.unit.core.alarms.driver import CRITICAL, WARNING, Driver

NOON = datetime(2025, 9, 16, 12, 0, tzinfo=UTC).timestamp()
NIGHT = datetime(2025, 9, 16, 23, 10, tzinfo=UTC).timestamp()

POLICY = parse_policy("""
[[receiver]]
name = "shift"
url = "mailtos://user:secret@example.com"
tags = ["operator"]
quiet = ["22:00-06:00"]

[[receiver]]
name = "manager"
url_env = "MANAGER_URL"
tags = ["manager"]
min_severity = "critical"

[[escalation]]
wait_s = 300
tags = ["operator"]
[[escalation]]
wait_s = 600
[[escalation]]
wait_s = 900
""")


def planned(alarm: Driver, outcome, now: float, flood: Flood | None = None) -> list[Planned]:
    return [row for t in outcome.transitions for row in plan(t, now, POLICY, flood).rows]


def brief(rows: list[Planned], now: float) -> list[tuple[str, str, float]]:
    return [(row.receiver, row.topic.value, row.due_at - now) for row in rows]


ON_CALL = parse_policy("""
[[receiver]]
name = "on-call"
url = "json://localhost"
tags = ["on-call"]
raises = false
[[escalation]]
wait_s = 300
tags = ["operator"]
[[escalation]]
wait_s = 600
tags = ["on-call"]
""")


class TestReceiverOfEscalationsAlone:
    def test_it_is_told_at_its_step_and_then_of_ack_and_close_if_it_was_told(self):
        alarm = Driver(off_delay_s=0)
        rows = plan(alarm.fires(10.0, CRITICAL).transitions[0], NOON, ON_CALL).rows
        assert [(row.topic, row.due_at - NOON, row.if_told) for row in rows] == [(Topic.ESCALATED, 900, False)]
        told = [row for t in (*alarm.ack().transitions, *alarm.returns(20.0).transitions) for row in
                plan(t, NOON, ON_CALL).rows]  # fmt: skip
        assert [(row.topic, row.if_told) for row in told] == [(Topic.ACKED, True), (Topic.CLOSED, True)]

    def test_it_hears_nothing_of_a_flood_s_end(self):
        assert flood_ended(Flood((), NOON), NOON + 900, ON_CALL) == ()


class TestWhen:
    def test_critical_goes_at_once_and_then_escalates(self):
        alarm = Driver()
        rows = planned(alarm, alarm.fires(10.0, CRITICAL), NOON)
        assert brief(rows, NOON) == [
            ("shift", "raised", 0),
            ("shift", "escalated", 300),
            ("manager", "raised", 0),
            ("manager", "escalated", 900),  # the first step is the operators' alone
        ]

    def test_it_escalates_every_5_10_and_15_minutes_until_acked(self):
        alarm = Driver()
        (row,) = (r for r in planned(alarm, alarm.fires(10.0, CRITICAL), NOON) if r.topic is Topic.ESCALATED and
                  r.receiver == "shift")  # fmt: skip
        dues = [row.due_at - NOON]
        for _ in range(4):
            following = follow_up(row, row.due_at, POLICY)
            assert following is not None
            assert following.id != row.id
            row = following
            dues.append(row.due_at - NOON)
        assert dues == [300, 900, 1800, 2700, 3600]

    def test_what_is_no_escalation_has_no_follow_up(self):
        alarm = Driver()
        first = planned(alarm, alarm.fires(10.0, CRITICAL), NOON)[0]
        assert follow_up(first, NOON, POLICY) is None

    def test_a_warning_waits_for_the_quarter_of_an_hour(self):
        alarm = Driver()
        rows = planned(alarm, alarm.fires(10.0, WARNING), NOON + 100.0)
        assert brief(rows, NOON) == [("shift", "raised", 900)]
        other = Driver()
        assert planned(other, other.fires(10.0), NOON + 899.0)[0].batch == rows[0].batch

    def test_and_is_held_in_quiet_hours(self):
        alarm = Driver()
        (row,) = planned(alarm, alarm.fires(10.0, WARNING), NIGHT)
        assert datetime.fromtimestamp(row.due_at, UTC) == datetime(2025, 9, 17, 6, 0, tzinfo=UTC)

    def test_critical_passes_quiet_hours(self):
        alarm = Driver()
        assert planned(alarm, alarm.fires(10.0, CRITICAL), NIGHT)[0].due_at == NIGHT

    def test_ids_are_the_same_when_planned_again(self):
        alarm = Driver()
        outcome = alarm.fires(10.0, CRITICAL)
        first, again = planned(alarm, outcome, NOON), planned(alarm, outcome, NOON + 50.0)
        assert [r.id for r in first] == [r.id for r in again]
        assert len({r.id for r in first}) == 4


class TestAfter:
    def test_an_ack_is_told_to_those_who_were_told_and_ends_the_escalation(self):
        alarm = Driver()
        alarm.fires(10.0, CRITICAL)
        (acked,) = alarm.ack().transitions
        found = plan(acked, NOON, POLICY)
        assert found.cancels == (Cancel(alarm.alarm.occurrence_id, (Topic.ESCALATED,)),)
        assert brief(list(found.rows), NOON) == [("shift", "acked", 0), ("manager", "acked", 0)]
        assert found.rows[0].who == "ann"

    def test_the_close_is_told_even_when_shelved_meanwhile(self):
        alarm = Driver(off_delay_s=0)
        alarm.fires(10.0, CRITICAL)
        alarm.shelve()
        rows = [*planned(alarm, alarm.returns(20.0), NOON), *planned(alarm, alarm.ack(), NOON)]
        assert [r.topic for r in rows if r.receiver == "shift"] == ["acked", "closed"]

    def test_what_never_rang_is_never_told(self):
        alarm = Driver(off_delay_s=0)
        alarm.shelve()
        outcomes = [alarm.fires(10.0, CRITICAL), alarm.returns(20.0)]
        assert [planned(alarm, outcome, NOON) for outcome in outcomes] == [[], []]

    def test_a_rise_supersedes_the_digest_and_starts_the_escalation_over(self):
        alarm = Driver()
        alarm.fires(10.0, WARNING)
        (rose,) = alarm.fires(20.0, CRITICAL).transitions
        found = plan(rose, NOON, POLICY)
        assert Cancel(rose.occurrence_id, (Topic.RAISED,), batched_only=True) in found.cancels
        assert Cancel(rose.occurrence_id, (Topic.ESCALATED,)) in found.cancels
        assert [r.topic for r in found.rows if r.receiver == "shift"] == ["raised", "escalated"]

    def test_a_shelf_stops_the_escalation_and_its_end_takes_it_up_again(self):
        alarm = Driver()
        alarm.fires(10.0, CRITICAL)
        (shelved,) = alarm.shelve().transitions
        assert plan(shelved, NOON, POLICY).cancels == (Cancel(shelved.occurrence_id, (Topic.ESCALATED,)),)
        rows = planned(alarm, alarm.do(events.Unshelve(at=2000.0, who="ann")), NOON)
        assert brief(rows, NOON) == [("shift", "escalated", 300), ("manager", "escalated", 900)]

    def test_what_rings_when_its_shelf_ends_tells_what_the_detector_saw(self):
        alarm = Driver()
        alarm.shelve(until=4600.0)
        alarm.fires(10.0, CRITICAL, message="42.5 °C is above 40 °C")
        rows = planned(alarm, alarm.wall(4600.0), NOON)
        assert {row.text for row in rows if row.topic is Topic.RAISED} == {"42.5 °C is above 40 °C"}

    def test_a_re_alarm_is_told_like_a_raise(self):
        alarm = Driver(re_alarm_s=600)
        alarm.fires(10.0, CRITICAL)
        alarm.ack(at=1000.0)
        rows = planned(alarm, alarm.wall(1600.0), NOON)
        assert [r.topic for r in rows if r.receiver == "shift"] == ["raised", "escalated"]

    def test_a_drill_is_marked_and_can_be_kept_from_a_receiver(self):
        alarm = Driver()
        outcome = alarm.fires(10.0, CRITICAL, simulated=True, fault_id="f-1")
        assert {(r.simulated, r.fault_id) for r in planned(alarm, outcome, NOON)} == {(True, "f-1")}
        quiet = parse_policy("[[receiver]]\nname = 'real'\nurl = 'json://h'\ndrills = false")
        assert plan(outcome.transitions[0], NOON, quiet).rows == ()


class TestFlood:
    def test_it_starts_above_ten_and_ends_below_five(self):
        policy, flood = FloodPolicy(), Flood()
        for n in range(10):
            flood = follow_flood(flood, NOON + n, policy, annunciations=1)
        assert flood.since is None
        flood = follow_flood(flood, NOON + 10, policy, annunciations=1)
        assert flood.since == NOON + 10
        assert follow_flood(flood, NOON + 605.9, policy).since == NOON + 10
        assert follow_flood(flood, NOON + 606, policy).since is None
        assert len(flood.recent) == 11

    def test_many_at_once(self):
        assert follow_flood(Flood(), NOON, FloodPolicy(), annunciations=1000) == Flood((NOON,) * 11, NOON)

    def test_its_criticals_go_out_together_the_first_at_once(self):
        flood = Flood(since=NOON)
        rows = []
        for after in (0.0, 1.0, 100.0, 130.0):
            alarm = Driver()
            outcome = alarm.fires(10.0, CRITICAL)
            rows.append(planned(alarm, outcome, NOON + after, flood)[0])
        assert [row.due_at - NOON for row in rows] == [0, 120, 120, 240]
        assert len({row.batch for row in rows}) == 3

    def test_its_end_is_told_once(self):
        assert flood_ended(Flood(), NOON, POLICY) == ()
        rows = flood_ended(Flood(since=NOON - 900), NIGHT, POLICY)
        assert [(r.receiver, r.topic) for r in rows] == [("shift", "flood-ended"), ("manager", "flood-ended")]
        assert [r.id for r in flood_ended(Flood(since=NOON - 900), NIGHT + 9, POLICY)] == [r.id for r in rows]


def test_giving_up_is_an_alarm_itself():
    sensor, event = delivery_failed("shift", NOON, "timed out")
    alarm = Driver(kind=DELIVERY_KIND)
    (raised,) = alarm.do(event).transitions
    assert (sensor, raised.annunciated) == ("receiver:shift", True)
    assert raised.text == "notifications to shift were given up: timed out"


class TestPolicy:
    def test_defaults(self):
        policy = Policy()
        assert [step.wait_s for step in policy.escalation] == [300, 600, 900]
        receiver = parse_policy("[[receiver]]\nname='a'\nurl='json://h'").receiver[0]
        assert (receiver.digest_s, receiver.rate_limit, receiver.rate_window_s) == (900, 6, 600)

    def test_a_secret_is_not_shown(self):
        assert "secret" not in repr(POLICY)
        assert POLICY.receiver[0].url is not None
        assert "secret" in POLICY.receiver[0].url.get_secret_value()

    def test_filters(self):
        text = "[[receiver]]\nname='a'\nurl='json://h'\nsensor='oven-*'\nkind='limit'"
        receiver = parse_policy(text).receiver[0]
        assert receiver.wants("oven-1", ["limit"], Severity.WARNING, simulated=False)
        assert not receiver.wants("hall-1", ["limit"], Severity.WARNING, simulated=False)
        assert not receiver.wants("oven-1", ["drift"], Severity.WARNING, simulated=False)

    @pytest.mark.parametrize(
        ("clock", "expected"),
        [("22:00", "06:00"), ("05:59", "06:00"), ("06:00", "06:00"), ("21:59", "21:59"), ("12:30", "13:00")],
    )
    def test_quiet_hours(self, clock, expected):
        text = "[[receiver]]\nname='a'\nurl='json://h'\nquiet=['22:00-06:00','12:00-13:00']\ntimezone='Europe/Berlin'"
        receiver = parse_policy(text).receiver[0]
        hours, minutes = map(int, clock.split(":"))
        at = datetime(2025, 1, 15, (hours - 1) % 24, minutes, tzinfo=UTC).timestamp()  # Berlin is an hour ahead
        end = datetime.fromtimestamp(receiver.after_quiet(at) + 3600, UTC)
        assert end.strftime("%H:%M") == expected

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("[[receiver]]\nname='a'", "receiver[1]: needs either url or url_env"),
            ("[[receiver]]\nname='a b'\nurl='x'", "receiver[1].name: String should match pattern"),
            ("[[receiver]]\nname='a'\nurl='x'\ntimezone='Mars/Base'", "receiver[1].timezone: no time zone is called"),
            ("[[receiver]]\nname='a'\nurl='x'\nquiet=['22 to 6']", "receiver[1].quiet[1]: must read like 22:00-06:00"),
            (
                "[[receiver]]\nname='a'\nurl='x'\n[[receiver]]\nname='a'\nurl='y'",
                "receiver: two receivers are called 'a'",
            ),
            (
                "[[receiver]]\nname='a'\nurl='x'\nraises=false\n[[escalation]]\nwait_s=9\ntags=['b']",
                ": receiver 'a' is never told: no escalation step has one of its tags",
            ),
            ("[[escalation]]\nwait_s=0", "escalation[1].wait_s: Input should be greater than 0"),
            ("[flood]\nstarts_above=3\nends_below=5", "flood: ends_below must not exceed starts_above"),
        ],
    )
    def test_a_mistake_names_the_key(self, text, complaint):
        with pytest.raises(ConfigError) as caught:
            parse_policy(text, "notify.toml")
        assert f"notify.toml: {complaint}" in caught.value.message
