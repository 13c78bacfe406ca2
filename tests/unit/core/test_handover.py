"""What the report of a shift takes from the alarms, and in what order it lists them."""

from __future__ import annotations

from controlroom.core.alarms.model import AckState, Alarm, Condition, OutOfServiceMark, Priority, Severity, Shelf
from controlroom.core.handover import MOST_LISTED, Action, decode_handover, encode_handover, handover
from controlroom.core.handover_sections import sections_of, summary_of


def alarm(
    sensor_id: str, *, ack: AckState = AckState.UNACK, priority: Priority = Priority.LOW, **given: object
) -> Alarm:
    return Alarm(
        sensor_id=sensor_id, kind="limit", condition=Condition.ACTIVE, ack=ack, priority=priority,
        severity=Severity.WARNING, raised_at=100.0, **given,
    )  # fmt: skip


def report(*alarms: Alarm, actions: tuple[Action, ...] = ()):
    return handover(0.0, 1000.0, alarms=alarms, by_design=2, rings=7, notes=(), actions=actions)


def test_what_nobody_has_acknowledged_comes_first_and_the_most_urgent_of_it():
    made = report(
        alarm("acked", ack=AckState.ACKED, priority=Priority.HIGH, acked_by="jo"),
        alarm("low"),
        alarm("high", priority=Priority.HIGH),
    )
    assert [(each.sensor_id, each.acked_by) for each in made.standing] == [("high", ""), ("low", ""), ("acked", "jo")]
    assert (made.waiting, made.more_standing) == (2, 0)
    assert summary_of(made) == "7 alarms rang. 3 alarms stand, 2 not acknowledged, 2 suppressed by design."


def test_what_an_operator_took_off_the_list_is_told_apart():
    late = Shelf(who="jo", reason="noisy", since=1.0, until=900.0, warn_at=800.0)
    soon = Shelf(who="mira", reason="works", since=2.0, until=300.0, warn_at=200.0)
    mark = OutOfServiceMark(who="jo", reason="valve out", since=3.0)
    made = report(alarm("b", shelf=late), alarm("a", shelf=soon), alarm("c", out_of_service=mark, shelf=soon))
    assert [(each.sensor_id, each.until) for each in made.shelved] == [("a", 300.0), ("b", 900.0)]
    assert [(each.sensor_id, each.reason, each.until) for each in made.out_of_service] == [("c", "valve out", None)]
    assert (made.standing, made.waiting) == ((), 0)


def test_a_flood_is_counted_beyond_what_is_listed():
    made = report(*(alarm(f"s-{place:04d}") for place in range(MOST_LISTED + 50)))
    assert (len(made.standing), made.more_standing, made.waiting) == (MOST_LISTED, 50, MOST_LISTED + 50)
    standing = next(section for section in sections_of(made) if section.title == "Alarms that stand")
    assert "and 50 more" in standing.rows[-1]
    assert decode_handover(encode_handover(made)) == made


def test_what_was_refused_was_not_done():
    def act(who: str, action: str, refusal: str = "") -> Action:
        return Action(5.0, who, "desk", action, "s", "limit", "steam", refusal)

    made = report(
        actions=(act("jo", "MarkFalse"), act("jo", "Ack"), act("mira", "MarkFalse", "no such"), act("al", "Ack"))
    )
    assert made.done == (("jo", 2), ("al", 1))
    assert [each.who for each in made.false_alarms] == ["jo"]
