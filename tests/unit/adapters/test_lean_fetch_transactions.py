"""Of transactions bare records say what aiokafka's own say: nothing of what was aborted, and the same position."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import google_crc32c
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from controlroom.adapters.kafka.lean_fetch import AS_DECODED

TP = TopicPartition("readings", 0)
NONE, GZIP = 0, 1
ABORT, COMMIT = 0, 1
ATTRIBUTES, CHECKSUM = slice(21, 23), slice(17, 21)
CONTROL = 0x20


def batch(first: int, count: int, producer: int, *, transactional: bool, compression: int = NONE) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=int(transactional), producer_id=producer,
        producer_epoch=0, base_sequence=0, batch_size=1 << 20,
    )  # fmt: skip
    for index in range(count):
        builder.append(index, 1_000 + first + index, b"key", b"value %d" % (first + index), [])
    return placed(builder.build(), first)


def mark(first: int, producer: int, kind: int) -> bytes:
    """The end of a transaction: a batch of control."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=NONE, is_transactional=1, producer_id=producer, producer_epoch=0, base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    builder.append(0, 1_000 + first, struct.pack(">hh", 0, kind), struct.pack(">hi", 0, 0), [])
    data = bytearray(builder.build())
    data[ATTRIBUTES] = (int.from_bytes(data[ATTRIBUTES], "big") | CONTROL).to_bytes(2, "big")
    data[CHECKSUM] = google_crc32c.value(bytes(data[21:])).to_bytes(4, "big")
    return placed(data, first)


def placed(data: bytes | bytearray, first: int) -> bytes:
    return first.to_bytes(8, "big") + bytes(data[8:])  # the base offset is not under the checksum


@dataclass
class Log:
    """A partition as several producers write it."""

    data: bytes = b""
    end: int = 0
    #: records of the first batch: a broker hands out whole batches, from the one with the offset that is asked for
    first: int = 0
    committed: tuple[int, ...] = ()
    aborted: tuple[tuple[int, int], ...] = ()


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Batches of producers with and without transactions, in any order; each transaction ends in some way."""
    log = Log()
    open_: dict[int, list[int]] = {}
    begun: dict[int, int] = {}

    def end(producer: int, kind: int) -> None:
        log.data += mark(log.end, producer, kind)
        log.end += 1
        offsets = open_.pop(producer)
        if kind == COMMIT:
            log.committed += tuple(offsets)
        else:
            log.aborted += ((producer, begun[producer]),)

    for _ in range(draw(st.integers(1, 20))):
        producer = draw(st.integers(-1, 3))
        if producer in open_ and draw(st.integers(0, 2)) == 0:
            end(producer, draw(st.sampled_from([ABORT, COMMIT])))
            continue
        count, transactional = draw(st.integers(1, 4)), producer > 0
        compression = draw(st.sampled_from([NONE, GZIP]))
        log.data += batch(log.end, count, producer, transactional=transactional, compression=compression)
        log.first = log.first or count
        offsets = range(log.end, log.end + count)
        log.end += count
        if transactional:
            if producer not in open_:
                begun[producer] = offsets[0]
            open_.setdefault(producer, []).extend(offsets)
        else:
            log.committed += tuple(offsets)
    for producer in list(open_):
        end(producer, draw(st.sampled_from([ABORT, COMMIT])))
    return log


def records(log: Log, deserializer: Any, fetch_offset: int) -> Any:
    return fetcher.PartitionRecords(
        TP, fetcher.MemoryRecords(log.data), log.aborted, fetch_offset, None, deserializer, True,
        fetcher.READ_COMMITTED,
    )  # fmt: skip


@given(logs(), st.integers(0, 3))
def test_what_was_aborted_is_handed_out_by_neither(log: Log, within: int) -> None:
    fetch_offset = min(within, log.first - 1)
    bare, wrapped = records(log, AS_DECODED, fetch_offset), records(log, None, fetch_offset)
    taken, whole = bare.take(None)
    expected = [(record.offset, record.key, record.value) for record in wrapped]
    assert [(record.offset, record.key, record.value) for record in taken] == expected
    assert [record.offset for record in taken] == sorted(o for o in log.committed if o >= fetch_offset)
    assert whole
    assert bare.next_fetch_offset == wrapped.next_fetch_offset


@given(logs(), st.integers(1, 5))
def test_polls_of_a_few_records_come_to_the_same(log: Log, most: int) -> None:
    bare = records(log, AS_DECODED, 0)
    offsets: list[int] = []
    whole = False
    while not whole:
        taken, whole = bare.take(most)
        offsets += [record.offset for record in taken]
    assert offsets == sorted(log.committed)
    assert bare.next_fetch_offset == log.end
