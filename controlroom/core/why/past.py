"""Earlier occurrences of an alarm, from its journal, and which of them are most like this one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from controlroom.core.alarms.transitions import TransitionKind
from controlroom.core.why.model import Occurrence, Past
from controlroom.wire import AlarmEvent

#: events that tell what became of an occurrence
TELLING = tuple(
    str(kind)
    for kind in (
        TransitionKind.RAISED,
        TransitionKind.RECURRED,
        TransitionKind.SEVERITY_ROSE,
        TransitionKind.CLEARING,
        TransitionKind.RETURNED,
        TransitionKind.CLOSED,
        TransitionKind.ACKED,
        TransitionKind.COMMENTED,
        TransitionKind.MARKED_FALSE,
    )
)
#: occurrences that are shown as similar
MOST_SIMILAR = 5
_RANK = {"warning": 1, "critical": 2}
#: how unlike two are that differ in size by this factor or more, in the unit of the others
_MOST_UNLIKE = 2.0
_OTHER_SIDE, _OTHER_DETECTOR, _OTHER_SEVERITY = 3.0, 1.0, 0.5


def occurrences(events: Iterable[AlarmEvent]) -> list[Occurrence]:
    """The occurrences of one alarm, oldest first, from its events in any order.

    One whose begin is not among the events is left out.
    """
    found: dict[str, Occurrence] = {}
    for event in sorted(events, key=lambda event: event.version):
        key = event.occurrence_id
        if event.event == TransitionKind.RAISED:
            found[key] = _begun(event)
        elif key in found:
            found[key] = _after(found[key], event)
    return list(found.values())


def past_of(this: Occurrence | None, known: Sequence[Occurrence], *, cut: bool = False) -> Past:
    """What the occurrences that are `known`, this one among them, say of it."""
    others = [one for one in known if this is None or one.occurrence_id != this.occurrence_id]
    ranked = sorted(others, key=lambda one: (unlike(this, one) if this is not None else 0.0, -one.began))
    return Past(
        similar=tuple(ranked[:MOST_SIMILAR]),
        count=len(others),
        marked_false=sum(bool(one.false_by) for one in known),
        since=min((one.began for one in known), default=None),
        cut=cut,
    )


def unlike(one: Occurrence, other: Occurrence) -> float:
    """How unlike two occurrences of an alarm are: 0.0 for the same way, detector, severity and size.

    >>> low = Occurrence("a", 0.0, value=1.0, expected=5.0, score=-4.0, detector="step", severity="warning")
    >>> high = replace(low, value=9.0, score=4.0)
    >>> unlike(low, low), unlike(low, high), round(unlike(low, replace(low, score=-8.0)), 2)
    (0.0, 3.0, 0.69)
    """
    far = _OTHER_SIDE * (one.side != other.side)
    far += _OTHER_DETECTOR * (one.detector != other.detector) + _OTHER_SEVERITY * (one.severity != other.severity)
    a, b = abs(one.score or 0.0), abs(other.score or 0.0)
    if a > 0.0 and b > 0.0:
        return far + min(_MOST_UNLIKE, abs(math.log(a / b)))
    return far + (_MOST_UNLIKE if a != b else 0.0)


def with_peak(one: Occurrence, low: float | None, high: float | None) -> Occurrence:
    """The occurrence with the value that was farthest out, of the lowest and the highest while it stood."""
    if low is None or high is None:
        return replace(one, peak=one.value)
    if one.side:
        return replace(one, peak=high if one.side > 0 else low)
    return replace(one, peak=max((low, high), key=abs))


def _begun(event: AlarmEvent) -> Occurrence:
    return Occurrence(
        event.occurrence_id,
        event.timestamp.timestamp(),
        severity=event.severity,
        value=event.value,
        expected=event.expected,
        limit=event.limit,
        score=event.score,
        detector=event.detector,
        message=event.message,
        simulated=event.simulated,
    )


def _after(one: Occurrence, event: AlarmEvent) -> Occurrence:
    at = event.timestamp.timestamp()
    match event.event:
        case TransitionKind.RECURRED:
            return replace(_worse(one, event), ended=None)
        case TransitionKind.SEVERITY_ROSE:
            return _worse(one, event)
        case TransitionKind.CLEARING | TransitionKind.RETURNED | TransitionKind.CLOSED:
            # Its off-delay is no part of it.
            return replace(one, ended=at if one.ended is None else one.ended)
        case TransitionKind.ACKED:
            return replace(one, acked_by=event.actor, words=_words(one, event))
        case TransitionKind.COMMENTED:
            return replace(one, words=_words(one, event))
        case TransitionKind.MARKED_FALSE:
            words = _words(one, event)
            reason = event.message.strip() if len(words) > len(one.words) else ""
            return replace(one, false_by=event.actor or "?", false_reason=reason, words=words)
    return one


def _worse(one: Occurrence, event: AlarmEvent) -> Occurrence:
    """It has come again, or become worse: the worst that was seen is kept."""
    if _RANK.get(event.severity, 0) <= _RANK.get(one.severity, 0):
        return one
    return replace(
        one, severity=event.severity, value=event.value, limit=event.limit, score=event.score, message=event.message
    )


def _words(one: Occurrence, event: AlarmEvent) -> tuple[str, ...]:
    """What the operator said; an event without words of its own repeats what the detector said."""
    said = event.message.strip()
    if not said or (event.event != TransitionKind.COMMENTED and said == one.message):
        return one.words
    return (*one.words, f"{event.actor}: {said}" if event.actor else said)
