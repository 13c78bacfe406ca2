"""One event in the life of an alarm, as it is on `alerts`, on stdout of `controlroom detect`, and in `alarm_events`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from controlroom.wire.codec import Codec
from controlroom.wire.reading import Location


class AlarmEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A transition of one alarm. `event_id` is the same however often it is delivered: drop repeats by it."""

    #: derived from the occurrence and its version: replaying the same readings gives the same ids
    event_id: str
    #: one activation of the alarm, from raise to close
    occurrence_id: str
    #: counts the changes of the occurrence, from 1
    version: int
    #: when it happened, event time, UTC
    timestamp: datetime
    #: what happened: raised, joined, clearing, recurred, returned, severity-rose, acked, closed, shelved, ...
    event: str
    sensor_id: str
    sensor_type: str
    location: Location
    #: alarm type: limit, spike, level, drift, noise, stuck, dropout, ...
    kind: str
    severity: str
    #: low, medium, high
    priority: str
    #: ISA-18.2 label after the transition: UNACK, ACKED, RTN-UNACK, NORMAL, SHELVED, ...
    state: str
    #: whether it counts as an annunciation: rings, notifies, is measured
    annunciated: bool
    value: float | None = None
    unit: str = ""
    #: what the detector held for usual, in `unit`
    expected: float | None = None
    #: the limit that was crossed, in `unit`
    limit: float | None = None
    #: the detector's statistic
    score: float | None = None
    detector: str = ""
    #: all kinds that found this disturbance, worst first: `kind` is the one that did first. Empty: `kind` alone
    kinds: tuple[str, ...] = ()
    #: one line for the operator
    message: str = ""
    #: who acted, if a person did
    actor: str = ""
    simulated: bool = False
    fault_id: str | None = None
    #: the record that caused it
    topic: str = ""
    partition: int = -1
    offset: int = -1


_CODEC = Codec(AlarmEvent)

encode_alarm_event = _CODEC.encode
decode_alarm_event = _CODEC.decode
