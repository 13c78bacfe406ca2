"""What each simulated sensor is: the actual state on the compacted topic `sensor-status`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from controlroom.wire.codec import Codec, Name, Text
from controlroom.wire.command import FaultSpec, SensorSpec

SensorState = Literal["running", "paused", "stopped", "removed", "refused"]


class SensorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the simulator that owns the sensor, sent at every change and every few seconds."""

    sensor_id: Name
    state: SensorState
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    #: the simulator process that runs it
    owner: Text = ""
    #: the last command that was obeyed or refused
    command_id: Text = ""
    #: why it was refused
    reason: Text = ""
    #: the last sequence number that was published
    reading_count: int = 0
    spec: SensorSpec | None = None
    #: faults that act now or are still to come
    faults: tuple[FaultSpec, ...] = ()


_CODEC = Codec(SensorStatus)

encode_status = _CODEC.encode
decode_status = _CODEC.decode
