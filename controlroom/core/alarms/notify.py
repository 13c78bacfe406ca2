"""What is to be sent when, planned in the transaction that changes the alarm: rows for the outbox, and which to drop.

Times are wall-clock time. Every row's id follows from the alarm's version, the receiver and the step, so that planning
twice plans the same. A row belongs to an occurrence: its ack or close drops the escalation that is still to come.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from controlroom.core.alarms import ids
from controlroom.core.alarms.events import Detected
from controlroom.core.alarms.model import DELIVERY_KIND, AckState, Label, Severity
from controlroom.core.alarms.policy import FloodPolicy, Policy, Receiver
from controlroom.core.alarms.transitions import Transition, TransitionKind

__all__ = [
    "DELIVERY_KIND",
    "Cancel",
    "Flood",
    "Plan",
    "Planned",
    "Topic",
    "concerns",
    "delivery_failed",
    "flood_ended",
    "follow_flood",
    "follow_up",
    "plan",
]


class Topic(StrEnum):
    """What a notification tells."""

    RAISED = "raised"
    ESCALATED = "escalated"
    ACKED = "acked"
    CLOSED = "closed"
    FLOOD_ENDED = "flood-ended"


class Planned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the outbox: one alarm's change for one receiver.

    ``due_at`` is the earliest moment to send it (the store moves it when an attempt fails). Rows of one ``batch`` go
    out as one message; ``message_id`` is set by the store at the first attempt, so that a retry is the same message.
    """

    id: str
    receiver: str
    topic: Topic
    due_at: float
    occurrence_id: str = ""
    sensor_id: str = ""
    alarm_kind: str = ""
    version: int = 0
    severity: Severity = Severity.WARNING
    step: int = 0
    """0 is the annunciation; 1 and up its escalation."""
    batch: str = ""
    at: float = 0.0
    """When it happened, by the clock of the transition."""
    who: str = ""
    text: str = ""
    simulated: bool = False
    fault_id: str = ""
    message_id: str = ""
    if_told: bool = False
    """Only if the receiver was told of the occurrence before: it is one that escalations alone go to."""


class Cancel(msgspec.Struct, frozen=True):
    """Drop the unsent rows of an occurrence that have one of these topics (``batched_only``: those in a batch)."""

    occurrence_id: str
    topics: tuple[Topic, ...]
    batched_only: bool = False

    def covers(self, row: Planned) -> bool:
        """Whether it drops this row."""
        return (
            row.occurrence_id == self.occurrence_id
            and row.topic in self.topics
            and (bool(row.batch) or not self.batched_only)
        )


class Plan(msgspec.Struct, frozen=True):
    """Do the cancellations first, then insert the rows."""

    cancels: tuple[Cancel, ...] = ()
    rows: tuple[Planned, ...] = ()


class Flood(msgspec.Struct, frozen=True):
    """Whether annunciations flood the operator; kept by the store, one for the plant."""

    recent: tuple[float, ...] = ()
    """The latest annunciations (wall-clock time), no more than telling a flood needs."""
    since: float | None = None


_FLOOD = "flood"
"""How the name of a flood's batch begins."""

_ENDS_ESCALATION = frozenset(
    {
        TransitionKind.ACKED,
        TransitionKind.CLOSED,
        TransitionKind.SHELVED,
        TransitionKind.OUT_OF_SERVICE,
        TransitionKind.SUPPRESSED,
    }
)
_ENDS_SUPPRESSION = frozenset(
    {TransitionKind.UNSHELVED, TransitionKind.RETURNED_TO_SERVICE, TransitionKind.UNSUPPRESSED}
)

#: labels of an alarm that stands, with nothing that suppresses it
_STANDS_FOR_ALL = frozenset({Label.UNACK, Label.ACKED})


def concerns(transition: Transition) -> bool:
    """Whether ``plan`` could make anything of the transition, whatever the policy."""
    return (
        transition.notify
        or bool(transition.joined)
        or transition.kind in _ENDS_ESCALATION
        or transition.kind in _ENDS_SUPPRESSION
    )


