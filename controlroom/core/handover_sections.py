"""A shift's report as titles, tables and sentences: what a terminal, a page and a screen show of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from controlroom.core.handover import Given, Handover, Silenced
from controlroom.core.instants import instant


class Section(NamedTuple):
    """A table under a title; `empty` is said where it has no rows."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str


def title_of(report: Handover) -> str:
    """The period of the shift."""
    return f"Shift from {instant(report.since)} to {instant(report.until)} UTC"


def summary_of(report: Handover) -> str:
    """The shift in one sentence."""
    standing = len(report.standing) + report.more_standing
    hidden = f", {report.by_design} suppressed by design" if report.by_design else ""
    return (
        f"{_count(report.rings, 'alarm')} rang. {_count(standing, 'alarm')} "
        f"{'stands' if standing == 1 else 'stand'}, {report.waiting} not acknowledged{hidden}."
    )


def signature_of(given: Given) -> str:
    """Who gave it, and who took over."""
    gave = f"Handover {given.number}, given by {given.who} at {instant(given.at)}"
    if given.signed is None:
        return f"{gave}; not signed yet"
    remark = f": {given.signed.remark}" if given.signed.remark else ""
    return f"{gave}, signed by {given.signed.who} at {instant(given.signed.at)}{remark}"


def sections_of(report: Handover) -> Iterable[Section]:
    """All that the report tells, what matters most first."""
    yield Section(
        "Notes", ("AT", "WHO", "NOTE"), [(instant(note.at), note.who, note.text) for note in report.notes], "no notes"
    )
    standing = [
        (
            alarm.state, alarm.priority, alarm.severity, alarm.sensor_id, alarm.kind, instant(alarm.since),
            f"acked by {alarm.acked_by}; {alarm.detail}" if alarm.acked_by else alarm.detail,
        )
        for alarm in report.standing
    ]  # fmt: skip
    if report.more_standing:
        standing.append(("", "", "", f"and {report.more_standing} more", "", "", "`controlroom alarms list` has all"))
    yield Section(
        "Alarms that stand", ("STATE", "PRIORITY", "SEVERITY", "SENSOR", "KIND", "SINCE", "DETAIL"), standing,
        "no alarm stands",
    )  # fmt: skip
    yield Section(
        "Shelved", ("UNTIL", "SENSOR", "KIND", "BY", "REASON"), _silenced(report.shelved), "nothing is shelved"
    )
    yield Section(
        "Out of service", ("SINCE", "SENSOR", "KIND", "BY", "REASON"), _silenced(report.out_of_service),
        "nothing is out of service",
    )  # fmt: skip
    yield Section(
        "Marked as false", ("AT", "SENSOR", "KIND", "BY", "REASON"),
        [(instant(act.at), act.sensor_id, act.kind, act.who, act.text) for act in report.false_alarms],
        "nothing was marked as false",
    )  # fmt: skip
    yield Section(
        "Operators' actions", ("WHO", "ACTIONS"), [(who, str(count)) for who, count in report.done], "no actions"
    )


def _silenced(kept: Iterable[Silenced]) -> list[tuple[str, ...]]:
    return [
        (
            instant(alarm.until if alarm.until is not None else alarm.since), alarm.sensor_id, alarm.kind, alarm.who,
            alarm.reason,
        )
        for alarm in kept
    ]  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
