"""Shift handover: what one shift tells the next, put together from the alarms, the audit and the notes of the shift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from controlroom.core.alarms.disturbance import kinds_text
from controlroom.core.alarms.model import AckState, Alarm, Label, Priority

#: A longer note is refused.
LONGEST_NOTE = 4000
#: Of a plant in a flood the report names so many alarms, and counts the rest.
MOST_LISTED = 200
_URGENCY = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}


class Note(msgspec.Struct, frozen=True):
    """What an operator wrote in the shift's log; `at` in seconds since the epoch, as all times here."""

    at: float
    who: str
    text: str


class Standing(msgspec.Struct, frozen=True):
    """An alarm that stands: the next shift has it on its list."""

    sensor_id: str
    kind: str
    state: str
    priority: str
    severity: str
    since: float | None
    detail: str = ""
    acked_by: str = ""


class Silenced(msgspec.Struct, frozen=True):
    """An alarm that an operator took off the list; `until` None: out of service, which has no expiry."""

    sensor_id: str
    kind: str
    who: str
    reason: str
    since: float
    until: float | None = None


class Action(msgspec.Struct, frozen=True):
    """What an operator did, or was refused: one line of the audit."""

    at: float
    who: str
    whence: str
    #: `Ack`, `Shelve`, `MarkFalse`, ..., or an order to the detectors: `FREEZE`, ...
    action: str
    sensor_id: str
    kind: str
    #: what was said with it: a reason, a comment
    text: str = ""
    #: why it was not done; empty when it was
    refusal: str = ""


class Handover(msgspec.Struct, frozen=True):
    """The report of a shift from `since` to `until`.

    Attributes:
        rings: alarms that rang in the shift, drills left out.
        waiting: of those that stand now, how many nobody has acknowledged.
        more_standing: how many stand beyond those that are listed.
        by_design: how many alarms are suppressed by design, their cause being on the list.
        false_alarms: what was marked as false in the shift.
        done: how many actions each operator did in the shift, the most first.
    """

    since: float
    until: float
    rings: int
    waiting: int
    by_design: int
    notes: tuple[Note, ...] = ()
    standing: tuple[Standing, ...] = ()
    more_standing: int = 0
    shelved: tuple[Silenced, ...] = ()
    out_of_service: tuple[Silenced, ...] = ()
    false_alarms: tuple[Action, ...] = ()
    done: tuple[tuple[str, int], ...] = ()


class Signed(msgspec.Struct, frozen=True):
    """Who took over, when, and what they remarked."""

    at: float
    who: str
    remark: str = ""


class Given(msgspec.Struct, frozen=True):
    """A handover that was given: its number, by whom, its report, and the signature of the next shift, if any."""

    number: int
    at: float
    who: str
    report: Handover
    signed: Signed | None = None


def handover(
    since: float,
    until: float,
    *,
    alarms: Iterable[Alarm],
    by_design: int,
    rings: int,
    notes: Sequence[Note],
    actions: Sequence[Action],
) -> Handover:
    """The report of a shift.

    Args:
        since: when the shift began, seconds since the epoch; `until` when it ends.
        until: likewise.
        alarms: those that stand, but for those that are suppressed by design.
        by_design: how many of these there are.
        rings: how many alarms rang in the shift.
        notes: of the shift, in order of time.
        actions: likewise.
    """
    listed, shelved, out_of_service = [], [], []
    for alarm in alarms:
        mark = alarm.out_of_service
        if mark is not None:
            out_of_service.append(Silenced(alarm.sensor_id, kinds_text(alarm.kinds), mark.who, mark.reason, mark.since))
        elif alarm.shelf is not None:
            shelf = alarm.shelf
            shelved.append(
                Silenced(alarm.sensor_id, kinds_text(alarm.kinds), shelf.who, shelf.reason, shelf.since, shelf.until)
            )
        elif alarm.label not in (Label.NORMAL, Label.BY_DESIGN):
            listed.append(alarm)
    listed.sort(key=_most_urgent_first)
    done = Counter(action.who for action in actions if not action.refusal)
    return Handover(
        since=since,
        until=until,
        rings=rings,
        waiting=sum(alarm.ack is AckState.UNACK for alarm in listed),
        by_design=by_design,
        notes=tuple(notes),
        standing=tuple(_standing(alarm) for alarm in listed[:MOST_LISTED]),
        more_standing=max(0, len(listed) - MOST_LISTED),
        shelved=tuple(sorted(shelved, key=lambda kept: (kept.until or 0.0, kept.sensor_id))),
        out_of_service=tuple(sorted(out_of_service, key=lambda kept: (kept.since, kept.sensor_id))),
        false_alarms=tuple(act for act in actions if act.action == "MarkFalse" and not act.refusal),
        done=tuple(sorted(done.items(), key=lambda item: (-item[1], item[0]))),
    )


def _most_urgent_first(alarm: Alarm) -> tuple[bool, int, float, str, str]:
    acked = alarm.ack is AckState.ACKED
    urgency = _URGENCY[alarm.priority] if alarm.priority is not None else len(_URGENCY)
    return acked, urgency, alarm.raised_at or 0.0, alarm.sensor_id, alarm.kind


def _standing(alarm: Alarm) -> Standing:
    return Standing(
        alarm.sensor_id,
        kinds_text(alarm.kinds),
        str(alarm.label),
        str(alarm.priority or ""),
        str(alarm.severity or ""),
        alarm.raised_at,
        alarm.detection.message if alarm.detection is not None else "",
        alarm.acked_by if alarm.ack is AckState.ACKED else "",
    )


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Handover)


def encode_handover(report: Handover) -> bytes:
    """The report as a JSON document."""
    return _ENCODER.encode(report)


def decode_handover(document: str | bytes) -> Handover:
    """The report of a JSON document; raises ``msgspec.ValidationError`` when it is none."""
    return _DECODER.decode(document)
