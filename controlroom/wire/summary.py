"""What workers tell consoles of all sensors, once a second: the topic `sensor-data.summary`.

Consoles read this instead of every reading, so their cost depends on the number of sensors and not on the rate of
readings. The topic has three kinds of records, all JSON. Each one replaces the one before it with the same key, so the
topic is compacted:

- `sensor`: what a sensor is, and at which number of the worker's list its values stand;
- `block`: the last reading of up to 256 sensors, as columns in the order of that list;
- `beat`: how far the worker has read a partition. A worker sends one each second, also when nothing has changed.

`epoch` is that of the worker's claim to the partition. Numbers are valid within one epoch, and a record of an older
epoch is of a worker that has lost the partition.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from controlroom.wire.codec import Codec, Name, Quantity
from controlroom.wire.reading import Location

#: sensors in a block: some 20 KB, a third of what is read of one message
BLOCK = 256

Quality = Annotated[float, msgspec.Meta(ge=0, le=1)]


class SummarySensor(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sensor", omit_defaults=True):
    """What a sensor is, with its last reading at the time of writing.

    Attributes:
        group: the consumer group of the worker.
        partition: of the readings.
        epoch: of the worker's claim.
        number: the sensor's place in the worker's list.
        at: the reading's own time, seconds since the epoch.
        seen: when the broker had it, milliseconds since the epoch.
        count: the reading's number, as the sensor counts.
    """

    group: Name
    partition: Annotated[int, msgspec.Meta(ge=0)]
    epoch: int
    number: Annotated[int, msgspec.Meta(ge=0, lt=1_000_000)]
    sensor_id: Name
    sensor_type: Name
    unit: Annotated[str, msgspec.Meta(max_length=32)] = ""
    location: Location = msgspec.field(default_factory=Location)
    warning: Quantity | None = None
    critical: Quantity | None = None
    simulated: bool = False
    at: float
    seen: int
    value: Quantity
    quality: Quality = 1.0
    count: int = 0


class SummaryBlock(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="block", omit_defaults=True):
    """The last readings of up to `BLOCK` sensors, with the numbers `first` and up, a multiple of `BLOCK`.

    The columns are as long as each other. `seen` are whole milliseconds, as floats, which are quick to copy.
    `bad` holds the quality of those whose quality is not 1, by their place in the block.
    """

    group: Name
    partition: Annotated[int, msgspec.Meta(ge=0)]
    epoch: int
    first: Annotated[int, msgspec.Meta(ge=0, lt=1_000_000)]
    at: list[float]
    seen: list[float]
    value: list[Quantity]
    count: list[int]
    bad: dict[int, Quality] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError: it is no block; a decoder refuses the record."""
        if not len(self.at) == len(self.seen) == len(self.value) == len(self.count) <= BLOCK:
            raise ValueError("columns of different lengths, or too long")
        if self.first % BLOCK:
            raise ValueError("a block begins at another number")


class SummaryBeat(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="beat"):
    """How far a worker has read a partition.

    Attributes:
        through: the offset after the last reading that is in the summary.
        behind_s: seconds for which the worker has known of later readings, by its own clock; 0: it knows of none.
        readings: how many it has read of the partition since it claimed it.
        untold: sensors of which something is still to be told: until then the summary is not complete.
    """

    group: Name
    partition: Annotated[int, msgspec.Meta(ge=0)]
    epoch: int
    through: int
    behind_s: Annotated[float, msgspec.Meta(ge=0)]
    readings: int
    untold: int = 0


SummaryRecord = SummarySensor | SummaryBlock | SummaryBeat

_CODEC: Codec[SummaryRecord] = Codec(SummaryRecord)  # type: ignore[arg-type]  # msgspec takes a union, mypy no union as a type

encode_summary = _CODEC.encode
decode_summary = _CODEC.decode


def summary_key(record: SummaryRecord) -> bytes:
    """What a record replaces its predecessor by."""
    match record:
        case SummarySensor():
            return f"{record.group} sensor {record.sensor_id}".encode()
        case SummaryBlock():
            return f"{record.group} block {record.partition}/{record.first}".encode()
        case _:
            return f"{record.group} beat {record.partition}".encode()
