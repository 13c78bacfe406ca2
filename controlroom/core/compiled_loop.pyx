"""The loop over records, compiled: as `PartitionPipeline.process` says, and nothing else.

What is done for every reading is done here. Everything that is rare is the pipeline's own: a reading that is not written
as its sensor's last one, a new sensor, a reject, a finding, a tick.
"""

from bisect import bisect_left

from libc.math cimport floor
from libc.string cimport memcmp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError
from cpython.ref cimport PyObject

from controlroom.core.packed_rows cimport PackedRows
from controlroom.core.reading_template cimport Parsed
from controlroom.core.record_block cimport Entry, RecordBlock
from controlroom.core.rollups cimport Bucket
from controlroom.core.slot cimport Slot

from controlroom.core.moving import UnknownSensor
from controlroom.core.reading_template import template_of
from controlroom.core.record_block import RecordBlock as _Block
from controlroom.core.records import tail_hash
from controlroom.core.rollups import Bucket as _Bucket
from controlroom.core.slot import fault_id_of
from controlroom.core.times import EARLIEST_S, MAX_AHEAD_S
from controlroom.wire import BadMessage

cdef double _AHEAD_S = MAX_AHEAD_S
cdef double _EARLIEST_S = EARLIEST_S
cdef double _MINUTE = 60.0


def process(pipeline, found):
    """As `PartitionPipeline.process`."""
    cdef RecordBlock records = _Block.of(found)
    batch = pipeline.pending
    cdef dict slots = pipeline.slots
    cdef PackedRows rows = batch.readings
    options = pipeline.options
    cdef long long sample_every = options.sample_every
    cdef bint rolls_up = options.roll_up, by_second = options.by_second, detects = options.detect
    cdef long long offset = pipeline.next_offset - 1
    cdef long long log_ms = -1
    cdef double arrived = 0.0, latest = 0.0, event_s, stored_s, next_tick = pipeline.next_tick
    cdef double since
    cdef Py_ssize_t index
    cdef Entry *entry
    cdef Parsed read
    cdef Slot slot
    cdef Bucket bucket
    cdef PyObject *known
    cdef bytes key
    cdef bint has_findings
    for index in range(records.size):
        entry = records.entry(index)
        offset = entry.offset
        if entry.timestamp != log_ms:
            log_ms = entry.timestamp
            arrived = <double> log_ms / 1000.0
            latest = arrived + _AHEAD_S
            if arrived >= next_tick:
                pipeline.tick(arrived)
                next_tick = pipeline.next_tick
        slot = None
        if entry.key != NULL:
            key = PyBytes_FromStringAndSize(entry.key, entry.key_size)
            known = PyDict_GetItemWithError(slots, key)
            if known != NULL:
                slot = <Slot> <object> known
        if (
            slot is None
            or slot.template is None
            or entry.value == NULL
            or not slot.template.match(entry.value, entry.value_size, &read)
        ):
            record = records.record(index)
            try:
                slot = _read(pipeline, slot, record, &read)
            except BadMessage as bad:
                pipeline.reject(record, bad)
                continue
            except UnknownSensor:
                pipeline.next_offset = batch.next_offset = offset
                batch.records += index
                if index:
                    batch.tail = tail_hash(records.record(index - 1))
                return records[index:]
        elif slot.misses:
            slot.misses -= 1
        event_s = stored_s = read.event_s
        if event_s > latest or event_s < _EARLIEST_S:
            # The clock is wrong, the value may well be right: watched at the time it came, kept as doubtful.
            event_s, stored_s, read.quality = slot.clock_at(arrived), arrived, 0.0
        if event_s > slot.clock:
            slot.clock = event_s
        slot.arrived = arrived
        slot.source = offset
        if entry.header_count or slot.fault_id is not None:
            slot.fault_id = fault_id_of(records.headers_of(index)) if _tells_fault(records, entry) else None
        if slot.clock >= slot.deadline:
            pipeline.time_passed(slot, slot.clock)
        has_findings = False
        if detects:
            findings = slot.bank.observe(read.count, event_s, arrived, read.value)
            if findings:
                has_findings = True
                pipeline.signal(slot, findings, slot.clock, arrived)
        if rolls_up:
            bucket = slot.bucket
            since = event_s - slot.bucket_start
            if bucket is None or not 0.0 <= since < _MINUTE:
                bucket = pipeline.bucket(slot, event_s)
            bucket.add(event_s, read.value, read.quality)
            if by_second:
                pipeline.seconds.setdefault((slot.sensor_id, int(event_s)), _Bucket()).add(
                    event_s, read.value, read.quality
                )
        if sample_every:
            slot.count += 1
            if sample_every == 1 or has_findings or slot.count % sample_every == 0:
                rows.add(
                    offset, arrived, stored_s, entry.key, entry.key_size, read.value, read.quality, read.count
                )
    if records.size:
        batch.records += records.size
        batch.tail = tail_hash(records.record(records.size - 1))
    pipeline.next_offset = batch.next_offset = offset + 1
    pipeline.looked_for_here.clear()
    return ()


cdef Slot _read(pipeline, Slot known, record, Parsed *read):
    """A reading that is not written as its sensor's last one: by every rule."""
    cdef Slot slot
    slot, reading = pipeline.read(record)
    read.event_s = reading.timestamp.timestamp()
    read.value = reading.value
    read.quality = reading.quality
    read.count = reading.metadata.reading_count
    slot.misses += 1
    # Less and less often for a sensor that hardly ever writes two readings alike.
    if slot.misses & (slot.misses - 1) == 0:
        slot.template = template_of(record.value)
    return slot


cdef bint _tells_fault(RecordBlock records, Entry *entry) except -1:
    """Whether a fault may be told by the headers; nearly all records of simulated sensors have others alone."""
    cdef Py_ssize_t at, size = entry.end - entry.headers
    if records.store.objects is not None:
        return True
    for at in range(size - 7):
        if memcmp(entry.headers + at, b"fault-id", 8) == 0:
            return True
    return False
