"""An alarm that stands for many: its kind, when silences are one, and what a finding does to which alarms.

The parent is the alarm (group, GROUP_KIND); the children are the communication alarms of their sensors, suppressed by
design with the parent's occurrence. Workers that share a group each follow their own sensors of it, under a name of
their own (``holder``): the parent stands while one of them holds it. ``cause_finder`` finds the groups.
"""

from __future__ import annotations

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from controlroom.core.alarms.events import AlarmEvent, Detected, Returned, SuppressByDesign, UnsuppressByDesign
from controlroom.core.alarms.model import NO_DATA_KIND, Severity

__all__ = [
    "GROUP_KIND",
    "Adopt",
    "Clear",
    "Effect",
    "GroupPolicy",
    "Raise",
    "Release",
    "cause_of",
    "events_of",
    "group_of",
]

GROUP_KIND = "group-silent"
"""The kind of the parent alarm; its sensor id is the group, such as ``zone:zone-a``."""


_PART_OF = "part of "


def cause_of(group: str) -> str:
    """The cause of suppression of a group's children."""
    return _PART_OF + group


def group_of(cause: str) -> str | None:
    """The group that ``cause`` names; None if it is another cause."""
    return cause.removeprefix(_PART_OF) if cause.startswith(_PART_OF) else None


class GroupPolicy(BaseModel):
    """When silences are one alarm: ``min_count`` sensors and ``min_share`` of the group, or ``always`` sensors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_count: int = Field(default=3, ge=2)
    min_share: float = Field(default=0.5, gt=0, le=1)
    always: int = Field(default=4, ge=2)
    """So many that fall silent within the window have a common cause, however large the group.

    One less per worker may ring by itself: three workers stay below a flood's 10 in 10 minutes.
    """
    window_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    """How far apart, in event time, their last readings may lie; longer than the longest sampling interval."""


class Raise(msgspec.Struct, frozen=True):
    """The group is silent: one alarm from ``at`` (event time), with these children."""

    group: str
    at: float
    children: tuple[str, ...]
    message: str


class Adopt(msgspec.Struct, frozen=True):
    """One more child of an alarm that stands."""

    group: str
    at: float
    child: str


class Release(msgspec.Struct, frozen=True):
    """No longer a child: it spoke again, or the group's alarm is over."""

    group: str
    at: float
    child: str


class Clear(msgspec.Struct, frozen=True):
    """The group speaks again."""

    group: str
    at: float


Effect = Raise | Adopt | Release | Clear


def events_of(effect: Effect, holder: str = "") -> tuple[tuple[str, str, AlarmEvent], ...]:
    """The (sensor id, kind, event) of an effect, in order; ``holder`` names the worker's part if it is one of many.

    The parent's occurrence is known when its row is read: fill ``SuppressByDesign.parent`` with the occurrence id
    of the alarm (``group_of(cause)``, GROUP_KIND), which precedes its children here.
    """
    at, cause = effect.at, cause_of(effect.group)
    match effect:
        case Raise(group, _, children, message):
            parent = Detected(
                at=at, severity=Severity.CRITICAL, detector="common cause", message=message, holder=holder
            )
            suppress = SuppressByDesign(at=at, cause=cause)
            return (group, GROUP_KIND, parent), *((child, NO_DATA_KIND, suppress) for child in children)
        case Adopt(_, _, child):
            return ((child, NO_DATA_KIND, SuppressByDesign(at=at, cause=cause)),)
        case Release(_, _, child):
            return ((child, NO_DATA_KIND, UnsuppressByDesign(at=at, cause=cause)),)
        case Clear(group):
            return ((group, GROUP_KIND, Returned(at=at, holder=holder)),)
