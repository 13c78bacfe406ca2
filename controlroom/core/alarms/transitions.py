"""What a step gives back: the new state and the journal of how it came about, or a refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from controlroom.core.alarms import ids
from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.model import AckState, Alarm, Condition, Detection, Label, Priority, Severity

__all__ = ["Clock", "Draft", "Outcome", "Refusal", "RefusalReason", "Transition", "TransitionKind"]

Clock = Literal["event", "wall"]


class TransitionKind(StrEnum):
    """What happened, as the journal names it."""

    PENDING = "pending"
    PENDING_ENDED = "pending-ended"
    RAISED = "raised"
    RECURRED = "recurred"
    JOINED = "joined"
    CLEARING = "clearing"
    RETURNED = "returned"
    CLOSED = "closed"
    ACKED = "acked"
    SEVERITY_ROSE = "severity-rose"
    SEVERITY_FELL = "severity-fell"
    REALARMED = "re-alarmed"
    CHATTER = "chatter"
    STANDING = "standing"
    SHELVED = "shelved"
    SHELVE_EXPIRING = "shelve-expiring"
    UNSHELVED = "unshelved"
    OUT_OF_SERVICE = "out-of-service"
    RETURNED_TO_SERVICE = "returned-to-service"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    QUALITY = "quality"
    LATCH_RESET = "latch-reset"
    COMMENTED = "commented"
    MARKED_FALSE = "marked-false"


class Transition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the journal: what happened, and the alarm's axes after it.

    ``annunciated`` says that it rings: only these count for the measures. ``notify`` says that receivers are told:
    annunciations, and the ack and the close of an occurrence that was annunciated, whatever suppresses it since.
    """

    event_id: str
    kind: TransitionKind
    sensor_id: str
    alarm_kind: str
    version: int
    at: float
    clock: Clock
    annunciated: bool = False
    notify: bool = False
    occurrence_id: str = ""
    condition: Condition = Condition.NORMAL
    ack: AckState = AckState.NONE
    label: Label = Label.NORMAL
    severity: Severity | None = None
    peak: Severity | None = None
    announced: Severity | None = None
    """The highest severity that was annunciated in this occurrence, this line included."""
    priority: Priority | None = None
    recurrences: int = 0
    who: str = ""
    whence: str = ""
    text: str = ""
    """The reason, the comment, or the detector's explanation."""
    simulated: bool = False
    fault_id: str = ""
    parent: str = ""
    detection: Detection | None = None
    kinds: tuple[str, ...] = ()
    """The kinds that found the disturbance, worst first."""
    joined: str = ""
    """The kind of these that has just come to it; empty: none, or it is the first."""


class RefusalReason(StrEnum):
    """Why an operator's action was not done."""

    SEVERITY_ROSE = "severity-rose"
    ALREADY_ACKED = "already-acked"
    CLOSED = "closed"
    OTHER_OCCURRENCE = "other-occurrence"
    UNKNOWN_VERSION = "unknown-version"
    AUTHOR_MISSING = "author-missing"
    REASON_MISSING = "reason-missing"
    EXPIRY_PAST = "expiry-past"
    SHELVE_TOO_LONG = "shelve-too-long"
    NOT_SHELVED = "not-shelved"
    ALREADY_OUT_OF_SERVICE = "already-out-of-service"
    NOT_OUT_OF_SERVICE = "not-out-of-service"
    NOT_LATCHED = "not-latched"
    NOTHING_TO_MARK = "nothing-to-mark"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why, in a word for programs and in one line for the operator; who was first, where somebody was."""

    reason: RefusalReason
    message: str
    by: str = ""
    at: float | None = None


class Outcome(msgspec.Struct, frozen=True):
    """The state after a step (the very same object if nothing changed) and its journal, oldest first."""

    state: Alarm
    transitions: tuple[Transition, ...] = ()
    refusal: Refusal | None = None


def clock_text(at: float) -> str:
    """A time as operators read it: ``21:41:41 UTC``."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


class Draft:
    """A step under way: the state as it becomes, and its journal so far.

    Every journal line passes through ``emit``: there alone the version grows, and there alone it is decided whether
    a change is annunciated and notified.
    """

    __slots__ = ("alarm", "clock", "definition", "transitions", "whence", "who")

    def __init__(self, alarm: Alarm, definition: Definition, clock: Clock, *, who: str = "", whence: str = "") -> None:
        self.alarm = alarm
        self.definition = definition
        self.clock = clock
        self.who = who
        self.whence = whence
        self.transitions: list[Transition] = []

    def change(self, **changes: Any) -> None:  # noqa: ANN401  # the fields of Alarm, of any type
        """Change what operators never see (a timer, a pending severity): no version, no journal line."""
        self.alarm = msgspec.structs.replace(self.alarm, **changes)

    def emit(
        self,
        kind: TransitionKind,
        at: float,
        *,
        text: str = "",
        joined: str = "",
        **changes: Any,  # noqa: ANN401  # the fields of Alarm, of any type
    ) -> None:
        """Apply ``changes`` as the next version, and annunciate it if the state that results needs it."""
        alarm = msgspec.structs.replace(self.alarm, version=self.alarm.version + 1, **changes)
        annunciated = alarm.needs_annunciation
        if annunciated:
            alarm = msgspec.structs.replace(alarm, announced=alarm.peak, ring_due=False)
        self.alarm = alarm
        told = kind in (TransitionKind.ACKED, TransitionKind.CLOSED) and alarm.announced is not None
        self.transitions.append(
            Transition(
                event_id=ids.event_id(alarm.sensor_id, alarm.kind, alarm.version),
                kind=kind,
                sensor_id=alarm.sensor_id,
                alarm_kind=alarm.kind,
                version=alarm.version,
                at=at,
                clock=self.clock,
                annunciated=annunciated,
                notify=annunciated or told,
                occurrence_id=alarm.occurrence_id,
                condition=alarm.condition,
                ack=alarm.ack,
                label=alarm.label,
                severity=alarm.severity,
                peak=alarm.peak,
                announced=alarm.announced,
                priority=alarm.priority,
                recurrences=alarm.recurrences,
                who=self.who,
                whence=self.whence,
                text=text,
                simulated=alarm.simulated,
                fault_id=alarm.fault_id,
                parent=alarm.parent,
                detection=alarm.detection,
                kinds=alarm.kinds,
                joined=joined,
            )
        )

    def close_if_done(self, at: float) -> None:
        """Close the occurrence if nothing holds it: back to normal, not latched, and acked or never annunciated.

        An occurrence that was suppressed from its first moment to its last was never shown: there is nothing to ack.
        """
        alarm = self.alarm
        answered = alarm.ack is AckState.ACKED or (alarm.ack is AckState.UNACK and alarm.announced is None)
        if answered and not alarm.active and not alarm.latched:
            self.emit(TransitionKind.CLOSED, at, ack=AckState.NONE, closed_at=at, realarm_at=None, standing_at=None)

    def outcome(self) -> Outcome:
        """What the step gives back."""
        return Outcome(self.alarm, tuple(self.transitions))
