"""Many silent sensors with one cause are one alarm: a zone, a gateway, a partition, with its children.

Sensors that a common cause silences spoke last at about the same time, however long each one's silence takes to be
noticed. So silences are gathered by the event time of the *last reading*. The first few ring by themselves before the
group can be told, unless the communication alarm has an on-delay; a child's alarm goes on, suppressed by design.

``events_of_silence`` and ``events_of_return`` turn a finding into events of alarms, in the order that matters. The
parent is the alarm (group, GROUP_KIND); the children are the communication alarms of their sensors, suppressed by
design with the parent's occurrence. Workers that share a group each follow their own sensors of it, under a name of
their own (``holder``): the parent stands while one of them holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from controlroom.core.alarms.events import AlarmEvent, Detected, Returned, SuppressByDesign, UnsuppressByDesign
from controlroom.core.alarms.model import NO_DATA_KIND, Severity

__all__ = [
    "GROUP_KIND",
    "Adopt",
    "Clear",
    "CommonCause",
    "Effect",
    "GroupPolicy",
    "Raise",
    "Release",
    "cause_of",
    "events_of",
    "events_of_return",
    "events_of_silence",
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


def events_of_silence(
    causes: CommonCause, sensor_id: str, event: Detected, last_seen: float, holder: str = ""
) -> tuple[tuple[str, str, AlarmEvent], ...]:
    """All of a silence: the group first, so that a child is suppressed before its own alarm could ring."""
    effects = causes.silent(sensor_id, event.at, last_seen)
    group = tuple(entry for effect in effects for entry in events_of(effect, holder))
    return *group, (sensor_id, NO_DATA_KIND, event)


def events_of_return(
    causes: CommonCause, sensor_id: str, event: Returned, holder: str = ""
) -> tuple[tuple[str, str, AlarmEvent], ...]:
    """All of a return: the sensor's own alarm first, so that it is on its way out when it is no child any more."""
    effects = causes.back(sensor_id, event.at)
    group = tuple(entry for effect in effects for entry in events_of(effect, holder))
    return (sensor_id, NO_DATA_KIND, event), *group


class _Group(msgspec.Struct, omit_defaults=True):
    members: set[str] = msgspec.field(default_factory=set)
    loose: dict[str, float] = msgspec.field(default_factory=dict)
    """Silent and no child of any group: the event time of the last reading."""
    children: dict[str, float] = msgspec.field(default_factory=dict)
    raised: bool = False
    settled_at: float = 0.0
    """Event time of the latest change of the children."""
    earliest: float | None = None
    latest: float | None = None
    """When the children of the alarm that stands spoke last, the first and the last of them."""


class _State(msgspec.Struct):
    groups: dict[str, _Group] = msgspec.field(default_factory=dict)
    groups_of: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    parent_of: dict[str, str] = msgspec.field(default_factory=dict)


