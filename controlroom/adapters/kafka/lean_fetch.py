"""Fetched records as the decoder of aiokafka's batches makes them, without a second object around each.

aiokafka wraps every decoded record in a `ConsumerRecord` of eleven fields, through a generator and two calls: that is
half of what `getmany` costs. The record inside has all that a pipeline reads: offset, timestamp, key, value, headers. A
consumer that is made with `value_deserializer=AS_DECODED` is given those; every other consumer of the process is as
before. This leans on names inside aiokafka 0.14; where they are missing, nothing is changed and records come wrapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException

_NEEDED = ("_unpack_records", "_consumer_record", "__next__")


def AS_DECODED(value: bytes | None) -> bytes | None:  # noqa: N802 - used as a constant: it is recognised by identity
    """A deserializer that changes nothing, also where records are wrapped all the same."""
    return value


_Wrapped: Any = fetcher.PartitionRecords


class _Bare(_Wrapped):  # type: ignore[misc]  # aiokafka publishes no types
    """One fetch's records of one partition; for consumers that read uncommitted, as all of ours."""

    next_fetch_offset: int

    def __iter__(self) -> Iterator[Any]:
        # The generator itself: `__next__` would be a call more a record.
        return self._records_iterator  # type: ignore[no-any-return]

    def _unpack_records(self) -> Iterator[Any]:
        records = self._records
        while records.has_next():
            batch = records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"invalid checksum in {self._tp}")
            if not batch.is_control_batch:
                first = self.next_fetch_offset
                for record in batch:
                    offset = record.offset
                    # The first batch may begin before the offset that was asked for.
                    if offset >= first:
                        self.next_fetch_offset = offset + 1
                        yield record
            self.next_fetch_offset = batch.next_offset


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
    bare = value_deserializer is AS_DECODED and isolation_level == fetcher.READ_UNCOMMITTED
    kind = _Bare if bare else _Wrapped
    return kind(tp, records, aborted, fetch_offset, key_deserializer, value_deserializer, check_crcs, isolation_level)


if all(hasattr(_Wrapped, name) for name in _NEEDED) and hasattr(fetcher, "READ_UNCOMMITTED"):
    fetcher.PartitionRecords = _records_of
