"""Bare records are the wrapped ones without the wrapping, and only for who asks for them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import google_crc32c
import pytest
from aiokafka import TopicPartition, codec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder

from controlroom.adapters.kafka.lean_fetch import AS_DECODED

TP = TopicPartition("readings", 0)
CODECS = {1: codec.has_gzip, 2: codec.has_snappy, 3: codec.has_lz4, 4: codec.has_zstd}


def batch(first: int, count: int, compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    for index in range(count):
        builder.append(index, 1_000 + first + index, b"key", b"value %d" % (first + index), [("simulated", b"1")])
    data = bytearray(builder.build())
    data[0:8] = first.to_bytes(8, "big")  # the base offset is not under the checksum
    return bytes(data)


def records(data: bytes, deserializer: Any, fetch_offset: int = 0) -> Any:
    return fetcher.PartitionRecords(
        TP, fetcher.MemoryRecords(data), None, fetch_offset, None, deserializer, True, fetcher.READ_UNCOMMITTED
    )


def seen(found: Any) -> list[tuple[object, ...]]:
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in found]


@pytest.mark.parametrize("compression", range(5))
@pytest.mark.parametrize("fetch_offset", [0, 3, 5, 12])
def test_they_say_the_same_and_end_at_the_same_place(fetch_offset: int, compression: int) -> None:
    if compression and not CODECS[compression]():
        pytest.skip("that compression is not installed")
    data = batch(0, 5) + batch(10, 5, compression)  # a gap between the two, as compaction leaves
    bare, wrapped = records(data, AS_DECODED, fetch_offset), records(data, None, fetch_offset)
    assert type(bare) is not type(wrapped)
    assert seen(bare.take(None)[0]) == seen(wrapped)
    assert bare.next_fetch_offset == wrapped.next_fetch_offset == 15


def test_the_position_is_right_where_a_poll_stops() -> None:
    bare = records(batch(0, 5) + batch(5, 5) + batch(10, 5), AS_DECODED)
    taken, all_of_it = bare.take(6)
    assert ([record.offset for record in taken], all_of_it) == (list(range(6)), False)
    assert bare.next_fetch_offset == 6
    taken, all_of_it = bare.take(4)
    assert ([record.offset for record in taken], all_of_it) == ([6, 7, 8, 9], False)
    assert bare.next_fetch_offset == 10
    taken, all_of_it = bare.take(6)
    assert ([record.offset for record in taken], all_of_it) == ([10, 11, 12, 13, 14], True)


class Assignment:
    """An active assignment whose position is where `consumed_to` left it."""

    active = True
    paused = False

    def __init__(self, position: int) -> None:
        self.position = position

    def state_value(self, tp: TopicPartition) -> Assignment:
        return self

    def consumed_to(self, offset: int) -> None:
        self.position = offset


def test_a_fetch_is_handed_out_in_parts_and_the_consumers_position_follows() -> None:
    at = Assignment(3)
    bare = records(batch(0, 5) + batch(5, 5) + batch(10, 5), AS_DECODED, 3)
    result = fetcher.FetchResult(TP, assignment=at, partition_records=bare, backoff=0)
    assert [record.offset for record in result.getall(3)] == [3, 4, 5]
    assert (at.position, result.has_more()) == (6, True)
    assert [record.offset for record in result.getall(30)] == list(range(6, 15))
    assert (at.position, result.has_more()) == (15, False)


def test_what_was_fetched_is_freed_at_once() -> None:
    bare = records(batch(0, 5), AS_DECODED)
    bare.take(None)
    held = weakref.ref(bare)
    gc.disable()
    try:
        del bare
        assert held() is None
    finally:
        gc.enable()


def test_after_a_seek_what_was_fetched_before_is_not_handed_out() -> None:
    at = Assignment(0)
    result = fetcher.FetchResult(TP, assignment=at, partition_records=records(batch(0, 5), AS_DECODED), backoff=0)
    at.position = 2
    assert result.getall(3) == []
    assert not result.has_more()


def test_a_damaged_batch_is_refused() -> None:
    data = bytearray(batch(0, 5) + batch(5, 5) + batch(10, 5))
    damaged = bytes([*data[:-3], data[-3] ^ 1, *data[-2:]])
    bare = records(damaged, AS_DECODED)
    assert len(bare.take(10)[0]) == 10
    with pytest.raises(CorruptRecordException, match="readings"):
        bare.take(None)


@pytest.mark.parametrize("magic", [0, 1])
def test_the_checksum_of_an_older_format_is_looked_at_too(magic: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
    for index in range(3):
        builder.append(index, 1_000, b"key", b"value")
    data = bytes(builder.build())
    assert seen(records(data, AS_DECODED).take(None)[0]) == seen(records(data, None))
    with pytest.raises(CorruptRecordException, match="readings"):
        records(data[:-1] + b"x", AS_DECODED).take(None)


def test_a_batch_that_does_not_hold_what_it_says_is_refused() -> None:
    data = bytearray(batch(0, 5))
    data[57:61] = (6).to_bytes(4, "big")
    data[17:21] = google_crc32c.value(bytes(data[21:])).to_bytes(4, "big")
    with pytest.raises(CorruptRecordException):
        records(bytes(data), AS_DECODED).take(None)


def test_others_get_what_they_always_got() -> None:
    (record,) = records(batch(7, 1), None)
    assert (record.topic, record.partition, record.offset) == ("readings", 0, 7)
    assert isinstance(record, fetcher.ConsumerRecord)
