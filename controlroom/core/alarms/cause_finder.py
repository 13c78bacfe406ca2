"""Many silent sensors with one cause are one alarm: of a machine, a zone, a partition, with its children.

Sensors that a common cause silences spoke last at about the same time, however long each one's silence takes to be
noticed. So silences are gathered by the event time of the *last reading*, and of all that one moment shows the group
that explains the most is the cause. A wider one that shows later takes over. The alarm of a child goes on, suppressed
by design.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from controlroom.core.alarms.common_cause import Adopt, Clear, Effect, GroupPolicy, Raise, Release

__all__ = ["CommonCause"]


class _Group(msgspec.Struct, omit_defaults=True):
    members: set[str] = msgspec.field(default_factory=set)
    loose: dict[str, float] = msgspec.field(default_factory=dict)
    """Silent and no child of any group: the event time of the last reading."""
    children: dict[str, float] = msgspec.field(default_factory=dict)
    raised: bool = False
    known: bool = False
    """Raised because it was known to be lost."""
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
        #: of these, those that have become so since ``take_over``
        self._newly_lost: set[str] = set()
        #: something was decided by what is known from elsewhere: the same calls alone would not decide it again
        self.unrepeatable = False
        self._state = msgspec.json.decode(document, type=_State) if document is not None else _State()
        #: noted and not decided about, with when each spoke last; empty between calls of ``decide``
        self._fresh: dict[str, float] = {}
        self._raised: set[str] = {name for name, group in self._state.groups.items() if group.raised}
        #: silent sensors, and how many of them each group has
        self._silent: set[str] = set(self._state.parent_of)
        self._quiet: dict[str, int] = {}
        for group in self._state.groups.values():
            self._silent |= group.loose.keys()
            if group.children and group.earliest is None:  # a state from before these were kept
                group.earliest, group.latest = min(group.children.values()), max(group.children.values())
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

    def is_silent(self, sensor_id: str) -> bool:
        """Whether its silence was noticed, and it has not spoken since."""
        return sensor_id in self._silent

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
            self._newly_lost.discard(group)
        else:
            if group not in self._lost:
                self._newly_lost.add(group)
            self._lost[group] = reason

    def take_over(self, at: float) -> tuple[Effect, ...]:
        """Groups that have become known to be lost take those of theirs that have just fallen silent.

        Another cause may have been found for these, since a loss is known only some seconds after it happens. A group
        that was known to be lost, and is no more, gives up all: a bridge that is back may find its source down.
        """
        effects: list[Effect] = []
        for name in sorted(self._newly_lost):
            group = self._state.groups.get(name)
            if group is None:
                continue
            seen: dict[str, float] = {}
            for sensor, spoke in self._last_seen(group).items():
                parent = self._state.parent_of.get(sensor, "")
                other = self._state.groups[parent] if parent else None
                if parent == name or parent in self._lost:
                    continue
                if at - spoke <= self.policy.window_s or (other is not None and other.known):
                    seen[sensor] = spoke
            if seen:
                effects += self._move(name, seen, at)
                self.unrepeatable = True
        self._newly_lost.clear()
        return tuple(effects)

    def silent(self, sensor_id: str, at: float, last_seen: float) -> tuple[Effect, ...]:
        """The sensor's silence was noticed at ``at``; its last reading was of ``last_seen`` (both event time)."""
        self.note(sensor_id, last_seen)
        return self.decide(at)

    def note(self, sensor_id: str, last_seen: float) -> None:
        """The sensor is silent. Note all whose silence is noticed at one moment, then ``decide``."""
        if sensor_id in self._state.parent_of:
            return
        if sensor_id not in self._silent:
            self._silent.add(sensor_id)
            self._count(self._state.groups_of.get(sensor_id, ()), 1)
        self._fresh[sensor_id] = last_seen

    def decide(self, at: float) -> tuple[Effect, ...]:
        """What explains the silences that were noted: an alarm that stands, or the group that explains the most."""
        effects: list[Effect] = []
        while self._fresh:
            fresh, self._fresh = self._fresh, {}
            effects += self._adopted(fresh, at)
            raised = self._best(fresh)
            if raised is None:
                break
            name, gathered = raised
            effects += self._take(name, gathered, at)
            effects += self._widened(self._state.groups_of[next(iter(gathered))], max(gathered.values()), at)
            # The rest may belong to what stands now.
            self._fresh = {sensor: seen for sensor, seen in fresh.items() if sensor not in self._state.parent_of}
        return tuple(effects)

    def _adopted(self, fresh: dict[str, float], at: float) -> list[Effect]:
        """Silences of groups that are known to be lost, or whose alarm stands; the others are loose."""
        taken: dict[str, dict[str, float]] = {}
        for sensor, seen in fresh.items():
            names = self._state.groups_of.get(sensor, ())
            name = next((name for name in names if name in self._lost), None) or next(
                (name for name in names if self._joins(self._state.groups[name], seen)), None
            )
            if name is not None:
                taken.setdefault(name, {})[sensor] = seen
                continue
            for name in names:
                self._state.groups[name].loose[sensor] = seen
        effects: list[Effect] = []
        self.unrepeatable = self.unrepeatable or any(name in self._lost for name in taken)
        for name, sensors in taken.items():
            effects += self._take(name, sensors, at)
            if name in self._lost:  # that is the cause, and no wider one
                continue
            effects += self._widened(self._state.groups_of[next(iter(sensors))], max(sensors.values()), at)
        return effects

    def _best(self, fresh: dict[str, float]) -> tuple[str, dict[str, float]] | None:
        """The group that explains the most of what is loose, and those sensors; of equals the likeliest one.

        One of which a good share is silent goes before one of which only some are.
        """
        best: tuple[tuple[bool, int, int], str, dict[str, float]] | None = None
        looked_at: set[str] = set()
        for sensor, seen in fresh.items():
            if sensor in self._state.parent_of:
                continue
            for place, name in enumerate(self._state.groups_of.get(sensor, ())):
                if name in looked_at:
                    continue
                looked_at.add(name)
                gathered = self._gathered(name, seen)
                members = len(self._state.groups[name].members)
                if not self._suffices(len(gathered), members):
                    continue
                rank = (len(gathered) >= self.policy.min_share * members, len(gathered), -place)
                if best is None or rank > best[0]:
                    best = rank, name, gathered
        return (best[1], best[2]) if best is not None else None

    def back(self, sensor_id: str, at: float) -> tuple[Effect, ...]:
        """The sensor speaks again."""
        if sensor_id in self._silent:
            self._silent.discard(sensor_id)
            self._fresh.pop(sensor_id, None)
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
        self._lower(name)
        return released, Clear(name, at)

    def time_passed(self, at: float) -> tuple[Effect, ...]:
        """Event time is ``at``: a group of which only a few stay silent, for a window long, is over; these ring."""
        effects: list[Effect] = []
        for name, group in list(self._state.groups.items()):
            if group.raised and name in self._lost:
                # When it is there again, its sensors have a window to speak.
                group.settled_at = max(group.settled_at, at)
            few = len(group.children) < self.policy.min_count
            over = group.known and name not in self._lost
            if not group.raised or not (few or over) or at - group.settled_at < self.policy.window_s:
                continue
            if not few:
                effects += self._hand_over(name, at)
                continue
            self._lower(name)
            effects.append(Clear(name, at))
            for child, last_seen in sorted(group.children.items()):
                del self._state.parent_of[child]
                for other in self._state.groups_of[child]:
                    self._state.groups[other].loose[child] = last_seen
                effects.append(Release(name, at, child))
            group.children.clear()
        return tuple(effects)

    def _hand_over(self, name: str, at: float) -> list[Effect]:
        """The group is not lost any more, and many stay silent: for another reason, which is looked for."""
        left = dict(self._state.groups[name].children)
        self._state.groups[name].children.clear()
        self._lower(name)
        for child, seen in left.items():
            del self._state.parent_of[child]
            for other in self._state.groups_of[child]:
                self._state.groups[other].loose[child] = seen
            self._state.groups[name].loose.pop(child, None)
            self._fresh[child] = seen
        # What takes them comes first, so that nothing rings in between.
        effects = list(self.decide(at))
        effects += [Release(name, at, child) for child in sorted(left) if self._state.parent_of.get(child) != name]
        if not self._state.groups[name].raised:
            effects.append(Clear(name, at))
        self.unrepeatable = True
        return effects

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
        group.known = name in self._lost
        self._raised.add(name)
        if group.known:
            message = self._lost[name]
        else:
            message = f"{len(group.children)} of {len(group.members)} sensors of {name} are silent"
        return (Raise(name, at, sensors, message),)

    def _widened(self, names: Sequence[str], newest: float, at: float) -> tuple[Effect, ...]:
        """What follows when the cause proves to be a wider one of these groups: it takes over what the others have.

        The first few that fall silent may happen to share a machine although it is their zone that is lost, or a zone
        although it is their partition.
        """
        for place in range(len(names) - 1, 0, -1):
            name = names[place]
            group = self._state.groups[name]
            if group.raised:
                break
            if len(group.members) < self.policy.min_count:
                continue
            last = place == len(names) - 1
            if not last and self._has_narrower(name, names[:place]):
                continue
            if not self._all_silent(name, names[:place]) and not self._several(name, newest, last=last):
                continue
            # One that has been dead for days is no part of what happens now.
            seen = {
                sensor: spoke
                for sensor, spoke in self._last_seen(group).items()
                if abs(newest - spoke) <= self.policy.window_s
            }
            if len(seen) >= self.policy.min_count:
                return self._move(name, seen, at)
        return ()

    def _all_silent(self, wide: str, narrower: Sequence[str]) -> bool:
        """Whether all of ``wide`` are silent, and none of the narrower groups is as good a name for them."""
        silent = self._quiet.get(wide, 0) >= len(self._state.groups[wide].members)
        return silent and not self._has_narrower(wide, narrower)

    def _has_narrower(self, wide: str, narrower: Sequence[str]) -> bool:
        """Whether all of ``wide`` are in one of the narrower groups, too, as where a bridge has a single source."""
        members = self._state.groups[wide].members
        return any(members <= self._state.groups[name].members for name in narrower)

    def _several(self, wide: str, newest: float, *, last: bool) -> bool:
        """Whether alarms of several narrower groups stand within ``wide``, all of this moment.

        The last name is no place (a partition holds a part of every zone): half of it must be silent as well, or twice
        as many groups, so that a loss of many zones does not ring for each.
        """
        members = self._state.groups[wide].members
        half = self._quiet.get(wide, 0) >= self.policy.min_share * len(members)
        needed = self.policy.min_count * (1 if half or not last else 2)
        within = 0
        for name in self._raised:
            group = self._state.groups[name]
            if self._joins(group, newest):
                within += len(group.members) < len(members) and group.members <= members
        return within >= needed

    def _lower(self, name: str) -> None:
        """Its alarm is over, and nothing of it is left in the state."""
        group = self._state.groups[name]
        group.raised, group.known, group.settled_at, group.earliest, group.latest = False, False, 0.0, None, None
        self._raised.discard(name)

    def _count(self, names: Iterable[str], step: int) -> None:
        for name in names:
            self._quiet[name] = self._quiet.get(name, 0) + step

    def _last_seen(self, group: _Group) -> dict[str, float]:
        """When each silent member spoke last, in the order of their names."""
        seen: dict[str, float] = {}
        for sensor in sorted(group.members & self._silent):
            parent = self._state.parent_of.get(sensor)
            if parent:
                seen[sensor] = self._state.groups[parent].children[sensor]
            elif sensor in group.loose:
                seen[sensor] = group.loose[sensor]
        return seen

    def _move(self, name: str, seen: dict[str, float], at: float) -> tuple[Effect, ...]:
        """These sensors become this group's children, whose alarm comes first: nothing rings in between."""
        moved: dict[str, list[str]] = {}
        for sensor in seen:
            parent = self._state.parent_of.get(sensor)
            if parent:
                moved.setdefault(parent, []).append(sensor)
                del self._state.groups[parent].children[sensor]
        effects: list[Effect] = list(self._take(name, seen, at))
        for parent, sensors in moved.items():
            effects += [Release(parent, at, sensor) for sensor in sensors]
            left = self._state.groups[parent]
            left.settled_at = max(left.settled_at, at)
            if not left.children:
                self._lower(parent)
                effects.append(Clear(parent, at))
        return tuple(effects)
