"""The one way to change an alarm: ``step(alarm, event, definition)``, pure.

Two rules make a replay give the same transitions however its readings are cut into batches. Before an event of the
readings is looked at, every delay that ended by its time is let end; and what a delay brings about carries the time
at which the delay ended, not the time at which somebody looked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from controlroom.core.alarms import disturbance, events, ids
from controlroom.core.alarms.actions import act
from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.model import NO_DATA_KIND, AckState, Alarm, Condition, Detection, Quality, Severity
from controlroom.core.alarms.transitions import Draft, Outcome, TransitionKind

__all__ = ["NO_DATA_CAUSE", "step"]

NO_DATA_CAUSE = "no data"
"""The cause of suppression by design while the sensor is silent."""


def step(alarm: Alarm, event: events.AlarmEvent, definition: Definition) -> Outcome:
    """The alarm after ``event``, with the journal of what changed; an operator's action may be refused instead.

    The outcome's state is the same object if nothing changed. Never raises for events in any order.
    """
    if isinstance(event, events.OperatorAction):
        return act(alarm, event, definition)
    if isinstance(event, events.WallClock):
        draft = Draft(alarm, definition, "wall")
        _wall_clock(draft, event.at)
        return draft.outcome()
    draft = Draft(alarm, definition, "event")
    if isinstance(event, _OWN_TIME):
        _advance(draft, event.at)
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(draft, event)
    return draft.outcome()


_OWN_TIME = (events.Detected, events.Returned, events.TimePassed, events.QualityChanged)
"""The events that show how far the sensor's own time is. A silence is noticed by the time of others."""


def _advance(draft: Draft, at: float) -> None:
    """Let end what ended by ``at``, in order of time. Nothing ends while no data comes: frozen, never cleared."""
    while (due := draft.alarm.next_event_time) is not None and due <= at:
        if due != draft.alarm.deadline:
            draft.emit(TransitionKind.STANDING, due, standing=True, standing_at=None)
        elif draft.alarm.condition is Condition.PENDING:
            _activate(draft, due)
        else:
            _return(draft, due)


# Readings


def _detected(draft: Draft, event: events.Detected) -> None:
    anew = bool(event.holder) and event.holder not in draft.alarm.holders
    if anew:
        draft.change(holders=disturbance.holders_with(draft.alarm, event))
    alarm = draft.alarm
    detection = msgspec.convert(event, Detection, from_attributes=True)
    if alarm.condition is Condition.NORMAL:
        found = disturbance.seen(alarm, detection) if alarm.live else {"detection": detection, "also": ()}
        if draft.definition.on_delay_s > 0:
            draft.emit(
                TransitionKind.PENDING,
                event.at,
                text=event.message,
                condition=Condition.PENDING,
                deadline=event.at + draft.definition.on_delay_s,
                **found,
            )
        elif alarm.live:
            _recur(draft, event.at, detection)
        else:
            draft.change(**found)
            _activate(draft, event.at)
    elif alarm.condition is Condition.PENDING:
        draft.change(**disturbance.seen(alarm, detection))
    elif alarm.condition is Condition.CLEARING:
        _recur(draft, event.at, detection)
    elif disturbance.is_news(alarm, detection):
        _join(draft, detection)
    elif anew and event.finding and not event.disturbance:
        _recur(draft, event.at, detection)
    else:
        _severity(draft, detection)


def _join(draft: Draft, detection: Detection) -> None:
    """A further kind has found the disturbance: the occurrence names it from now on."""
    again = disturbance.rings_again(draft.alarm, detection)
    draft.emit(
        TransitionKind.JOINED,
        detection.at,
        text=f"{detection.finding}: {detection.message}",
        joined=detection.finding,
        **_worst(draft, detection) | again,
    )


def _activate(draft: Draft, at: float) -> None:
    """The condition has lasted long enough: a new occurrence, or one more excursion of the one that is still open."""
    alarm = draft.alarm
    detection = alarm.detection
    assert detection is not None
    if alarm.live:
        _recur(draft, at, detection)
        return
    newest = alarm.newest_activation
    ordinal = 0 if newest is None or at > newest else alarm.ordinal + 1
    draft.emit(
        TransitionKind.RAISED,
        at,
        text=detection.message,
        **_fresh_occurrence(draft.definition, detection.severity, at),
        occurrence_id=ids.occurrence_id(alarm.sensor_id, alarm.kind, at, ordinal),
        ordinal=ordinal,
        newest_activation=at if newest is None else max(at, newest),
        peak_version=alarm.version + 1,
        activations=_recent(draft, at),
        simulated=detection.simulated,
        fault_id=detection.fault_id,
        parent=alarm.parent if alarm.by_design else "",
    )
    _tell_chatter(draft, at)


