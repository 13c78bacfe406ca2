"""What a console knows by the summary: which worker tells of which partition, and how fresh that is.

What is told of sensors goes into the plant's state; here is kept what it takes to understand the next record.
"""

from __future__ import annotations

from collections.abc import Collection

from controlroom.core.plant_state import PlantState
from controlroom.core.reading_columns import ReadingColumns
from controlroom.wire.summary import BLOCK, SummaryBeat, SummaryBlock, SummaryRecord, SummarySensor

#: A worker that has told nothing for so long, by the brokers' clock, has lost the partition to whoever tells now.
SILENT_MS = 5_000


class _Part:
    """One partition, as its worker tells it."""

    __slots__ = ("beat", "blocks", "epoch", "heard", "readings", "told_ms")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        #: columns of its sensors, by the number of the first divided by BLOCK
        self.blocks: dict[int, ReadingColumns] = {}
        #: the last beat, and when it came, by a clock that never goes back
        self.beat: SummaryBeat | None = None
        self.heard = 0.0
        #: the broker's time of the last record
        self.told_ms = 0
        self.readings: int | None = None

    def columns(self, number: int) -> ReadingColumns:
        """The columns that hold the readings of the sensor with this number."""
        block = number // BLOCK
        columns = self.blocks.get(block)
        if columns is None:
            columns = self.blocks[block] = ReadingColumns(block)
        return columns


class SummaryBook:
    """Fills a state from records of the summary.

    Args:
        groups: the consumer groups whose workers are believed.
    """

    def __init__(self, state: PlantState, groups: Collection[str]) -> None:
        self._state = state
        self._groups = frozenset(groups)
        self._parts: dict[int, _Part] = {}

    def hear(self, record: SummaryRecord, told_ms: int, now: float, *, counted: bool) -> None:
        """A record of the summary.

        Args:
            record: what was told.
            told_ms: when the broker had it, milliseconds since the epoch.
            now: when it came, by a clock that never goes back, seconds.
            counted: whether the readings that it stands for count as coming in; else somebody else counts them.
        """
        if record.group not in self._groups:
            return
        part = self._part(record, told_ms)
        if part is None:
            return
        part.told_ms = told_ms
        match record:
            case SummarySensor():
                self._state.take_summary(record, part.columns(record.number), record.number % BLOCK)
            case SummaryBlock():
                self._state.take_columns(part.columns(record.first), record)
            case _:
                if counted and part.readings is not None:
                    self._state.count_readings(max(0, record.readings - part.readings))
                part.beat, part.heard, part.readings = record, now, record.readings

    def age(self, partition: int, now: float) -> float | None:
        """Seconds since all readings of a partition were in the summary; None: nobody tells, or not all sensors yet."""
        part = self._parts.get(partition)
        if part is None or part.beat is None or part.beat.untold:
            return None
        return max(0.0, now - part.heard) + part.beat.behind_s

    def through(self, partition: int) -> int:
        """The offset after the last reading of a partition that is in the summary; 0: not known."""
        part = self._parts.get(partition)
        return part.beat.through if part is not None and part.beat is not None else 0

    def _part(self, record: SummaryRecord, told_ms: int) -> _Part | None:
        part = self._parts.get(record.partition)
        if part is not None and record.epoch < part.epoch and told_ms - part.told_ms <= SILENT_MS:
            return None  # a worker that does not know yet that it has lost the partition
        if part is None or record.epoch != part.epoch:
            part = self._parts[record.partition] = _Part(record.epoch)
        return part