class CommonCause:
    """Follows the silences of the sensors that joined; the same calls give the same effects.

    >>> causes = CommonCause(GroupPolicy(min_count=2, always=3))
    >>> for sensor in ("a", "b", "c"):
    ...     causes.join(sensor, ("zone:z",))
    >>> causes.silent("a", at=20.0, last_seen=10.0)
    ()
    >>> causes.silent("b", at=22.0, last_seen=11.0)[0].message
    '2 of 3 sensors of zone:z are silent'
    """

    def __init__(self, policy: GroupPolicy, document: bytes | None = None) -> None:
        """Begins empty, or from what ``dump`` gave."""
        #: may be replaced at any time: a new one counts from the next silence
        self.policy = policy
        #: groups that are known to be lost, with the reason: one silence is enough for their alarm
        self._lost: dict[str, str] = {}
        self._state = msgspec.json.decode(document, type=_State) if document is not None else _State()
        #: silent sensors, and how many of them each group has
        self._silent: set[str] = set(self._state.parent_of)
        self._quiet: dict[str, int] = {}
        for group in self._state.groups.values():
            self._silent |= group.loose.keys()
        for sensor_id in self._silent:
            self._count(self._state.groups_of.get(sensor_id, ()), 1)

    def dump(self) -> bytes:
        """The state as JSON."""
        return msgspec.json.encode(self._state, order="deterministic")

    def join(self, sensor_id: str, groups: Sequence[str]) -> None:
        """The sensor belongs to these groups, and to no other any more.

        Name them as ``machine:m-1``, ``zone:zone-a``, ``partition:2``, the likeliest cause first: where the silences
        would make an alarm of either, the first one stands for them.
        """
        before = self._state.groups_of.get(sensor_id, ())
        if before == tuple(groups):
            return
        self._state.groups_of[sensor_id] = tuple(groups)
        for name in groups:
            self._state.groups.setdefault(name, _Group()).members.add(sensor_id)
        for name in set(before) - set(groups):
            self._part(sensor_id, name)
        if sensor_id in self._silent:
            self._count(before, -1)
            self._count(groups, 1)

    def leave(self, sensor_id: str, at: float) -> tuple[Effect, ...]:
        """The sensor was removed: as if it spoke again, and then is no member any more."""
        effects = self.back(sensor_id, at)
        for name in self._state.groups_of.pop(sensor_id, ()):
            self._part(sensor_id, name)
        return effects

    def _part(self, sensor_id: str, name: str) -> None:
        group = self._state.groups[name]
        group.members.discard(sensor_id)
        group.loose.pop(sensor_id, None)
        if not group.members and not group.children:
            del self._state.groups[name]

    def know_lost(self, group: str, reason: str | None) -> None:
        """It is known from elsewhere that the group is lost (its partition has no leader); None: not any more.

        From then on whoever of it falls silent is its child, be it a single one, and no other group's.
        """
        if reason is None:
            self._lost.pop(group, None)
        else:
            self._lost[group] = reason

    def silent(self, sensor_id: str, at: float, last_seen: float) -> tuple[Effect, ...]:
        """The sensor's silence was noticed at ``at``; its last reading was of ``last_seen`` (both event time)."""
        names = self._state.groups_of.get(sensor_id, ())
        if sensor_id in self._state.parent_of:
            return ()
        if sensor_id not in self._silent:
            self._silent.add(sensor_id)
            self._count(names, 1)
        for name in names:
            if name in self._lost:
                return self._take(name, {sensor_id: last_seen}, at)
        for name in names:
            if self._joins(self._state.groups[name], last_seen):
                return self._take(name, {sensor_id: last_seen}, at) + self._widened(names, name, at)
        for name in names:
            self._state.groups[name].loose[sensor_id] = last_seen
        for name in names:
            gathered = self._gathered(name, last_seen)
            if self._suffices(len(gathered), len(self._state.groups[name].members)):
                return self._take(name, gathered, at) + self._widened(names, name, at)
        return ()

    def back(self, sensor_id: str, at: float) -> tuple[Effect, ...]:
        """The sensor speaks again."""
        if sensor_id in self._silent:
            self._silent.discard(sensor_id)
            self._count(self._state.groups_of.get(sensor_id, ()), -1)
        for name in self._state.groups_of.get(sensor_id, ()):
            self._state.groups[name].loose.pop(sensor_id, None)
        name = self._state.parent_of.pop(sensor_id, "")
        if not name:
            return ()
        group = self._state.groups[name]
        del group.children[sensor_id]
        group.settled_at = max(group.settled_at, at)
        released = Release(name, at, sensor_id)
        if group.children:
            return (released,)
        group.raised = False
        return released, Clear(name, at)

    def time_passed(self, at: float) -> tuple[Effect, ...]:
        """Event time is ``at``: a group of which only a few stay silent, for a window long, is over; these ring."""
        effects: list[Effect] = []
        for name, group in self._state.groups.items():
            if group.raised and name in self._lost:
                # When it is there again, its sensors have a window to speak.
                group.settled_at = max(group.settled_at, at)
            few = len(group.children) < self.policy.min_count
            if not group.raised or not few or at - group.settled_at < self.policy.window_s:
                continue
            group.raised = False
            effects.append(Clear(name, at))
            for child, last_seen in sorted(group.children.items()):
                del self._state.parent_of[child]
                for other in self._state.groups_of[child]:
                    self._state.groups[other].loose[child] = last_seen
                effects.append(Release(name, at, child))
            group.children.clear()
        return tuple(effects)

    def children(self, group: str) -> tuple[str, ...]:
        """The children of a group's alarm, sorted; empty when none stands."""
        found = self._state.groups.get(group)
        return tuple(sorted(found.children)) if found is not None else ()

    def _joins(self, group: _Group, last_seen: float) -> bool:
        """Whether the group's alarm stands, and who spoke last at ``last_seen`` fell silent with its children."""
        if not group.raised or group.earliest is None or group.latest is None:
            return False
        return group.earliest - self.policy.window_s <= last_seen <= group.latest + self.policy.window_s

    def _gathered(self, name: str, last_seen: float) -> dict[str, float]:
        """The group's silent sensors without a parent that spoke last at about the same time."""
        window = self.policy.window_s
        loose = self._state.groups[name].loose
        return {sensor: seen for sensor, seen in loose.items() if abs(seen - last_seen) <= window}

    def _suffices(self, count: int, members: int) -> bool:
        policy = self.policy
        return count >= policy.always or (count >= policy.min_count and count >= policy.min_share * members)

    def _take(self, name: str, last_seen: dict[str, float], at: float) -> tuple[Effect, ...]:
        """These sensors, by the time that each spoke last, become children of the group's alarm."""
        group = self._state.groups[name]
        if not group.raised:
            group.earliest = group.latest = None
        for sensor, seen in last_seen.items():
            for other in self._state.groups_of[sensor]:
                self._state.groups[other].loose.pop(sensor, None)
            self._state.parent_of[sensor] = name
            group.children[sensor] = seen
            group.earliest = seen if group.earliest is None else min(group.earliest, seen)
            group.latest = seen if group.latest is None else max(group.latest, seen)
        group.settled_at = max(group.settled_at, at)
        sensors = tuple(sorted(last_seen))
        if group.raised:
            return tuple(Adopt(name, at, sensor) for sensor in sensors)
        group.raised = True
        if name in self._lost:
            message = self._lost[name]
        else:
            message = f"{len(group.children)} of {len(group.members)} sensors of {name} are silent"
        return (Raise(name, at, sensors, message),)

    def _widened(self, names: Sequence[str], narrow: str, at: float) -> tuple[Effect, ...]:
        """What follows when the cause proves to be a wider one: all of it are silent, and not one narrow group alone.

        The first few that fall silent may happen to share a zone although it is their partition that is gone.
        """
        for name in names[names.index(narrow) + 1 :]:
            group = self._state.groups[name]
            if group.raised or len(group.members) < self.policy.min_count or not self._all_silent(name, narrow):
                continue
            seen: dict[str, float] = {}
            moved: dict[str, list[str]] = {}
            for sensor in sorted(group.members):
                parent = self._state.parent_of.get(sensor)
                seen[sensor] = self._state.groups[parent].children[sensor] if parent else group.loose[sensor]
                if parent:
                    moved.setdefault(parent, []).append(sensor)
            if max(seen.values()) - min(seen.values()) > self.policy.window_s:
                continue
            return self._move(name, seen, moved, at)
        return ()

    def _all_silent(self, wide: str, narrow: str) -> bool:
        """Whether all of ``wide`` are silent, and ``narrow`` is no better name for them."""
        group = self._state.groups[wide]
        # Counted first: each member is looked at only when the last one has fallen silent.
        if self._quiet.get(wide, 0) < len(group.members) or group.members <= self._state.groups[narrow].members:
            return False
        return all(member in group.loose or member in self._state.parent_of for member in group.members)

    def _count(self, names: Iterable[str], step: int) -> None:
        for name in names:
            self._quiet[name] = self._quiet.get(name, 0) + step

    def _move(self, name: str, seen: dict[str, float], moved: dict[str, list[str]], at: float) -> tuple[Effect, ...]:
        """The children of other groups become this one's, whose alarm comes first: nothing rings in between."""
        for parent, sensors in moved.items():
            for sensor in sensors:
                del self._state.groups[parent].children[sensor]
        effects: list[Effect] = list(self._take(name, seen, at))
        for parent, sensors in moved.items():
            effects += [Release(parent, at, sensor) for sensor in sensors]
            left = self._state.groups[parent]
            left.settled_at = max(left.settled_at, at)
            if not left.children:
                left.raised = False
                effects.append(Clear(parent, at))
        return tuple(effects)
