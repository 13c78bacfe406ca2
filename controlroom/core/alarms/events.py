"""What can happen to an alarm. Immutable; ``at`` is event time where readings speak, wall-clock time elsewhere."""

from __future__ import annotations

import msgspec

from controlroom.core.alarms.model import Quality, Severity

__all__ = [
    "Ack",
    "AlarmEvent",
    "Comment",
    "DataBack",
    "Detected",
    "MarkFalse",
    "NoData",
    "OperatorAction",
    "OutOfService",
    "QualityChanged",
    "ResetLatch",
    "ReturnToService",
    "Returned",
    "Shelve",
    "SuppressByDesign",
    "TimePassed",
    "Unshelve",
    "UnsuppressByDesign",
    "WallClock",
]


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=True):
    at: float
    """Seconds since the epoch, UTC."""


# From readings: event time.


class Detected(_Event, frozen=True, kw_only=True):
    """A limit or detector fires, or its severity changes; values are in the sensor's unit."""

    severity: Severity
    value: float | None = None
    limit: float | None = None
    expected: float | None = None
    score: float | None = None
    detector: str = ""
    message: str = ""
    offset: int | None = None
    simulated: bool = False
    fault_id: str = ""
    holder: str = ""
    """Who holds the condition up, where several may (the partitions of a group): it is over when none does."""
    finding: str = ""
    """The kind of what was found, where several kinds may be one alarm; such a kind is a holder, too."""
    disturbance: str = ""
    """The kind that began the disturbance which ``finding`` belongs to, or holds it up; empty: it begins one."""


class Returned(_Event, frozen=True, kw_only=True):
    """The condition is over: back inside the deadband."""

    holder: str = ""


class TimePassed(_Event, frozen=True, kw_only=True):
    """The sensor's own event time has reached ``at``: that of its latest reading, never another sensor's.

    With the sensor's own time, how readings are cut into batches cannot change a transition.
    """


class NoData(_Event, frozen=True, kw_only=True):
    """The sensor is silent: its alarms freeze, suppressed by design, until ``DataBack``."""


class DataBack(_Event, frozen=True, kw_only=True):
    """The sensor speaks again: a delay that was running starts over."""


class QualityChanged(_Event, frozen=True, kw_only=True):
    """The readings' quality turned GOOD or BAD (STALE is ``NoData``)."""

    quality: Quality


class SuppressByDesign(_Event, frozen=True, kw_only=True):
    """Logic suppresses the alarm: ``cause`` says why; ``parent`` is the occurrence that stands for it, if any."""

    cause: str
    parent: str = ""


class UnsuppressByDesign(_Event, frozen=True, kw_only=True):
    """The cause is gone."""

    cause: str


# From the clock and from operators: wall-clock time.


class WallClock(_Event, frozen=True, kw_only=True):
    """Wall-clock time has reached ``at``: shelves warn and expire, acked alarms re-alarm."""


class _Action(_Event, frozen=True, kw_only=True):
    who: str
    whence: str = ""
    """Console or host the action came from."""


class Ack(_Action, frozen=True, kw_only=True):
    """Acknowledge what the operator saw: this occurrence, drawn from this version."""

    occurrence_id: str
    version: int
    comment: str = ""


class Shelve(_Action, frozen=True, kw_only=True):
    """Suppress the annunciation until ``until``; a one-shot shelve ends at the next return to normal if earlier."""

    until: float
    reason: str
    one_shot: bool = False


class Unshelve(_Action, frozen=True, kw_only=True):
    """End a shelve before its time."""

    reason: str = ""


class OutOfService(_Action, frozen=True, kw_only=True):
    """Take the alarm out of service for maintenance."""

    reason: str


class ReturnToService(_Action, frozen=True, kw_only=True):
    """Maintenance is over."""

    reason: str = ""


class ResetLatch(_Action, frozen=True, kw_only=True):
    """Reset the latch of an alarm whose condition is back to normal."""


class Comment(_Action, frozen=True, kw_only=True):
    """A note in the alarm's journal."""

    text: str


class MarkFalse(_Action, frozen=True, kw_only=True):
    """The operator calls this occurrence a false alarm; nothing else changes."""

    occurrence_id: str
    reason: str = ""


OperatorAction = Ack | Shelve | Unshelve | OutOfService | ReturnToService | ResetLatch | Comment | MarkFalse
AlarmEvent = (
    Detected
    | Returned
    | TimePassed
    | NoData
    | DataBack
    | QualityChanged
    | SuppressByDesign
    | UnsuppressByDesign
    | WallClock
    | OperatorAction
)
