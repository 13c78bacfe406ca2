r"""One reading of one sensor, as it is on `sensor-data`.

>>> raw = (b'{"timestamp":"2025-09-16T21:41:41.011144Z","sensor_id":"temp-sensor-001","sensor_type":"temperature",'
...        b'"location":{"factory_section":"production","machine_id":"machine-001","zone":"zone-a"},"value":42.48,'
...        b'"unit":"\xc2\xb0C","alert_level":"critical","quality":1.0,"metadata":{"reading_count":14,'
...        b'"warning_threshold":35.0,"critical_threshold":40.0}}')
>>> reading = decode_reading(raw)
>>> reading.value, reading.metadata.reading_count
(42.48, 14)
>>> encode_reading(reading) == raw
True
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from controlroom.wire.codec import BadMessage, Codec, Name, Quantity, Reason, Text

#: Records of simulated sensors carry this header, so that a drill is never mistaken for the real thing.
HEADER_SIMULATED = "simulated"
#: The injected fault that shaped a reading: the ground truth. Detectors never see it.
HEADER_FAULT = "fault-id"

#: What the sensor itself thinks of its value.
AlertLevel = Literal["normal", "warning", "critical"]

_SCHEMA_MAJOR = 1


class Location(msgspec.Struct, frozen=True, gc=False):
    """Where a sensor is."""

    factory_section: Text = ""
    machine_id: Text = ""
    zone: Text = ""


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """What a sensor says of itself. Thresholds are in the reading's unit."""

    #: sequence number per sensor, from 1; 0 if the sensor does not count: gaps, repeats and disorder are seen by it
    reading_count: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    warning_threshold: Quantity | None = None
    critical_threshold: Quantity | None = None


_NOWHERE = Location()
_NOTHING = Metadata()


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One measured value. Field order is the order on the wire."""

    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    sensor_id: Name
    sensor_type: Name
    location: Location
    value: Quantity
    unit: Annotated[str, msgspec.Meta(max_length=32)] = ""
    alert_level: AlertLevel = "normal"
    #: 0 (not to be trusted) to 1 (good)
    quality: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    metadata: Metadata = _NOTHING
    #: the bridge and its source that the reading came by, `BRIDGE/SOURCE`; absent where there is no bridge
    source: Text | msgspec.UnsetType = msgspec.UNSET
    #: "major.minor"; absent means 1.0, and it stays absent until there is a second major version
    schema_version: str | msgspec.UnsetType = msgspec.UNSET


_CODEC = Codec(Reading)

encode_reading = _CODEC.encode


class QuickReading(msgspec.Struct, gc=False):
    """A reading for hot paths: what hardly ever changes is left as it came, to be compared with what is known.

    It is as good as the `Reading` of the same bytes only if all that it leaves unchecked equals what `decode_reading`
    found good before (the sensor's id, type, unit, location and source), and if the bytes hold no escaped NUL, no
    schema version and are not unduly long. Else `decode_reading` decides. The unit is left as it came, since to decode
    a "°C" takes a sixth of the time of all the message.
    """

    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    sensor_id: str
    sensor_type: str
    location: msgspec.Raw
    value: Quantity
    unit: msgspec.Raw = msgspec.Raw()
    alert_level: AlertLevel = "normal"
    quality: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    metadata: Metadata = _NOTHING
    source: str | msgspec.UnsetType = msgspec.UNSET
    schema_version: str | msgspec.UnsetType = msgspec.UNSET


#: One call for hot paths, and `REFUSALS` for what is refused.
decode_quickly = msgspec.json.Decoder(QuickReading).decode
REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


_FIELDS = {
    field.name for kind in (Reading, Location, Metadata) for field in msgspec.structs.fields(kind)
}  # fmt: skip


def surplus_of(raw: bytes, reading: Reading | None = None) -> set[str]:
    """What a good reading has that is passed over: `duplicate-keys` (the last one counts), `unknown-fields`.

    It costs as much as a dozen readings, unless `reading`, which `raw` says, is written as we would write it: for one
    now and then.

    >>> sorted(surplus_of(b'{"value": 1, "value": 2, "firmware": 3}'))
    ['duplicate-keys', 'unknown-fields']
    """
    found: set[str] = set()
    if reading is not None and encode_reading(reading) == raw:
        return found

    def look(pairs: list[tuple[str, object]]) -> None:
        names = {name for name, _ in pairs}
        if len(names) < len(pairs):
            found.add("duplicate-keys")
        if not names <= _FIELDS:
            found.add("unknown-fields")

    try:
        json.loads(raw, object_pairs_hook=look)
    except (ValueError, RecursionError):
        # In a field that is not ours: a number of 5,000 digits, say.
        found.add("unknown-fields")
    return found


def decode_reading(raw: bytes | None) -> Reading:
    """The reading in `raw`.

    Raises:
        BadMessage: it is not a reading; the reason and the place are in the error.
    """
    reading = _CODEC.decode(raw)
    version = reading.schema_version
    if version is not msgspec.UNSET and version.partition(".")[0] != str(_SCHEMA_MAJOR):
        raise BadMessage(Reason.VERSION, f"schema_version {version[:20]!r}; this program reads {_SCHEMA_MAJOR}.x")
    return reading
