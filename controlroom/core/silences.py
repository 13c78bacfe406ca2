"""The silences of one partition: which sensors fall silent together, and the timers of alarms that no reading moves.

What is silent tells no time of its own. A common cause is looked for in broker time, in which all sensors agree; what
it does to a sensor's alarm is told in that sensor's own time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from controlroom.core.alarms.cause_finder import CommonCause
from controlroom.core.alarms.common_cause import GROUP_KIND, Effect, GroupPolicy, events_of
from controlroom.core.alarms.events import AlarmEvent, Detected, Returned
from controlroom.core.alarms.model import NO_DATA_KIND
from controlroom.core.bridges import source_groups
from controlroom.core.records import SensorFacts

log = logging.getLogger(__name__)

#: The tracker is saved beside the detectors' states, under a name that no sensor can have.
STATE_KEY = ""

#: (sensor or group, kind of alarm, what happened), in the order in which it must be applied
Step = tuple[str, str, AlarmEvent]


class Silences:
    """Follows a partition's silent sensors.

    Args:
        holder: the partition's name: a group's alarm stands while one of its partitions holds it.
        clock_of: a sensor's own time when the broker's is the given one, seconds since the epoch.
        saved: what `dump` gave, or None.
    """

    def __init__(
        self, policy: GroupPolicy, holder: str, clock_of: Callable[[str, float], float], saved: bytes | None
    ) -> None:
        self._holder = holder
        self._clock_of = clock_of
        self._causes = _load(policy, saved)
        self._deadlines: dict[tuple[str, str], float] = {}
        #: silences that were told and not settled yet; empty between calls of the pipeline
        self._noted: dict[str, Detected] = {}
        self._lost_groups: set[str] = set()
        #: something has changed since `dump`
        self.dirty = False
        #: something has changed by what no record tells; whoever has seen to that it is saved takes it back
        self.unrepeatable = False

    @property
    def policy(self) -> GroupPolicy:
        """When silences are one alarm; a new one counts from the next silence."""
        return self._causes.policy

    @policy.setter
    def policy(self, policy: GroupPolicy) -> None:
        self._causes.policy = policy

    def dump(self) -> bytes:
        """The state, for `saved`."""
        self.dirty = False
        return self._causes.dump()

    def join(self, facts: SensorFacts, partition: int) -> None:
        """A sensor is there, or has moved. The likeliest common cause comes first."""
        place = facts.location
        groups = [f"machine:{place.machine_id}"] if place.machine_id else []
        groups += [f"zone:{place.zone}"] if place.zone else []
        if facts.source:
            groups += source_groups(facts.source)
        self._causes.join(facts.sensor_id, (*groups, _of_partition(partition)))
        self.dirty = True

    def know_lost(self, partition: int, reason: str | None) -> None:
        """Nothing can come through the partition, for this reason; None: it can again."""
        self._causes.know_lost(_of_partition(partition), reason)

    def know_lost_groups(self, reasons: Mapping[str, str]) -> None:
        """Nothing can come from the sensors of these groups, for these reasons; it can from all others."""
        for name in self._lost_groups - reasons.keys():
            self._causes.know_lost(name, None)
        for name, reason in reasons.items():
            self._causes.know_lost(name, reason)
        self._lost_groups = set(reasons)

    def take_over(self, log_s: float) -> list[Step]:
        """Groups that have become known to be lost take over those of theirs that have just fallen silent."""
        return [self._told(step, log_s) for step in self._steps(self._causes.take_over(log_s))]

    def silent(self, sensor_id: str, event: Detected, last_seen: float) -> None:
        """A sensor's silence was noticed (`event`, in its own time). Tell all that one moment shows, then `settle`."""
        self.dirty = True
        self._causes.note(sensor_id, last_seen)
        self._noted[sensor_id] = event

    def settle(self, log_s: float) -> list[Step]:
        """What the silences come to that were told, at broker time `log_s`: groups first, so that no child rings."""
        if not self._noted:
            return []
        noted, self._noted = self._noted, {}
        events = list(noted.values())
        faults = {event.fault_id for event in events}
        # A drill's alarm is a drill's, also where it stands for many; one real silence makes it real.
        drill = {
            "simulated": all(event.simulated for event in events),
            "fault_id": faults.pop() if len(faults) == 1 else "",
        }
        steps = self._steps(self._causes.decide(log_s))
        told = [self._told(step, log_s, drill) for step in steps]
        return told + [(sensor_id, NO_DATA_KIND, event) for sensor_id, event in noted.items()]

    def back(self, sensor_id: str, event: Returned, log_s: float) -> list[Step]:
        """A sensor speaks again: its own alarm first, so that it is on its way out when it is no child any more."""
        self.dirty = True
        steps = self._steps(self._causes.back(sensor_id, log_s))
        return [(sensor_id, NO_DATA_KIND, event), *(self._told(step, log_s) for step in steps)]

    def leave(self, sensor_id: str, at: float, log_s: float) -> list[Step]:
        """A sensor is heard in another partition, at `at` in its own time: its silence is over, and it is no member."""
        was_silent = self._causes.is_silent(sensor_id)
        self.dirty = True
        steps = self._steps(self._causes.leave(sensor_id, log_s))
        told = [self._told(step, log_s) for step in steps]
        return [(sensor_id, NO_DATA_KIND, Returned(at=at)), *told] if was_silent else told

    def time_passed(self, log_s: float) -> list[Step]:
        """Broker time is `log_s`: groups that are over."""
        steps = self._steps(self._causes.time_passed(log_s))
        return [self._told(step, log_s) for step in steps]

    def set_deadlines(self, name: str, kinds: Mapping[str, float]) -> None:
        """When running delays of a sensor's or group's alarms end, in its own time; replaces what was known of it."""
        for kind in (NO_DATA_KIND, GROUP_KIND):
            if kind in kinds:
                self._deadlines[name, kind] = kinds[kind]
            else:
                self._deadlines.pop((name, kind), None)

    def ended(self, log_s: float) -> list[tuple[str, str, float]]:
        """(sensor or group, kind, its own time) of delays that have ended; each is told once."""
        if not self._deadlines:
            return []
        found = [
            (name, kind, at)
            for (name, kind), deadline in self._deadlines.items()
            if (at := log_s if kind == GROUP_KIND else self._clock_of(name, log_s)) >= deadline
        ]
        for name, kind, _ in found:
            del self._deadlines[name, kind]
        return found

    def _steps(self, effects: Iterable[Effect]) -> list[Step]:
        steps = [step for effect in effects for step in events_of(effect, self._holder)]
        self.dirty = self.dirty or bool(steps)
        if self._causes.unrepeatable:
            self._causes.unrepeatable, self.unrepeatable = False, True
        return steps

    def _told(self, step: Step, log_s: float, drill: Mapping[str, Any] | None = None) -> Step:
        name, kind, event = step
        if kind != GROUP_KIND:
            return name, kind, msgspec.structs.replace(event, at=self._clock_of(name, log_s))
        if isinstance(event, Detected) and drill is not None:
            event = msgspec.structs.replace(event, **drill)
        return name, kind, event


def _of_partition(partition: int) -> str:
    return f"partition:{partition}"


def _load(policy: GroupPolicy, saved: bytes | None) -> CommonCause:
    try:
        return CommonCause(policy, saved)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        log.warning("the state of common causes is not readable (%s): it begins anew", error)
        return CommonCause(policy)
