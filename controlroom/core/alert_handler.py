"""The *alert handler*: signals of a batch applied to the alarms they concern.

Pure: the store locks the alarms' rows, calls `handle`, and writes what comes back, all in one transaction, so an
operator's acknowledgement at the same moment is either seen here or waits for us.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import msgspec

from controlroom.core.alarms.common_cause import GROUP_KIND, group_of
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.disturbance import alarm_for
from controlroom.core.alarms.events import AlarmEvent as AlarmInput
from controlroom.core.alarms.events import DataBack, Detected, NoData, Returned, SuppressByDesign
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import NO_DATA_KIND, Alarm, new_alarm
from controlroom.core.alarms.transitions import Transition
from controlroom.core.records import SensorFacts, Signal, Source
from controlroom.wire import AlarmEvent

AlarmKey = tuple[str, str]


@dataclass(slots=True)
class Handled:
    """What a batch does to alarms."""

    #: the new state of every alarm that changed, by (sensor id, kind), with the facts of its sensor
    alarms: dict[AlarmKey, Alarm] = field(default_factory=dict)
    #: what is announced, in order
    events: list[AlarmEvent] = field(default_factory=list)
    #: the same as the lifecycle tells it: what notifications are planned from
    transitions: list[Transition] = field(default_factory=list)
    #: sensor id -> kind -> event time at which a running delay ends, of every sensor that was concerned
    deadlines: dict[str, dict[str, float]] = field(default_factory=dict)


def concerned(signals: Iterable[Signal]) -> tuple[list[str], list[str]]:
    """(sensors, groups) whose alarms a batch's signals may change or refer to, sorted: locked before `handle`."""
    sensors: set[str] = set()
    groups: set[str] = set()
    for signal in signals:
        if signal.kind == GROUP_KIND:
            groups.add(signal.facts.sensor_id)
        else:
            sensors.add(signal.facts.sensor_id)
            if isinstance(signal.event, SuppressByDesign) and (group := group_of(signal.event.cause)) is not None:
                groups.add(group)
    return sorted(sensors), sorted(groups)


def handle(signals: Iterable[Signal], alarms: Mapping[AlarmKey, Alarm], definitions: Definitions) -> Handled:
    """Apply `signals`, in order, to `alarms`: all alarms of every sensor that a signal names, as they are stored."""
    state = dict(alarms)
    kinds: dict[str, set[str]] = {}
    for sensor_id, kind in state:
        kinds.setdefault(sensor_id, set()).add(kind)
    result = Handled()

    def move(facts: SensorFacts, kind: str, what: AlarmInput, source: Source) -> None:
        key = (facts.sensor_id, kind)
        before = state.get(key) or new_alarm(*key)
        outcome = step(before, what, definitions.resolve(facts.sensor_id, facts.sensor_type, kind))
        if outcome.state is not before:
            state[key] = result.alarms[key] = outcome.state
            kinds.setdefault(facts.sensor_id, set()).add(kind)
        result.transitions.extend(outcome.transitions)
        result.events.extend(alarm_event(transition, facts, source) for transition in outcome.transitions)

    for signal in signals:
        facts, what = signal.facts, signal.event
        if isinstance(what, SuppressByDesign) and (group := group_of(what.cause)) is not None:
            # The group's alarm precedes its children, so its occurrence is known by now.
            parent = state.get((group, GROUP_KIND))
            what = msgspec.structs.replace(what, parent=parent.occurrence_id if parent is not None else "")
        own = {kind: state[facts.sensor_id, kind] for kind in kinds.get(facts.sensor_id, ())}
        alike = partial(definitions.alike, facts.sensor_id, facts.sensor_type)
        move(facts, alarm_for(signal.kind, what, own, alike), what, signal.source)
        if signal.kind == NO_DATA_KIND and isinstance(what, (Detected, Returned)):
            # A silent sensor's other alarms are frozen, never cleared: their condition is not known.
            frozen = NoData(at=what.at) if isinstance(what, Detected) else DataBack(at=what.at)
            for kind in sorted(kinds.get(facts.sensor_id, ())):
                if kind != NO_DATA_KIND:
                    move(facts, kind, frozen, signal.source)
        kinds.setdefault(facts.sensor_id, set())
    for sensor_id, names in kinds.items():
        times = {kind: state[sensor_id, kind].next_event_time for kind in names}
        result.deadlines[sensor_id] = {kind: time for kind, time in times.items() if time is not None}
    return result


def alarm_event(transition: Transition, facts: SensorFacts, source: Source) -> AlarmEvent:
    """A transition as it is announced on the wire."""
    seen = transition.detection
    return AlarmEvent(
        event_id=transition.event_id,
        occurrence_id=transition.occurrence_id,
        version=transition.version,
        timestamp=datetime.fromtimestamp(transition.at, UTC),
        event=str(transition.kind),
        sensor_id=facts.sensor_id,
        sensor_type=facts.sensor_type,
        location=facts.location,
        kind=transition.alarm_kind,
        severity=str(transition.severity or ""),
        priority=str(transition.priority or ""),
        state=str(transition.label),
        annunciated=transition.annunciated,
        value=seen.value if seen else None,
        unit=facts.unit,
        expected=seen.expected if seen else None,
        limit=seen.limit if seen else None,
        score=seen.score if seen else None,
        detector=seen.detector if seen else "",
        kinds=transition.kinds,
        message=transition.text or (seen.message if seen else ""),
        actor=transition.who,
        simulated=transition.simulated,
        fault_id=transition.fault_id or None,
        topic=source.topic,
        partition=source.partition,
        offset=source.offset,
    )
