"""What the pipeline takes from a record of Kafka, and what it hands to the store for one partition and batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from controlroom.core.alarms.events import AlarmEvent as AlarmInput
from controlroom.core.moving import Departure
from controlroom.core.rollups import Bucket, BucketKey
from controlroom.wire import Location, Reading

#: Bytes of a rejected record that are kept, of its value and of its key.
RAW_KEPT = 64 * 1024
KEY_KEPT = 1024


class Record(Protocol):
    """A record as aiokafka hands it out; only these fields are used."""

    @property
    def offset(self) -> int:
        """Place in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """When the broker appended it, milliseconds since the epoch."""
        ...

    @property
    def key(self) -> bytes | None:
        """The sensor's id."""
        ...

    @property
    def value(self) -> bytes | None:
        """The reading, JSON."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """`simulated`, `fault-id`."""
        ...


class Source(msgspec.Struct, frozen=True):
    """The record that caused something."""

    topic: str
    partition: int
    offset: int


class SensorFacts(msgspec.Struct, frozen=True):
    """What is known of a sensor besides its values."""

    sensor_id: str
    sensor_type: str
    unit: str
    location: Location
    warning: float | None
    critical: float | None
    simulated: bool
    #: the bridge and its source that its readings come by, `BRIDGE/SOURCE`; empty: none, or not known
    source: str = ""

    @classmethod
    def of(cls, reading: Reading, *, simulated: bool) -> SensorFacts:
        """The facts that a reading tells."""
        metadata = reading.metadata
        return cls(
            reading.sensor_id,
            reading.sensor_type,
            reading.unit,
            reading.location,
            metadata.warning_threshold,
            metadata.critical_threshold,
            simulated,
            reading.source or "",
        )


def facts_of_group(name: str) -> SensorFacts:
    """The facts of what has alarms and is no sensor: `zone:zone-a`, `machine:m-1`, `partition:2`, `receiver:shift`.

    >>> facts_of_group("zone:zone-a").location.zone
    'zone-a'
    """
    sort, _, rest = name.partition(":") if ":" in name else ("", "", "")
    place = Location(machine_id=rest if sort == "machine" else "", zone=rest if sort == "zone" else "")
    return SensorFacts(name, sort, "", place, None, None, simulated=False)


def tail_hash(record: Record) -> bytes:
    """What tells a record from another at the same place of a topic that was made anew."""
    key, value = record.key or b"", record.value or b""
    return hashlib.blake2b(b"%d %d " % (record.timestamp, len(key)) + key + value, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be accepted."""

    offset: int
    log_ts: datetime
    reason: str
    detail: str
    key: bytes | None
    #: its value, or the beginning of it; None: it had none, or nothing of it is kept
    raw: bytes | None
    #: of the whole value, bytes
    size: int
    #: of the whole value
    sha256: bytes

    @classmethod
    def of(cls, record: Record, reason: str, detail: str, *, keep: bool = True) -> Reject:
        """The record with as much of it as is kept; `keep` False: hash and size alone."""
        value = record.value
        return cls(
            record.offset,
            datetime.fromtimestamp(record.timestamp / 1000, UTC),
            reason,
            detail,
            record.key[:KEY_KEPT] if record.key is not None else None,
            value[:RAW_KEPT] if keep and value is not None else None,
            len(value or b""),
            hashlib.sha256(value or b"").digest(),
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that moves one alarm (sensor, kind), with the record that caused it."""

    facts: SensorFacts
    kind: str
    event: AlarmInput
    source: Source


#: (off, log_ts, event_ts, sensor_id, value, quality, seq): a row of `readings` less its topic and partition; times are
#: seconds since the epoch, since a datetime costs as much as all the rest of a reading that is not stored
ReadingRow = tuple[int, float, float, str, float, float, int]


class Rows(Protocol):
    """Rows of `readings`, in order: a list, or what packs them at once."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __iter__(self) -> Iterator[ReadingRow]:
        """The rows, as tuples."""
        ...

    def append(self, row: ReadingRow, /) -> None:
        """Add one."""
        ...


@dataclass(slots=True)
class Batch:
    """All that follows from the records [first, next_offset) of one partition: written as a whole or not at all."""

    first: int
    next_offset: int
    records: int = 0
    readings: Rows = field(default_factory=list[ReadingRow])
    rejects: list[Reject] = field(default_factory=list)
    #: of the rejects, as far as they are kept
    rejected_bytes: int = 0
    signals: list[Signal] = field(default_factory=list)
    #: of sensors that were met for the first time, how many send what is passed over, by `surplus_of`'s names
    surplus: dict[str, int] = field(default_factory=dict)
    #: sensors that were met for the first time since the partition was taken, and have no saved state
    new_sensors: list[str] = field(default_factory=list)
    #: sensors that are new or whose facts have changed
    sensors: dict[str, SensorFacts] = field(default_factory=dict)
    #: sensor id -> detector state as of next_offset; None: no checkpoint in this batch
    states: dict[str, bytes] | None = None
    #: (order, offset that it was carried out before) of what operators told the detectors; saved with a checkpoint
    ordered: list[tuple[int, int]] = field(default_factory=list)
    #: sensors that the partition gives up; only in a batch with a checkpoint
    departures: list[Departure] = field(default_factory=list)
    #: roll-ups by minute since the last checkpoint; only a batch with a checkpoint has them
    rollups: dict[BucketKey, Bucket] = field(default_factory=dict)
    #: the same by second, if they are wanted
    seconds: dict[BucketKey, Bucket] = field(default_factory=dict)
    #: something follows from what no record tells: it must be saved, since the records would not bring it again
    needs_checkpoint: bool = False
    #: `tail_hash` of its last record
    tail: bytes | None = None
    #: monotonic seconds when the first record of it was received
    received_at: float = 0.0
