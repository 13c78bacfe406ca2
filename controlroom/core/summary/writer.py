"""What a worker tells of the sensors of one partition: the last reading of each, once a second.

`note` is called with every batch of records and only remembers the last record of each sensor. `digest` decodes those,
and `beat` returns the records of the summary, so their cost depends on the number of sensors and not on the rate of
readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from operator import attrgetter
from typing import Protocol, runtime_checkable

from msgspec import UNSET, Raw

from controlroom.core.records import Record
from controlroom.core.slot import is_simulated
from controlroom.wire import BadMessage, Reading, decode_reading
from controlroom.wire.reading import REFUSALS, QuickReading, decode_quickly
from controlroom.wire.summary import (
    BLOCK,
    SummaryBeat,
    SummaryBlock,
    SummaryRecord,
    SummarySensor,
)

#: sensors of one partition that the summary holds; the others are seen by those who read every reading
MOST_SENSORS = 100_000
#: beats in which every sensor that is heard is described again, so that retention does not forget it: an hour's
TOLD_AGAIN_BEATS = 3600
#: sensors that are described at one beat: more of them would keep the worker from its readings
MOST_TOLD = 1000

_key = attrgetter("key")


class _Known:
    """What was told of a sensor, and where its values stand."""

    __slots__ = (
        "critical", "number", "place", "reading", "sensor_id", "sensor_type", "simulated", "told", "unit", "warning"
    )  # fmt: skip

    def __init__(self, reading: Reading, number: int) -> None:
        self.sensor_id = reading.sensor_id
        self.number = number
        #: the last one that told something else than the one before
        self.reading = reading
        #: the number of the beat when it was last described
        self.told = 0
        self.simulated = False
        self.place = self.unit = Raw()
        self.sensor_type = ""
        self.warning: float | None = None
        self.critical: float | None = None

    def describe(self, reading: Reading, quick: QuickReading, *, simulated: bool) -> None:
        """This reading, the same decoded in two ways, tells something new of the sensor."""
        self.reading = reading
        # Copied: what is left as it came holds the whole message.
        self.place, self.unit = quick.location.copy(), quick.unit.copy()
        self.sensor_type = quick.sensor_type
        self.warning, self.critical = quick.metadata.warning_threshold, quick.metadata.critical_threshold
        self.simulated = self.simulated or simulated

    def tells(self, reading: QuickReading) -> bool:
        """Whether a reading tells of its sensor what is known already."""
        metadata = reading.metadata
        return (
            reading.sensor_id == self.sensor_id
            and reading.location == self.place
            and reading.unit == self.unit
            and reading.sensor_type == self.sensor_type
            and metadata.warning_threshold == self.warning
            and metadata.critical_threshold == self.critical
            and reading.schema_version is UNSET
        )


@runtime_checkable
class KnowsNewest(Protocol):
    """Records that can tell the last one of each key at less cost than by handing out all of them."""

    def newest_by_key(self) -> dict[bytes | None, Record]:
        """The last record of each key."""
        ...


class PartitionSummary:
    """The summary of one partition in the hands of one worker.

    Args:
        group: the worker's consumer group.
        partition: of the readings.
        epoch: of the claim.
    """

    def __init__(self, group: str, partition: int, epoch: int) -> None:
        self._group = group
        self._partition = partition
        self._epoch = epoch
        self._latest: dict[bytes | None, Record] = {}
        #: of these the ones that a beat is taking in
        self._noted: dict[bytes | None, Record] = {}
        #: sensors that are to be described, and blocks that are to be told
        self._untold: dict[bytes, None] = {}
        self._changed: set[int] = set()
        self._known: dict[bytes, _Known] = {}
        self._keys: list[bytes] = []
        self._at: list[float] = []
        self._seen: list[float] = []
        self._value: list[float] = []
        self._quality: list[float] = []
        self._count: list[int] = []
        self._readings = 0
        self._beats = 0
        #: the next sensor that may be described again
        self._again = 0
        #: the broker's time of the last record
        self._newest_ms = 0

    def note(self, records: Sequence[Record]) -> None:
        """These were read, in order of offset."""
        if not records:
            return
        latest = self._latest
        if isinstance(records, KnowsNewest):
            latest.update(records.newest_by_key())
        else:
            latest.update(zip(map(_key, records), records, strict=True))
        if len(latest) > MOST_SENSORS:  # of those that send only once there may be any number
            latest.clear()
        self._readings += len(records)
        self._newest_ms = records[-1].timestamp

    def digest(self, most: int) -> bool:
        """Take in `most` of the records that were noted; whether more are left.

        To be called until nothing is left before each `beat`: a worker with many sensors gets its turns in between.
        """
        if not self._noted:
            self._noted, self._latest = self._latest, {}
        noted = self._noted
        for _ in range(min(most, len(noted))):
            key, record = noted.popitem()
            if key is not None:
                self._take(key, record)
        return bool(noted)

    def tell_everything(self) -> None:
        """What was told may be lost: tell all of it again."""
        self._untold.update(dict.fromkeys(self._keys))
        self._changed.update(range(-(-len(self._keys) // BLOCK)))

    def beat(self, through: int, behind_s: float) -> list[SummaryRecord]:
        """What has changed since the last beat, and the beat itself as the last record.

        Args:
            through: the offset after the last reading that was noted.
            behind_s: seconds for which later readings are known to be there.
        """
        self._beats += 1
        self._forget_none()
        told: list[SummaryRecord] = []
        for key in list(islice(self._untold, MOST_TOLD)):
            del self._untold[key]
            told.append(self._sensor(self._known[key]))
        told.extend(self._block(number * BLOCK) for number in sorted(self._changed))
        self._changed.clear()
        told.append(
            SummaryBeat(
                group=self._group, partition=self._partition, epoch=self._epoch, through=through,
                behind_s=round(max(0.0, behind_s), 2), readings=self._readings, untold=len(self._untold),
            )
        )  # fmt: skip
        return told

    def _take(self, key: bytes, record: Record) -> None:
        known = self._known.get(key)
        try:
            if known is not None:
                quick = decode_quickly(record.value or b"")
                if known.tells(quick):
                    self._set(known.number, record, quick)
                    return
            reading = decode_reading(record.value)
            if known is None:
                known = self._meet(key, reading)
            if known is None or reading.sensor_id != known.sensor_id:
                return
            quick = decode_quickly(record.value or b"")
        except (BadMessage, *REFUSALS):
            return
        known.describe(reading, quick, simulated=is_simulated(record.headers))
        self._untold[key] = None
        self._set(known.number, record, reading)

    def _meet(self, key: bytes, reading: Reading) -> _Known | None:
        if key != reading.sensor_id.encode() or len(self._keys) >= MOST_SENSORS:
            return None
        known = self._known[key] = _Known(reading, len(self._keys))
        self._keys.append(key)
        for column in (self._at, self._seen, self._value, self._quality, self._count):
            column.append(0)
        return known

    def _set(self, number: int, record: Record, reading: Reading | QuickReading) -> None:
        self._at[number] = reading.timestamp.timestamp()
        self._seen[number] = record.timestamp
        self._value[number] = reading.value
        self._quality[number] = reading.quality
        self._count[number] = reading.metadata.reading_count
        self._changed.add(number // BLOCK)

    def _sensor(self, known: _Known) -> SummarySensor:
        known.told = self._beats
        reading, number = known.reading, known.number
        return SummarySensor(
            group=self._group, partition=self._partition, epoch=self._epoch, number=number, sensor_id=known.sensor_id,
            sensor_type=reading.sensor_type, unit=reading.unit, location=reading.location,
            warning=reading.metadata.warning_threshold, critical=reading.metadata.critical_threshold,
            simulated=known.simulated, at=self._at[number], seen=int(self._seen[number]), value=self._value[number],
            quality=self._quality[number], count=self._count[number],
        )  # fmt: skip

    def _forget_none(self) -> None:
        """Have a few sensors described again, so that all that were heard in the last hour are once an hour."""
        total = len(self._keys)
        for _ in range(-(-total // TOLD_AGAIN_BEATS)):
            self._again = (self._again + 1) % total
            key = self._keys[self._again]
            known = self._known[key]
            heard = self._newest_ms - self._seen[known.number] < TOLD_AGAIN_BEATS * 1000
            if heard and self._beats - known.told >= TOLD_AGAIN_BEATS:
                self._untold[key] = None

    def _block(self, first: int) -> SummaryBlock:
        part = slice(first, first + BLOCK)
        return SummaryBlock(
            group=self._group, partition=self._partition, epoch=self._epoch, first=first, at=self._at[part],
            seen=self._seen[part], value=self._value[part], count=self._count[part],
            bad={place: quality for place, quality in enumerate(self._quality[part]) if quality < 1.0},
        )  # fmt: skip
