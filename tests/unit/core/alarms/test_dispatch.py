"""What goes out now: digests, the rate limit and its summary, the order within an occurrence, retries."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.core.alarms.dispatch import back_off, dispatch
from controlroom.core.alarms.model import Severity
from controlroom.core.alarms.notify import Planned, Topic
from controlroom.core.alarms.policy import Receiver

SHIFT = Receiver(name="shift", url="json://localhost")
NOW = 10_000.0


def row(occurrence: str, version: int = 1, due: float = NOW, **fields) -> Planned:
    fields.setdefault("severity", Severity.CRITICAL)
    fields.setdefault("topic", Topic.RAISED)
    return Planned(
        id=f"{occurrence}.{version}.{fields.get('step', 0)}",
        receiver="shift",
        due_at=due,
        occurrence_id=occurrence,
        sensor_id=f"temp-{occurrence}",
        alarm_kind="limit",
        version=version,
        **fields,
    )


def sent(found) -> list[tuple[str, ...]]:
    return [message.rows for message in found.messages]


def test_each_critical_is_a_message_of_its_own():
    found = dispatch([row("a", text="42.5 °C is above 40 °C"), row("b", due=NOW + 5)], [], NOW, SHIFT)
    assert sent(found) == [("a.1.0",)]
    assert found.messages[0].title == "CRITICAL temp-a limit"
    assert found.messages[0].body.startswith("CRITICAL temp-a limit 42.5 °C is above 40 °C (1970-01-01 00:00:00 UTC)")
    assert found.next_at == NOW + 5


def test_a_batch_is_one_message():
    rows = [row(f"o{n:02}", severity=Severity.WARNING, batch="digest 900") for n in range(30)]
    (message,) = dispatch(rows, [], NOW, SHIFT).messages
    assert message.title == "30 warning (30 events)"
    assert message.body.splitlines()[-1] == "and 10 more"
    assert len(message.rows) == 30


def test_what_exceeds_the_rate_limit_is_one_summary_of_the_rest():
    found = dispatch([row(f"o{n:02}") for n in range(20)], [], NOW, SHIFT)
    assert [len(m.rows) for m in found.messages] == [1, 1, 1, 1, 1, 15]
    assert found.messages[-1].title == "15 critical (15 events)"
    assert found.next_at is None


def test_what_was_sent_before_counts_and_a_full_window_waits():
    rows = [row("a"), row("b")]
    found = dispatch(rows, [NOW - 100.0 - n for n in range(5)], NOW, SHIFT)
    assert sent(found) == [("a.1.0", "b.1.0")]
    found = dispatch(rows, [NOW - 100.0 - n for n in range(6)] + [NOW - 601.0], NOW, SHIFT)
    assert (found.messages, found.next_at) == ((), NOW - 105.0 + 600.0)


def test_critical_goes_first():
    rows = [row("a", severity=Severity.WARNING, due=NOW - 50), row("b", due=NOW - 1)]
    assert sent(dispatch(rows, [], NOW, SHIFT)) == [("b.1.0",), ("a.1.0",)]


class TestOrder:
    def test_an_ack_waits_for_its_raise_that_is_backing_off(self):
        rows = [row("a", 1, due=NOW + 60, message_id="m-1"), row("a", 2, topic=Topic.ACKED), row("b", 1)]
        found = dispatch(rows, [], NOW, SHIFT)
        assert sent(found) == [("b.1.0",)]
        assert found.next_at == NOW + 60

    def test_it_follows_in_the_same_round_when_both_may_go(self):
        rows = [row("a", 2, topic=Topic.ACKED, due=NOW - 90), row("a", 1, due=NOW)]
        assert sent(dispatch(rows, [], NOW, SHIFT)) == [("a.1.0",), ("a.2.0",)]

    def test_an_escalation_to_come_holds_nothing_up(self):
        rows = [row("a", 1, due=NOW + 300, topic=Topic.ESCALATED, step=1), row("a", 2, topic=Topic.CLOSED)]
        assert sent(dispatch(rows, [], NOW, SHIFT)) == [("a.2.0",)]

    @settings(deadline=None)  # a busy machine is no failure
    @given(st.data())
    def test_rows_of_an_occurrence_never_overtake_each_other_and_the_limit_holds(self, data):
        rows = [
            row(
                data.draw(st.sampled_from("abc")) + ("w" if warning else "c"),
                version,
                due=data.draw(st.sampled_from([NOW - 500, NOW - 5, NOW, NOW + 7])),
                severity=Severity.WARNING if warning else Severity.CRITICAL,
            )
            for version, warning in enumerate(data.draw(st.lists(st.booleans(), max_size=25)))
        ]
        before = data.draw(st.lists(st.sampled_from([NOW - 700, NOW - 10]), max_size=8))
        found = dispatch(rows, before, NOW, SHIFT)
        recent = sum(NOW - t < 600 for t in before)
        assert len(found.messages) <= max(0, 6 - recent)
        order = [r for message in found.messages for r in message.rows]
        assert len(set(order)) == len(order)
        by_id = {r.id: r for r in rows}
        for occurrence in {r.occurrence_id for r in rows}:
            mine = sorted((r for r in rows if r.occurrence_id == occurrence), key=lambda r: r.version)
            gone = [by_id[i] for i in order if by_id[i].occurrence_id == occurrence]
            assert gone == mine[: len(gone)], "a beginning of the occurrence, in its order"
            assert all(r.due_at <= NOW for r in gone)
        if len(order) < len(rows):
            assert found.next_at is not None
            assert found.next_at > NOW


class TestRetry:
    def test_a_message_that_failed_is_the_same_again_whatever_came_since(self):
        rows = [row("a", severity=Severity.WARNING, batch="digest 900")]
        (first,) = dispatch(rows, [], NOW, SHIFT).messages
        failed = row("a", severity=Severity.WARNING, batch="digest 900", message_id=first.id)
        later = row("b", severity=Severity.WARNING, batch="digest 900")
        again, new = dispatch([later, failed], [], NOW + 1, SHIFT).messages
        assert (again.id, again.rows, again.body) == (first.id, first.rows, first.body)
        assert new.rows == ("b.1.0",)

    def test_it_is_never_folded_into_a_summary(self):
        rows = [row(f"o{n}", message_id=f"m-{n}") for n in range(8)] + [row("new")]
        found = dispatch(rows, [NOW - 50.0], NOW, SHIFT)
        assert [m.id for m in found.messages] == [f"m-{n}" for n in range(5)]
        assert found.next_at == NOW + 550.0

    def test_fresh_ones_share_what_is_left(self):
        rows = [row(f"o{n}", message_id=f"m-{n}") for n in range(5)] + [row("x"), row("y")]
        found = dispatch(rows, [], NOW, SHIFT)
        assert sent(found)[-1] == ("x.1.0", "y.1.0")
        assert len(found.messages) == 6

    @pytest.mark.parametrize(("attempt", "most"), [(0, 1.0), (1, 2.0), (8, 256.0), (9, 300.0), (10_000, 300.0)])
    def test_full_jitter_from_a_second_to_five_minutes(self, attempt, most):
        assert back_off(attempt, 0.0) == 0.0
        assert back_off(attempt, 0.5) == most / 2


def test_hostile_names_stay_on_their_line():
    hostile = Planned(
        id="1",
        receiver="shift",
        topic=Topic.RAISED,
        due_at=NOW,
        sensor_id="x\r\nBcc: all@example.com\x1b]52;",
        alarm_kind="limit",
    )
    (message,) = dispatch([hostile], [], NOW, SHIFT).messages
    assert "\n" not in message.title
    assert "\r" not in message.title + message.body
    assert "\x1b" not in message.title + message.body


def test_a_drill_says_so_and_a_flood_has_its_name():
    drill = row("a", simulated=True)
    assert dispatch([drill], [], NOW, SHIFT).messages[0].title == "DRILL CRITICAL temp-a limit"
    flood = [row(f"o{n}", batch="flood 1 1") for n in range(3)]
    assert dispatch(flood, [], NOW, SHIFT).messages[0].title == "ALARM FLOOD: 3 critical (3 events)"
    reminder = row("a", topic=Topic.ESCALATED, step=2)
    assert dispatch([reminder], [], NOW, SHIFT).messages[0].title == "ESCALATED (reminder 2) temp-a limit"
