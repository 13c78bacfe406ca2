"""What detection made of a drill: each fault detected or missed, how soon and by what, and false alarms. Pure.

An alarm is put down to a fault when it is one of the fault's sensors, or of a group that such a sensor belongs to (its
machine, its zone, its partition), and comes within the fault's window: from its start until `grace` after its end. The
window is the whole rule; what the pipeline itself ascribed an alarm to (`fault_id`) plays no part, because it cannot
know the cause of a silence, and because a score must not be made by what is scored.

Every time is the brokers' (a drill's brokers have simulated time): a sensor whose clock is wrong is not thereby late.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

#: What an operator sees of an alarm for the first time, or anew: what can be the detection of a fault.
TELLING = frozenset({"raised", "joined", "recurred", "severity-rose"})
#: Kinds that may notice a fault after it has ended: what is late or missing is seen when something arrives. Any other
#: alarm after the end is about the return to normal: it is explained by the fault, but has not detected it.
BELATED = frozenset({"dropout", "late", "clock", "order", "duplicate", "corrupt", "group-silent"})
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Truth:
    """One thing that was done to sensors. Times in seconds since the epoch."""

    fault_id: str
    fault: str
    sensors: frozenset[str]
    #: groups that may ring for them: `machine:m-1`, `zone:zone-a`
    groups: frozenset[str]
    start: float
    end: float
    #: seconds between readings, of the quickest of its sensors
    interval: float
    #: must be detected so soon, seconds; None: not asked
    within: float | None = None
    #: by an alarm of one of these kinds; empty: of any
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Told:
    """One event of an alarm."""

    sensor_id: str
    #: all kinds that had found it by then, worst first
    kinds: tuple[str, ...]
    event: str
    at: float
    detector: str
    message: str
    #: it rings; a child of a group's alarm does not
    annunciated: bool
    #: it stands for itself, not as part of another alarm
    own: bool


@dataclass(frozen=True, slots=True)
class Detection:
    """What became of one fault. Delays from its start."""

    fault_id: str
    fault: str
    sensors: tuple[str, ...]
    start: float
    end: float
    detected: bool
    delay_s: float | None = None
    #: readings that were due until then, its own first one included
    delay_samples: int | None = None
    detector: str = ""
    kind: str = ""
    #: the sensor or group that rang
    alarm: str = ""
    #: all kinds of alarms that it raised
    kinds: tuple[str, ...] = ()
    #: why it does not meet what was expected of it; empty when it does
    failure: str = ""


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """An alarm that nothing explains."""

    sensor_id: str
    kind: str
    detector: str
    at: float
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation, and what came."""

    what: str
    expected: str
    found: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Score:
    """A drill's result."""

    faults: tuple[Detection, ...]
    false_alarms: tuple[FalseAlarm, ...]
    sensors: int
    sensor_days: float
    #: alarms that rang
    annunciations: int
    checks: tuple[Check, ...] = ()

    @property
    def detected(self) -> int:
        """Faults that were detected."""
        return sum(fault.detected for fault in self.faults)

    @property
    def false_alarms_per_sensor_day(self) -> float:
        """Their rate."""
        return len(self.false_alarms) / self.sensor_days

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return all(check.passed for check in self.checks)


def score(truths: Sequence[Truth], told: Iterable[Told], *, sensors: int, seconds: float, grace: float) -> Score:
    """Compare what was done with what was told.

    Args:
        truths: everything that was done to sensors.
        told: the events of all alarms, in any order.
        sensors: how many there were.
        seconds: how long the drill lasted.
        grace: seconds after a fault's end within which an alarm is still put down to it.
    """
    by_place: dict[str, list[Truth]] = {}
    for truth in truths:
        for name in truth.sensors | truth.groups:
            by_place.setdefault(name, []).append(truth)
    raised: dict[str, list[Told]] = {truth.fault_id: [] for truth in truths}
    false_alarms: list[FalseAlarm] = []
    annunciations = 0
    for event in sorted(told, key=lambda event: event.at):
        annunciations += event.annunciated
        if event.event not in TELLING:
            continue
        causes = [truth for truth in _around(event, by_place) if truth.start <= event.at <= truth.end + grace]
        for truth in causes:
            raised[truth.fault_id].append(event)
        if not causes and event.event == "raised" and event.own:
            false_alarms.append(FalseAlarm(event.sensor_id, event.kinds[0], event.detector, event.at, event.message))
    return Score(
        tuple(_detection(truth, raised[truth.fault_id]) for truth in sorted(truths, key=lambda truth: truth.start)),
        tuple(false_alarms),
        sensors,
        sensors * seconds / _DAY_S,
        annunciations,
    )


def _around(event: Told, by_place: dict[str, list[Truth]]) -> list[Truth]:
    if event.sensor_id.startswith("partition:"):
        # All that is silent may be in it.
        return list({truth.fault_id: truth for truths in by_place.values() for truth in truths}.values())
    return by_place.get(event.sensor_id, [])


def _detection(truth: Truth, events: list[Told]) -> Detection:
    kinds = tuple(dict.fromkeys(kind for event in events for kind in event.kinds))
    unnamed = Detection(
        truth.fault_id, truth.fault, tuple(sorted(truth.sensors)), truth.start, truth.end, detected=False, kinds=kinds
    )
    found = next(
        (
            event
            for event in events
            if (not truth.kinds or truth.kinds.intersection(event.kinds))
            and (event.at < truth.end or BELATED.intersection(event.kinds))
        ),
        None,
    )
    if found is None:
        wanted = f" as {' or '.join(sorted(truth.kinds))}" if truth.kinds else ""
        return replace(unnamed, failure=f"not detected{wanted}" if truth.within is not None else "")
    delay = found.at - truth.start
    failure = ""
    if truth.within is not None and delay > truth.within:
        failure = f"after {delay:.0f} s, not within {truth.within:.0f} s"
    return replace(
        unnamed,
        detected=True,
        delay_s=round(delay, 3),
        delay_samples=math.floor(delay / truth.interval) + 1,
        detector=found.detector,
        kind=next((kind for kind in found.kinds if kind in truth.kinds), found.kinds[0]),
        alarm=found.sensor_id,
        failure=failure,
    )


def judged(
    result: Score,
    *,
    within: int,
    detected: float | None,
    false_alarms: float | None,
    annunciations: tuple[int, int] | None,
) -> Score:
    """The score with the verdict on each expectation.

    Args:
        result: the score.
        within: faults of which a delay was asked.
        detected: share of the faults that must be detected; None: not asked.
        false_alarms: per sensor and day, at most; None: not asked.
        annunciations: alarms that ring, from and to; None: not asked.
    """
    checks: list[Check] = []
    if within:
        failed = [fault for fault in result.faults if fault.failure]
        missing = "; ".join(f"{fault.fault_id} {fault.failure}" for fault in failed[:3])
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
        found = f"{missing}{more}" if failed else "all"
        checks.append(Check("faults detected in time", f"{within} of {within}", found, not failed))
    if detected is not None and result.faults:
        share = result.detected / len(result.faults)
        checks.append(Check("faults detected", f"at least {detected:.0%}", f"{share:.0%}", share >= detected))
    if false_alarms is not None:
        rate = result.false_alarms_per_sensor_day
        checks.append(
            Check("false alarms per sensor-day", f"at most {false_alarms:g}", f"{rate:.3g}", rate <= false_alarms)
        )
    if annunciations is not None:
        low, high = annunciations
        count = result.annunciations
        checks.append(Check("alarms that ring", f"{low} to {high}", str(count), low <= count <= high))
    return replace(result, checks=tuple(checks))