def _fresh_occurrence(definition: Definition, severity: Severity, at: float) -> dict[str, Any]:
    """What every new occurrence begins with: nothing of the last one is left."""
    return {
        "condition": Condition.ACTIVE,
        "ack": AckState.UNACK,
        "latched": False,
        "raised_at": at,
        "returned_at": None,
        "closed_at": None,
        "severity": severity,
        "peak": severity,
        "priority": definition.priority(severity),
        "recurrences": 0,
        "announced": None,
        "ring_due": False,
        "acked_by": "",
        "acked_at": None,
        "realarm_at": None,
        "chatter": False,
        "standing": False,
        "standing_at": at + definition.stale_s,
        "marked_false": False,
        "deadline": None,
    }


def _recur(draft: Draft, at: float, detection: Detection) -> None:
    """Fires again within its occurrence: while clearing, or back to normal and not closed yet."""
    alarm = draft.alarm
    returned = not alarm.active
    # Held by the latch, or by another kind's view of it, alone: the operator thought it over.
    answered = (returned or alarm.condition is Condition.ACTIVE) and alarm.ack is AckState.ACKED
    changes: dict[str, Any] = {
        "condition": Condition.ACTIVE,
        "deadline": None,
        "latched": False,
        "returned_at": None,
        "recurrences": alarm.recurrences + 1,
        "activations": _recent(draft, at),
        "newest_activation": at if alarm.newest_activation is None else max(at, alarm.newest_activation),
    }
    if returned and not alarm.standing:
        changes["standing_at"] = at + draft.definition.stale_s
    if answered:
        changes |= {"ack": AckState.UNACK, "realarm_at": None}
    if answered or (returned and draft.definition.recurrence_rings):
        changes["ring_due"] = True
    changes |= _worst(draft, detection) | disturbance.rings_again(alarm, detection)
    joined = detection.finding if disturbance.is_news(alarm, detection) else ""
    draft.emit(TransitionKind.RECURRED, at, text=detection.message, joined=joined, **changes)
    _tell_chatter(draft, at)


def _severity(draft: Draft, detection: Detection) -> None:
    severity = draft.alarm.severity
    assert severity is not None
    if detection.severity is severity:
        return
    rose = detection.severity.rank > severity.rank
    draft.emit(
        TransitionKind.SEVERITY_ROSE if rose else TransitionKind.SEVERITY_FELL,
        detection.at,
        text=detection.message,
        **_worst(draft, detection),
    )


def _worst(draft: Draft, detection: Detection) -> dict[str, Any]:
    """The changes that a further detection brings to an occurrence: a new peak takes its ack away.

    A drill whose peak a real reading exceeds is a drill no more. What only lingers after an injected fault (detectors
    fall back in steps, on readings that are sound again) does not make the drill look real.
    """
    alarm = draft.alarm
    changes: dict[str, Any] = {
        "severity": detection.severity,
        **disturbance.seen(alarm, detection),
        "fault_id": alarm.fault_id or detection.fault_id,
    }
    if alarm.peak is None or detection.severity.rank > alarm.peak.rank:
        changes |= {
            "peak": detection.severity,
            "peak_version": alarm.version + 1,
            "priority": draft.definition.priority(detection.severity),
            "ack": AckState.UNACK,
            "realarm_at": None,
            "simulated": alarm.simulated and detection.simulated,
        }
    return changes


def _recent(draft: Draft, at: float) -> tuple[float, ...]:
    """The activations that chatter is told from, with the one at ``at``: bounded by the definition's count."""
    window = draft.definition.chatter_window_s
    kept = [t for t in draft.alarm.activations if at - t <= window]
    return (*kept, at)[-draft.definition.chatter_count :]


def _tell_chatter(draft: Draft, at: float) -> None:
    if not draft.alarm.chatter and len(draft.alarm.activations) >= draft.definition.chatter_count:
        draft.emit(
            TransitionKind.CHATTER,
            at,
            text=f"{draft.definition.chatter_count} activations within {draft.definition.chatter_window_s:g} s: "
            "shelving suggested",
            chatter=True,
        )


