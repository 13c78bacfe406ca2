"""Bare records are the wrapped ones without the wrapping, and only for who asks for them."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from controlroom.adapters.kafka.lean_fetch import AS_DECODED

TP = TopicPartition("readings", 0)


def batch(first: int, count: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    for index in range(count):
        builder.append(index, 1_000 + first + index, b"key", b"value %d" % (first + index), [("simulated", b"1")])
    data = bytearray(builder.build())
    data[0:8] = first.to_bytes(8, "big")  # the base offset is not under the checksum
    return bytes(data)


def records(data: bytes, deserializer: Any, fetch_offset: int = 0) -> Any:
    return fetcher.PartitionRecords(
        TP, MemoryRecords(data), None, fetch_offset, None, deserializer, True, fetcher.READ_UNCOMMITTED
    )


def seen(found: Any) -> list[tuple[object, ...]]:
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in found]


@pytest.mark.parametrize("fetch_offset", [0, 3, 5, 12])
def test_they_say_the_same_and_end_at_the_same_place(fetch_offset: int) -> None:
    data = batch(0, 5) + batch(10, 5)  # a gap between the two, as compaction leaves
    bare, wrapped = records(data, AS_DECODED, fetch_offset), records(data, None, fetch_offset)
    assert type(bare) is not type(wrapped)
    assert seen(bare) == seen(wrapped)
    assert bare.next_fetch_offset == wrapped.next_fetch_offset == 15


def test_the_position_is_right_where_a_poll_stops_in_the_middle() -> None:
    bare = records(batch(0, 5), AS_DECODED)
    for record in bare:
        if record.offset == 2:
            break
    assert bare.next_fetch_offset == 3
    assert [record.offset for record in bare] == [3, 4]


def test_a_damaged_batch_is_refused() -> None:
    data = bytearray(batch(0, 5))
    data[-3] ^= 1
    with pytest.raises(CorruptRecordException, match="readings"):
        list(records(bytes(data), AS_DECODED))


def test_others_get_what_they_always_got() -> None:
    (record,) = records(batch(7, 1), None)
    assert (record.topic, record.partition, record.offset) == ("readings", 0, 7)
    assert isinstance(record, fetcher.ConsumerRecord)
