"""Fetched records as the decoder of aiokafka's batches makes them, without a second object around each.

aiokafka wraps every decoded record in a `ConsumerRecord` of eleven fields, through a generator and two calls, and hands
them on one by one: that is half of what `getmany` costs. The record inside has all that a pipeline reads: offset,
timestamp, key, value, headers. A consumer that is made with `value_deserializer=AS_DECODED` is given those, a batch at
a time; every other consumer of the process is as before. The checksum of a batch, a tenth of what is left, is
calculated by the processor's own instruction. This leans on names inside aiokafka 0.14; where they are missing,
nothing is changed and records come wrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any

import google_crc32c
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException

from controlroom.core.reading_loop import BEST

if TYPE_CHECKING:
    from controlroom.core.record_block import RecordBlock

# The head of a batch, version 2 of the format (KIP-98). The length counts from after itself, the checksum is of all
# that follows it. Older versions say at the same place that they are older.
_HEAD = Struct(">iibI")
_LENGTH_AT, _LENGTH_ENDS, _CHECKED_FROM = 8, 12, 21
_VERSION = 2
# What follows the checksum: attributes, the times of the first record and the latest, and how many records there are.
_REST = Struct(">hiqqqhii")
_RECORDS_FROM = _CHECKED_FROM + _REST.size
_COMPRESSION, _TIME_OF_BROKER = 7, 8
#: by the number in a batch's attributes
_DECOMPRESS: dict[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}
_HAS = {1: codec.has_gzip, 2: codec.has_snappy, 3: codec.has_lz4, 4: codec.has_zstd}
_QUICK_CRC = google_crc32c.implementation == "c"

_NEEDED = ("_unpack_records", "_consumer_record", "_consume_aborted_up_to", "_contains_abort_marker", "__next__")
_NEEDED_OF_RESULT = ("getall", "check_assignment", "has_more", "_update_position")


def AS_DECODED(value: bytes | None) -> bytes | None:  # noqa: N802 - used as a constant: it is recognised by identity
    """A deserializer that changes nothing, also where records are wrapped all the same."""
    return value


_Batches: Any = fetcher.MemoryRecords
_Wrapped: Any = fetcher.PartitionRecords
_WrappedResult: Any = fetcher.FetchResult


class _Kept(_Batches):  # type: ignore[misc]  # aiokafka publishes no types
    """The batches of one fetch, with their bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data
        #: where the batch that was read last begins, and where it ends
        self._at = self._end = 0

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka's
        """As aiokafka's."""
        batch = super().next_batch()
        self._at = self._end
        length, _, self._version, self._checksum = _HEAD.unpack_from(self.data, self._at + _LENGTH_AT)
        self._end = self._at + _LENGTH_ENDS + length
        return batch

    def is_sound(self, batch: Any) -> bool:  # noqa: ANN401 - aiokafka's
        """Whether the batch that was read last is as it was written."""
        if self._version != _VERSION or not _QUICK_CRC:
            return bool(batch.validate_crc())
        return bool(google_crc32c.value(self.data[self._at + _CHECKED_FROM : self._end]) == self._checksum)

    def add_to(self, block: RecordBlock, batch: Any, wanted: int) -> bool:  # noqa: ANN401 - aiokafka's
        """Add the records of the batch that was read last, from offset `wanted` on, without an object for each.

        Returns:
            False: that cannot be done with this batch.
        """
        if self._version != _VERSION:
            return False
        data, start, end = self.data, self._at + _RECORDS_FROM, self._end
        attributes, _, first_ms, latest_ms, _, _, _, count = _REST.unpack_from(data, self._at + _CHECKED_FROM)
        compression = attributes & _COMPRESSION
        if compression:
            if compression not in _DECOMPRESS or not _HAS[compression]():
                return False
            data = bytes(_DECOMPRESS[compression](data[start:end]))
            start, end = 0, len(data)
        by_broker = latest_ms if attributes & _TIME_OF_BROKER else None
        block.add(data, start, end, batch.base_offset, first_ms, by_broker, count, wanted)
        return True