def _returned(draft: Draft, event: events.Returned) -> None:
    if event.holder in draft.alarm.holders:
        draft.change(holders=tuple(h for h in draft.alarm.holders if h != event.holder))
    if event.holder and draft.alarm.holders:
        return
    alarm = draft.alarm
    if alarm.condition is Condition.PENDING:
        draft.emit(TransitionKind.PENDING_ENDED, event.at, condition=Condition.NORMAL, deadline=None)
    elif alarm.condition is Condition.ACTIVE:
        draft.emit(
            TransitionKind.CLEARING,
            event.at,
            condition=Condition.CLEARING,
            returned_at=event.at,
            deadline=event.at + draft.definition.off_delay_s,
        )
        _advance(draft, event.at)


def _return(draft: Draft, at: float) -> None:
    """The off-delay is over."""
    draft.emit(
        TransitionKind.RETURNED,
        at,
        condition=Condition.NORMAL,
        deadline=None,
        standing_at=None,
        latched=draft.definition.latching,
    )
    shelf = draft.alarm.shelf
    if shelf is not None and shelf.one_shot:
        draft.emit(TransitionKind.UNSHELVED, at, text="one-shot: the alarm returned", shelf=None)
    draft.close_if_done(at)


# Quality and suppression by design


def _no_data(draft: Draft, event: events.NoData) -> None:
    if draft.alarm.kind == NO_DATA_KIND or draft.alarm.quality is Quality.STALE:
        return
    draft.change(quality=Quality.STALE)
    _suppress(draft, event.at, NO_DATA_CAUSE)


def _data_back(draft: Draft, event: events.DataBack) -> None:
    alarm = draft.alarm
    if alarm.quality is not Quality.STALE:
        return
    delays = {Condition.PENDING: draft.definition.on_delay_s, Condition.CLEARING: draft.definition.off_delay_s}
    delay = delays.get(alarm.condition)
    draft.change(quality=Quality.GOOD, deadline=None if delay is None else event.at + delay)
    _unsuppress(draft, event.at, NO_DATA_CAUSE)
    _advance(draft, event.at)


def _quality(draft: Draft, event: events.QualityChanged) -> None:
    if Quality.STALE not in (draft.alarm.quality, event.quality) and draft.alarm.quality is not event.quality:
        draft.emit(TransitionKind.QUALITY, event.at, text=event.quality.value, quality=event.quality)


def _suppress_by_design(draft: Draft, event: events.SuppressByDesign) -> None:
    _suppress(draft, event.at, event.cause, parent=event.parent or draft.alarm.parent)


def _suppress(draft: Draft, at: float, cause: str, **changes: Any) -> None:  # noqa: ANN401  # the fields of Alarm
    if cause not in draft.alarm.by_design:
        causes = tuple(sorted((*draft.alarm.by_design, cause)))
        draft.emit(TransitionKind.SUPPRESSED, at, text=cause, by_design=causes, **changes)


def _unsuppress_by_design(draft: Draft, event: events.UnsuppressByDesign) -> None:
    _unsuppress(draft, event.at, event.cause)


def _unsuppress(draft: Draft, at: float, cause: str) -> None:
    if cause in draft.alarm.by_design:
        causes = tuple(c for c in draft.alarm.by_design if c != cause)
        draft.emit(TransitionKind.UNSUPPRESSED, at, text=cause, by_design=causes)


_HANDLERS: dict[type, Callable[[Draft, Any], None]] = {
    events.Detected: _detected,
    events.Returned: _returned,
    events.NoData: _no_data,
    events.DataBack: _data_back,
    events.QualityChanged: _quality,
    events.SuppressByDesign: _suppress_by_design,
    events.UnsuppressByDesign: _unsuppress_by_design,
}


# Wall-clock timers


def _wall_clock(draft: Draft, at: float) -> None:
    shelf = draft.alarm.shelf
    if shelf is not None and not shelf.warned and shelf.warn_at <= at:
        shelf = msgspec.structs.replace(shelf, warned=True)
        draft.emit(TransitionKind.SHELVE_EXPIRING, at, text=f"shelved by {shelf.who}: {shelf.reason}", shelf=shelf)
    if shelf is not None and shelf.until <= at:
        realarm = draft.alarm.realarm_at
        if realarm is not None:
            realarm = at + draft.definition.re_alarm_s
        draft.emit(TransitionKind.UNSHELVED, at, text="expired", shelf=None, realarm_at=realarm)
    if draft.alarm.realarm_due(at):
        draft.emit(TransitionKind.REALARMED, at, ring_due=True, ack=AckState.UNACK, realarm_at=None)
