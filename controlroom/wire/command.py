"""What each simulated sensor should be: the desired state on the compacted topic `sensor-commands`.

A command replaces the whole desired state of its sensor, so a simulator that starts late, or again, needs only the last
one. A record without a value (a tombstone) removes the sensor.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from controlroom.wire.codec import Codec, Name, Quantity, Text
from controlroom.wire.reading import Location

#: Seconds between readings.
Interval = Annotated[float, msgspec.Meta(ge=0.01, le=86_400)]


class SensorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated sensor. What is None is usual for its type (`sensor_types`)."""

    sensor_id: Name
    sensor_type: Name
    location: Location = Location()
    interval: Interval | None = None
    unit: str | None = None
    base: Quantity | None = None
    warning: Quantity | None = None
    critical: Quantity | None = None


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One injected fault: the ground truth that detection is scored with."""

    fault_id: Name
    #: name of the fault: spike, drift, offset, ...
    fault: Name
    start: Annotated[datetime, msgspec.Meta(tz=True)]
    #: seconds; None: until it is cleared
    duration: Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)] | None = None
    #: how strong, in the fault's own measure (the simulator documents each); None: the fault's default
    magnitude: Quantity | None = None
    #: who injected it
    by: Text = ""


class SensorCommand(msgspec.Struct, frozen=True, kw_only=True):
    """The desired state of one sensor."""

    #: identifies the command in the status that answers it
    command_id: Name
    spec: SensorSpec
    paused: bool = False
    faults: tuple[FaultSpec, ...] = ()
    issued_by: Text = ""
    issued_at: Annotated[datetime, msgspec.Meta(tz=True)]


_CODEC = Codec(SensorCommand)

encode_command = _CODEC.encode
decode_command = _CODEC.decode