def follow_flood(flood: Flood, now: float, policy: FloodPolicy, *, annunciations: int = 0) -> Flood:
    """The flood after so many annunciations at wall-clock time ``now``; call it with none to let it end."""
    since = flood.since
    if since is not None and _within(flood.recent, now, policy) < policy.ends_below:
        since = None
    recent = (*flood.recent, *([now] * annunciations))[-(policy.starts_above + 1) :]
    if since is None and annunciations and _within(recent, now, policy) > policy.starts_above:
        since = now
    return Flood(recent, since)


def _within(recent: tuple[float, ...], now: float, policy: FloodPolicy) -> int:
    return sum(now - t < policy.window_s for t in recent)


def plan(transition: Transition, now: float, policy: Policy, flood: Flood | None = None) -> Plan:
    """What a transition has sent, and what it makes needless; ``flood`` is the state that includes the transition."""
    cancels: list[Cancel] = []
    if transition.kind in _ENDS_ESCALATION:
        cancels.append(Cancel(transition.occurrence_id, (Topic.ESCALATED,)))
    rows: list[Planned] = []
    if transition.annunciated:
        cancels.append(Cancel(transition.occurrence_id, (Topic.ESCALATED,)))
        if _severity(transition) is Severity.CRITICAL:  # what it says supersedes the digest that would come later
            cancels.append(Cancel(transition.occurrence_id, (Topic.RAISED,), batched_only=True))
        for receiver in _receivers(transition, policy):
            if receiver.raises:
                rows.append(_row(transition, receiver, Topic.RAISED, now, flood=flood, policy=policy))
            rows.extend(_first_escalation(transition, receiver, now, policy, flood))
    elif transition.notify:
        topic = Topic.ACKED if transition.kind is TransitionKind.ACKED else Topic.CLOSED
        rows.extend(
            _row(transition, receiver, topic, now, flood=None, policy=policy)
            for receiver in _receivers(transition, policy)
        )
    elif transition.joined and transition.announced is not None and transition.label in _STANDS_FOR_ALL:
        # It does not ring again; who wants alarms of this kind, and not of those it had, has not heard of it yet.
        before = [kind for kind in transition.kinds if kind != transition.joined]
        rows.extend(
            _row(transition, receiver, Topic.RAISED, now, flood=flood, policy=policy)
            for receiver in _receivers(transition, policy)
            if receiver.raises and not any(receiver.wants_kind(kind) for kind in before)
        )
    elif transition.kind in _ENDS_SUPPRESSION and _stands_unanswered(transition):
        for receiver in _receivers(transition, policy):
            rows.extend(_first_escalation(transition, receiver, now, policy, flood))
    return Plan(tuple(cancels), tuple(rows))


def _stands_unanswered(transition: Transition) -> bool:
    """Whether what suppression had silenced escalates again: it was annunciated, and nobody has acked it yet."""
    return (
        transition.ack is AckState.UNACK
        and transition.announced is Severity.CRITICAL
        and transition.label not in (Label.OUT_OF_SERVICE, Label.BY_DESIGN, Label.SHELVED)
    )


def follow_up(sent: Planned, now: float, policy: Policy) -> Planned | None:
    """The next escalation of a row that was just taken for sending; None if it does not escalate.

    Insert it in the transaction that marks ``sent``, only if the occurrence still is UNACK and unsuppressed.
    """
    if sent.topic is not Topic.ESCALATED or not policy.escalation:
        return None
    return _escalation(sent, sent.step + 1, now, policy)


def _first_escalation(
    transition: Transition, receiver: Receiver, now: float, policy: Policy, flood: Flood | None
) -> tuple[Planned, ...]:
    if _severity(transition) is not Severity.CRITICAL or not policy.escalation:
        return ()
    base = _row(transition, receiver, Topic.ESCALATED, now, flood=flood, policy=policy)
    found = _escalation(base, 1, now, policy)
    return () if found is None else (found,)