class _Bare(_Wrapped):  # type: ignore[misc]  # aiokafka publishes no types
    """One fetch's records of one partition. Batches of aborted transactions are passed over."""

    next_fetch_offset: int

    #: of a batch that was more than was asked for; and the offset after that batch
    _left: Sequence[Any] = ()
    _after = 0

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - aiokafka's
        super().__init__(*arguments)
        # A generator that holds us, and would for ever, since it is never run: with it a megabyte of every fetch stays
        # until the collector comes by.
        self._records_iterator = None

    def take(self, most: int | None) -> tuple[Sequence[Any], bool]:
        """(the next records, `most` of them; whether that was all)."""
        taken: Any = self._left or BEST.records()
        if self._left:
            self._left = ()
            self.next_fetch_offset = self._after
        records = self._records
        while records.has_next() and (most is None or len(taken) < most):
            batch = records.next_batch()
            if self._check_crcs and not records.is_sound(batch):
                raise CorruptRecordException(f"invalid checksum in {self._tp}")
            if (self._aborted_transactions or self._aborted_producers) and self._is_aborted(batch):
                self.next_fetch_offset = batch.next_offset
                continue
            if not batch.is_control_batch:
                taken = self._with(taken, batch)
            self.next_fetch_offset = batch.next_offset
        if most is None or len(taken) <= most:
            return taken, not records.has_next()
        self._left, self._after = taken[most:], self.next_fetch_offset
        taken = taken[:most]
        self.next_fetch_offset = taken[-1].offset + 1
        return taken, False

    def _with(self, taken: Any, batch: Any) -> Any:  # noqa: ANN401 - a block, or a list of aiokafka's records
        """What was taken and the records of a batch, which may begin before the offset that was asked for."""
        wanted = self.next_fetch_offset
        if not isinstance(taken, list):
            try:
                if self._records.add_to(taken, batch, wanted):
                    return taken
            except ValueError as error:
                raise CorruptRecordException(f"{error}, in {self._tp}") from None
            taken = list(taken)
        found = list(batch)
        if found and found[0].offset < wanted:
            found = [record for record in found if record.offset >= wanted]
        taken += found
        return taken

    def _is_aborted(self, batch: Any) -> bool:  # noqa: ANN401 - aiokafka's
        """Whether a batch belongs to an aborted transaction; called in order, where the fetch tells of any.

        The brokers list aborted transactions to who reads committed alone.
        """
        self._consume_aborted_up_to(batch.base_offset)
        producer: int = batch.producer_id
        if batch.is_control_batch and producer in self._aborted_producers and self._contains_abort_marker(batch):
            self._aborted_producers.discard(producer)
        return bool(batch.is_transactional and producer in self._aborted_producers)


class _Result(_WrappedResult):  # type: ignore[misc]
    """What a fetch brought, handed out batch by batch: a list of records costs less than each of them by itself."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> Sequence[Any]:
        """As aiokafka's."""
        records = self._partition_records
        if not isinstance(records, _Bare):
            return super().getall(max_records)  # type: ignore[no-any-return]
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return []
        taken, all_of_it = records.take(max_records)
        self._update_position()
        if all_of_it:
            self._partition_records = None
        return taken


def _records_of(
    tp: Any,  # noqa: ANN401 - aiokafka's
    records: Any,  # noqa: ANN401
    aborted: Any,  # noqa: ANN401
    fetch_offset: int,
    key_deserializer: Any,  # noqa: ANN401
    value_deserializer: Any,  # noqa: ANN401
    check_crcs: bool,  # noqa: FBT001
    isolation_level: int,
) -> Any:  # noqa: ANN401
    kind = _Bare if value_deserializer is AS_DECODED else _Wrapped
    return kind(tp, records, aborted, fetch_offset, key_deserializer, value_deserializer, check_crcs, isolation_level)


if all(hasattr(_Wrapped, name) for name in _NEEDED) and all(
    hasattr(_WrappedResult, name) for name in _NEEDED_OF_RESULT
):
    fetcher.MemoryRecords = _Kept
    fetcher.PartitionRecords = _records_of
    fetcher.FetchResult = _Result
