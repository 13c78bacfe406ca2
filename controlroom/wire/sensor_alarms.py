"""The alarms of one sensor as they are told to others: the retained message of a sensor on an MQTT broker.

It is the state, not an event: whoever subscribes has it at once, and a newer message takes the place of an older one.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from controlroom.wire.codec import Codec
from controlroom.wire.reading import Location

#: A newer minor number adds fields; ignore those that you do not know.
SCHEMA_VERSION = "1.0"


class StandingAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm of the sensor that stands. Times are UTC."""

    #: alarm type: limit, spike, level, drift, noise, stuck, dropout, ...
    kind: str
    #: ISA-18.2 state: UNACK, ACKED, RTN-UNACK, LATCHED, SHELVED, BY_DESIGN or OUT_OF_SERVICE
    state: str
    #: all kinds that found this disturbance, worst first
    kinds: tuple[str, ...]
    #: of the condition now: warning or critical
    severity: str | None
    #: low, medium or high
    priority: str | None
    #: one activation of the alarm, from raise to close; and the count of its changes
    occurrence_id: str
    version: int
    #: when it was raised, when the process returned to normal; event time
    raised_at: datetime | None
    returned_at: datetime | None
    #: who acknowledged it, and when
    acked_by: str
    acked_at: datetime | None
    #: when its shelf ends
    shelved_until: datetime | None
    #: what the detector saw, in `unit`
    value: float | None
    limit: float | None
    #: one line for the operator
    message: str
    #: of an injected fault
    simulated: bool


class SensorAlarms(msgspec.Struct, frozen=True, kw_only=True):
    """All alarms of one sensor that stand; none of them: `state` is NORMAL."""

    sensor_id: str
    #: the state of the alarm that needs the operator most, NORMAL without any
    state: str
    #: its severity and priority
    severity: str | None
    priority: str | None
    sensor_type: str
    unit: str
    location: Location
    #: when an alarm of the sensor last changed
    changed_at: datetime
    #: the one that needs the operator most comes first
    alarms: tuple[StandingAlarm, ...]
    #: who publishes it: the broker's name in the control room's file
    publisher: str
    #: "major.minor"
    schema_version: str = SCHEMA_VERSION


_CODEC = Codec(SensorAlarms)

encode_sensor_alarms = _CODEC.encode
decode_sensor_alarms = _CODEC.decode


def sensor_alarms_schema() -> dict[str, object]:
    """The message as JSON Schema (draft 2020-12)."""
    return msgspec.json.schema(SensorAlarms)