def _escalation(base: Planned, step: int, now: float, policy: Policy) -> Planned | None:
    """The first step from ``step`` on that concerns the receiver: each is a wait after the one before."""
    receiver = policy.named(base.receiver)
    if receiver is None:
        return None
    due = now
    last = len(policy.escalation)
    for number in range(step, step + last + 1):
        stage = policy.escalation[min(number, last) - 1]
        due += stage.wait_s
        if not stage.tags or set(stage.tags) & set(receiver.tags):
            batch = ""
            if base.batch.startswith(_FLOOD):  # a flood is one incident, also when nobody answers it
                due = -(-due // policy.flood.update_s) * policy.flood.update_s
                batch = f"{_FLOOD} escalation {due:.0f}"
            return msgspec.structs.replace(
                base,
                id=ids.notification_id(base.occurrence_id, base.version, base.receiver, Topic.ESCALATED, number),
                step=number,
                due_at=due,
                batch=batch,
                message_id="",
            )
    return None


def _severity(transition: Transition) -> Severity:
    return transition.peak if transition.peak is not None else Severity.WARNING


def _receivers(transition: Transition, policy: Policy) -> list[Receiver]:
    return [
        receiver
        for receiver in policy.receiver
        if receiver.wants(
            transition.sensor_id,
            transition.kinds or (transition.alarm_kind,),
            _severity(transition),
            simulated=transition.simulated,
        )
    ]


def _row(
    transition: Transition, receiver: Receiver, topic: Topic, now: float, *, flood: Flood | None, policy: Policy
) -> Planned:
    severity = _severity(transition)
    due, batch = now, ""
    if severity is Severity.WARNING and receiver.digest_s > 0:
        due = receiver.after_quiet((now // receiver.digest_s + 1) * receiver.digest_s)
        batch = f"digest {due:.0f}"
    elif severity is Severity.WARNING:
        due = receiver.after_quiet(now)
        batch = f"digest {due:.0f}" if due > now else ""
    elif flood is not None and flood.since is not None:
        updates = -(-(now - flood.since) // policy.flood.update_s)  # rounded up: the first alarms go out at once
        due = flood.since + updates * policy.flood.update_s
        batch = f"{_FLOOD} {flood.since:.3f} {updates:.0f}"
    return Planned(
        id=ids.notification_id(transition.occurrence_id, transition.version, receiver.name, topic, 0),
        receiver=receiver.name,
        topic=topic,
        due_at=due,
        occurrence_id=transition.occurrence_id,
        sensor_id=transition.sensor_id,
        alarm_kind=transition.alarm_kind,
        version=transition.version,
        severity=severity,
        batch=batch,
        at=transition.at,
        who=transition.who,
        text=transition.detection.message if transition.annunciated and transition.detection else transition.text,
        simulated=transition.simulated,
        fault_id=transition.fault_id,
        if_told=not receiver.raises and topic is not Topic.ESCALATED,
    )


def flood_ended(before: Flood, now: float, policy: Policy) -> tuple[Planned, ...]:
    """The rows that tell every receiver that the flood which stood ``before`` is over."""
    if before.since is None:
        return ()
    return tuple(
        Planned(
            id=ids.notification_id("flood", round(before.since * 1000), receiver.name, Topic.FLOOD_ENDED),
            receiver=receiver.name,
            topic=Topic.FLOOD_ENDED,
            due_at=receiver.after_quiet(now),
            at=before.since,
        )
        for receiver in policy.receiver
        if receiver.raises
    )


def delivery_failed(receiver: str, at: float, error: str) -> tuple[str, Detected]:
    """The sensor id and the event of the alarm that a receiver was given up; its kind is ``DELIVERY_KIND``."""
    message = f"notifications to {receiver} were given up: {error}"
    return f"receiver:{receiver}", Detected(at=at, severity=Severity.CRITICAL, detector="notify", message=message)
