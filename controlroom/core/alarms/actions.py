"""The operators' half of the lifecycle: each action is done, or refused with the reason in one line."""

from __future__ import annotations

from controlroom.core.alarms import events
from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.model import AckState, Alarm, OutOfServiceMark, Shelf
from controlroom.core.alarms.transitions import (
    Draft,
    Outcome,
    Refusal,
    RefusalReason,
    TransitionKind,
    clock_text,
)

__all__ = ["act"]


class _Refused(Exception):
    """Leaves an action; never leaves this module."""

    def __init__(self, reason: RefusalReason, message: str, *, by: str = "", at: float | None = None) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason=reason, message=message, by=by, at=at)


def act(alarm: Alarm, action: events.OperatorAction, definition: Definition) -> Outcome:
    """The alarm after an operator's action; refused, it is unchanged and the outcome says why."""
    draft = Draft(alarm, definition, "wall", who=action.who, whence=action.whence)
    try:
        if not action.who.strip():
            raise _Refused(RefusalReason.AUTHOR_MISSING, "an action needs an author")
        _dispatch(draft, action)
    except _Refused as refused:
        return Outcome(alarm, (), refused.refusal)
    return draft.outcome()


def _dispatch(draft: Draft, action: events.OperatorAction) -> None:
    match action:
        case events.Ack():
            _ack(draft, action)
        case events.Shelve():
            _shelve(draft, action)
        case events.Unshelve():
            _unshelve(draft, action)
        case events.OutOfService():
            _out_of_service(draft, action)
        case events.ReturnToService():
            _return_to_service(draft, action)
        case events.ResetLatch():
            _reset_latch(draft, action)
        case events.Comment():
            draft.emit(TransitionKind.COMMENTED, action.at, text=_stated(action.text, "a comment needs a text"))
        case events.MarkFalse():
            _mark_false(draft, action)


def _stated(text: str, complaint: str) -> str:
    if not text.strip():
        raise _Refused(RefusalReason.REASON_MISSING, complaint)
    return text.strip()


def _seen(alarm: Alarm, occurrence_id: str) -> None:
    """Refuse an action on an occurrence that is not the one that stands."""
    if alarm.occurrence_id != occurrence_id:
        raise _Refused(RefusalReason.OTHER_OCCURRENCE, "this occurrence is over: another one stands since")
    if not alarm.live:
        by, at = alarm.acked_by, alarm.acked_at
        told = f", acked by {by} at {clock_text(at)}" if by and at is not None else ""
        raise _Refused(RefusalReason.CLOSED, f"this occurrence is closed already{told}", by=by, at=at)


def _ack(draft: Draft, action: events.Ack) -> None:
    alarm = draft.alarm
    _seen(alarm, action.occurrence_id)
    if alarm.ack is AckState.ACKED:
        by, at = alarm.acked_by, alarm.acked_at
        assert at is not None
        raise _Refused(RefusalReason.ALREADY_ACKED, f"already acked by {by} at {clock_text(at)}", by=by, at=at)
    if action.version > alarm.version:
        raise _Refused(RefusalReason.UNKNOWN_VERSION, f"version {action.version} of this alarm does not exist yet")
    if action.version < alarm.peak_version:
        severity = alarm.peak.value if alarm.peak is not None else "higher"
        worse = f"{alarm.kinds[0]} was found, too," if alarm.also else f"severity rose to {severity}"
        raise _Refused(RefusalReason.SEVERITY_ROSE, f"not acked: {worse} since the screen was drawn; look again")
    period = draft.definition.re_alarm_s
    draft.emit(
        TransitionKind.ACKED,
        action.at,
        text=action.comment,
        ack=AckState.ACKED,
        acked_by=action.who,
        acked_at=action.at,
        ring_due=False,
        realarm_at=action.at + period if period > 0 else None,
    )
    draft.close_if_done(action.at)


def _shelve(draft: Draft, action: events.Shelve) -> None:
    reason = _stated(action.reason, "a shelve needs a reason")
    duration = action.until - action.at
    limit = draft.definition.max_shelve_s
    if duration <= 0:
        raise _Refused(RefusalReason.EXPIRY_PAST, "a shelve needs an expiry in the future")
    if duration > limit:
        raise _Refused(RefusalReason.SHELVE_TOO_LONG, f"shelved for at most {limit / 3600:g} h: take it out of service")
    warning = min(draft.definition.shelve_warning_s, duration / 2)
    shelf = Shelf(
        who=action.who,
        reason=reason,
        since=action.at,
        until=action.until,
        warn_at=action.until - warning,
        one_shot=action.one_shot,
    )
    draft.emit(TransitionKind.SHELVED, action.at, text=reason, shelf=shelf)


def _unshelve(draft: Draft, action: events.Unshelve) -> None:
    if draft.alarm.shelf is None:
        raise _Refused(RefusalReason.NOT_SHELVED, "this alarm is not shelved")
    draft.emit(
        TransitionKind.UNSHELVED, action.at, text=action.reason, shelf=None, realarm_at=_restarted(draft, action.at)
    )


def _out_of_service(draft: Draft, action: events.OutOfService) -> None:
    mark = draft.alarm.out_of_service
    if mark is not None:
        raise _Refused(
            RefusalReason.ALREADY_OUT_OF_SERVICE,
            f"taken out of service by {mark.who} at {clock_text(mark.since)}: {mark.reason}",
            by=mark.who,
            at=mark.since,
        )
    reason = _stated(action.reason, "taking an alarm out of service needs a reason")
    mark = OutOfServiceMark(who=action.who, reason=reason, since=action.at)
    draft.emit(TransitionKind.OUT_OF_SERVICE, action.at, text=reason, out_of_service=mark)


def _return_to_service(draft: Draft, action: events.ReturnToService) -> None:
    if draft.alarm.out_of_service is None:
        raise _Refused(RefusalReason.NOT_OUT_OF_SERVICE, "this alarm is in service")
    draft.emit(
        TransitionKind.RETURNED_TO_SERVICE,
        action.at,
        text=action.reason,
        out_of_service=None,
        realarm_at=_restarted(draft, action.at),
    )


def _restarted(draft: Draft, at: float) -> float | None:
    """The re-alarm time starts over when suppression ends, so that the ack stays as it was."""
    return None if draft.alarm.realarm_at is None else at + draft.definition.re_alarm_s


def _reset_latch(draft: Draft, action: events.ResetLatch) -> None:
    if not draft.alarm.latched:
        state = "the condition still stands" if draft.alarm.active else "no latch holds this alarm"
        raise _Refused(RefusalReason.NOT_LATCHED, f"nothing to reset: {state}")
    draft.emit(TransitionKind.LATCH_RESET, action.at, latched=False)
    draft.close_if_done(action.at)


def _mark_false(draft: Draft, action: events.MarkFalse) -> None:
    if not draft.alarm.occurrence_id or draft.alarm.occurrence_id != action.occurrence_id:
        raise _Refused(RefusalReason.NOTHING_TO_MARK, "this occurrence is not the alarm's latest one")
    draft.emit(TransitionKind.MARKED_FALSE, action.at, text=action.reason, marked_false=True)
