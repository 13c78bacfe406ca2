"""What is done for every record of a partition: interpreted here, compiled in `compiled_loop`, the same from both.

This one is the specification.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from compiled import state
from controlroom.core.moving import UnknownSensor
from controlroom.core.records import Record, Rows, tail_hash
from controlroom.core.rollups import MINUTE, Bucket
from controlroom.core.slot import fault_id_of
from controlroom.core.times import EARLIEST_S, MAX_AHEAD_S
from controlroom.wire import BadMessage

if TYPE_CHECKING:
    from controlroom.core.pipeline import PartitionPipeline


class Loop(NamedTuple):
    """A loop over records, what it adds the rows of a partition to, and what it takes fetched records from."""

    process: Callable[[PartitionPipeline, Sequence[Record]], Sequence[Record]]
    rows: Callable[[str, int], Rows]
    records: Callable[[], Sequence[Record]]


def process(pipeline: PartitionPipeline, records: Sequence[Record]) -> Sequence[Record]:
    """As `PartitionPipeline.process`."""
    batch = pipeline.pending
    rows = batch.readings
    sample_every = pipeline.options.sample_every
    offset = pipeline.next_offset - 1
    log_ms = -1
    arrived = latest = 0.0
    rolls_up = pipeline.options.roll_up
    by_second = pipeline.options.by_second
    detects = pipeline.options.detect
    for record in records:
        offset = record.offset
        if record.timestamp != log_ms:
            log_ms = record.timestamp
            arrived = log_ms / 1000
            latest = arrived + MAX_AHEAD_S
            if arrived >= pipeline.next_tick:
                pipeline.tick(arrived)
        try:
            slot, reading = pipeline.read(record)
        except BadMessage as bad:
            pipeline.reject(record, bad)
            continue
        except UnknownSensor:
            done = bisect_left(records, offset, key=_offset_of)
            pipeline.next_offset = batch.next_offset = offset
            batch.records += done
            batch.tail = tail_hash(records[done - 1]) if done else batch.tail
            return records[done:]
        event_s = stored_s = reading.timestamp.timestamp()
        value = reading.value
        quality = reading.quality
        count = reading.metadata.reading_count
        if event_s > latest or event_s < EARLIEST_S:
            # The clock is wrong, the value may well be right: watched at the time it came, kept as doubtful.
            event_s, stored_s, quality = slot.clock_at(arrived), arrived, 0.0
        # It never goes back: a late reading does not undo what has happened since.
        if event_s > slot.clock:
            slot.clock = event_s
        slot.arrived = arrived
        slot.source = offset
        headers = record.headers
        if headers or slot.fault_id is not None:
            slot.fault_id = fault_id_of(headers)
        if slot.clock >= slot.deadline:
            pipeline.time_passed(slot, slot.clock)
        findings = slot.bank.observe(count, event_s, arrived, value) if detects else ()
        if findings:
            pipeline.signal(slot, findings, slot.clock, arrived)
        if rolls_up:
            bucket = slot.bucket
            if bucket is None or not 0.0 <= event_s - slot.bucket_start < MINUTE:
                bucket = pipeline.bucket(slot, event_s)
            bucket.add(event_s, value, quality)
            if by_second:
                pipeline.seconds.setdefault((slot.sensor_id, int(event_s)), Bucket()).add(event_s, value, quality)
        if sample_every:
            slot.count += 1
            if sample_every == 1 or findings or slot.count % sample_every == 0:
                rows.append((offset, arrived, stored_s, slot.sensor_id, value, quality, count))
    if records:
        batch.records += len(records)
        batch.tail = tail_hash(records[-1])
    pipeline.next_offset = batch.next_offset = offset + 1
    if pipeline.looked_for_here:
        # Those of these records; of whom nothing can be read is not kept.
        pipeline.looked_for_here.clear()
    return ()


def _offset_of(record: Record) -> int:
    return record.offset


INTERPRETED = Loop(process, lambda *_: [], list)


def _best() -> Loop:
    if not state().used:
        return INTERPRETED
    from controlroom.core import compiled_loop, packed_rows, record_block

    return Loop(compiled_loop.process, packed_rows.PackedRows, record_block.RecordBlock)


#: the compiled one, where it is built
BEST = _best()
