"""The machine stage, pure: minute by minute, what the sensors of one machine say of each other.

A machine's sensors are spread over the partitions by their ids, so no worker has them all in one batch. What they have
in common is the roll-ups by minute, which every partition's transaction writes effectively once: the stage reads those,
in order, and a minute is looked at when it is over for all sensors that speak. A late reading that corrects a minute
afterwards changes its roll-up, and not what was said of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controlroom.core.alarms.events import AlarmEvent, Detected, Returned
from controlroom.core.alarms.model import Severity
from controlroom.core.rollups import MINUTE
from controlroom.errors import ProgramTooOld
from detectors.finding import number
from detectors.relation import MOST_CHANNELS, Relation, Verdict
from detectors.relation import VERSION as RELATION_VERSION

#: The kind of a machine's alarm; its subject is `machine:ID`.
MACHINE_KIND = "machine"
#: A sensor that has said nothing for so long, by the machine's newest minute, is not waited for.
PATIENCE_S = 600
#: Of `learning_applied`, for orders of machines: their sensors are in several partitions.
NO_PARTITION = -1
#: Shares below this are not worth naming.
LEAST_SHARE = 0.15


def subject_of(machine_id: str) -> str:
    """What the alarm is of."""
    return f"machine:{machine_id}"


@dataclass(slots=True)
class Machine:
    """One machine in the middle of its minutes.

    Attributes:
        machine_id: its name.
        sensors: ids, sorted; at most twelve are related, the first.
        units: by sensor id.
        simulated: whether all of them are: then the alarm is a drill's.
        relation: what was learned.
        raised: an alarm stands.
    """

    machine_id: str
    sensors: tuple[str, ...]
    units: Mapping[str, str]
    relation: Relation
    simulated: bool = False

    @classmethod
    def of(
        cls, machine_id: str, units: Mapping[str, str], state: bytes | None, *, simulated: bool = False
    ) -> Machine | None:
        """A machine as it was saved; a new one when it has got other sensors since. None: fewer than two sensors.

        Raises:
            ValueError: the state is not readable.
            ProgramTooOld: a newer version of the program has saved it.
        """
        sensors = tuple(sorted(units))[:MOST_CHANNELS]
        if len(sensors) < 2:
            return None
        if state and state[0] > RELATION_VERSION:
            raise ProgramTooOld(
                f"the state of machine {machine_id} is of version {state[0]}, this program's is {RELATION_VERSION}",
                hint="a newer controlroom has saved it: start that one",
            )
        relation = Relation.load(state) if state else Relation(sensors)
        if relation.channels != sensors:
            relation = Relation(sensors)
        return cls(machine_id, sensors, units, relation, simulated)

    def minute(self, start: int, means: Mapping[str, float | None]) -> AlarmEvent | None:
        """Take the means of the minute that began at `start`, seconds since the epoch; what changes, in event time."""
        was = self.relation.raised
        verdict = self.relation.observe([means.get(sensor) for sensor in self.sensors])
        at = float(start + MINUTE)
        if verdict.raised and not was:
            return self._detected(at, verdict, means)
        return Returned(at=at) if was and not verdict.raised else None

    def accept(self, at: float) -> AlarmEvent | None:
        """How the machine is now is normal (an operator said so): its relation is learned anew."""
        was = self.relation.raised
        self.relation = Relation(self.sensors)
        return Returned(at=at) if was else None

    def _detected(self, at: float, verdict: Verdict, means: Mapping[str, float | None]) -> Detected:
        moved = sorted(verdict.shares.items(), key=lambda item: (-item[1], item[0]))
        worst = moved[0][0]
        named = ", ".join(f"{name} {share:.0%}" for name, share in moved[:3] if share >= LEAST_SHARE)
        value, expected, unit = means.get(worst), verdict.expected, self.units.get(worst, "")
        told = ""
        if value is not None and expected is not None:
            told = f": {worst} is at {number(value, unit)} where the others speak for {number(expected, unit)}"
        return Detected(
            at=at,
            severity=Severity.WARNING,
            value=value,
            expected=expected,
            score=verdict.statistic,
            detector="relation",
            message=f"its sensors do not go together as usual{told} (moved: {named})",
            simulated=self.simulated,
        )


def closed_until(newest: Mapping[str, int]) -> int:
    """The first minute that is not over, from each sensor's newest minute: that of the last one that is waited for.

    >>> closed_until({"a": 600, "b": 480, "c": -6000}), closed_until({})
    (480, 0)
    """
    if not newest:
        return 0
    latest = max(newest.values())
    return min(minute for minute in newest.values() if minute > latest - PATIENCE_S)


def by_minute(rows: Sequence[tuple[str, int, float | None]], until: int) -> list[tuple[int, dict[str, float | None]]]:
    """(sensor, minute, mean) as rows of a machine, in order, of minutes before `until`.

    >>> by_minute([("b", 60, 2.0), ("a", 60, 1.0), ("a", 120, 3.0)], 120)
    [(60, {'b': 2.0, 'a': 1.0})]
    """
    found: dict[int, dict[str, float | None]] = {}
    for sensor, minute, mean in rows:
        if minute < until:
            found.setdefault(minute, {})[sensor] = mean
    return sorted(found.items())
