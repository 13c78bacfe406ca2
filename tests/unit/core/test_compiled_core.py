"""The compiled core gives what the interpreted one gives, bit for bit, whatever comes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from compiled import state
from controlroom.adapters.postgres.copying import packed_readings
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import profile_for
from controlroom.core.reading_loop import BEST, INTERPRETED
from controlroom.core.records import Batch
from controlroom.wire import BadMessage, Location, Metadata, Reading, decode_reading, encode_reading

if not state().used:
    pytest.skip(f"the core is {state()}", allow_module_level=True)

from controlroom.core.reading_template import parsed_by, template_of
from controlroom.core.record_block import RecordBlock, Truncated

START = datetime(2026, 5, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ODD_NUMBERS = (
    "0", "-0", "-0.0", "0.0", "0e0", "-0e5", "1e5", "1E+5", "1e-5", "1e400", "-1e400", "1e-400", "123456789012345678",
    "00", "01", "-01", "+1", ".5", "5.", "1e", "1e+", "-", "", "NaN", "Infinity", "-Infinity", "null", '"5"', "true",
    "1.0", "9007199254740992", "9007199254740993", "-1", "5e-324", "2.2250738585072014e-308", "999999999999999.9",
    "1e15", "1000000000000000", "1000000000000001", "-1e15", "1e22", "1e23", "0.30000000000000004", "[1]", "{}",
    "1.00000000000000011102230246251565404", "8.5e-1", "1 ", " 1", "1,", "1}", "1\\u0000", "1" * 5000, "0." + "1" * 100,
)  # fmt: skip
ODD_TIMES = (
    "2026-05-01T00:00:00Z", "2026-05-01T00:00:00.1Z", "2026-05-01T00:00:00.123456Z", "2026-05-01T00:00:00.1234567Z",
    "2026-05-01T00:00:00.9999999Z", "2026-05-01T00:00:00+00:00", "2026-05-01T02:30:00.5+02:30",
    "2026-05-01T00:00:00-23:59", "2026-05-01T00:00:00+24:00", "2026-05-01T00:00:00+0200", "2026-05-01T00:00:00",
    "2026-05-01t00:00:00z", "2026-05-01 00:00:00Z", "2024-02-29T23:59:59Z", "2026-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z", "2026-05-01T24:00:00Z", "2026-05-01T00:60:00Z",
    "2026-05-01T23:59:60Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2200-12-31T23:59:59.999999-23:59",
    "2026-05-01T00:00:00.Z", "2026-05-01T00:00:00.1", "\\u0032026-05-01T00:00:00Z", "", "2026",
    "2026-05-01T00:00:00Z ", "+026-05-01T00:00:00Z", "2026-5-01T00:00:00Z",
)  # fmt: skip

#: Behind the last field of a reading.
EXTRAS = (
    "", "", "", '"firmware":"\\u0000"', '"value":3.5', '"metadata.reading_count":5', '"schema_version":"1.0"',
    '"schema_version":"2.0"', '"n":{"value":1,"timestamp":2}', '"source":"b/s"', '"valu\\u0065":1.5',
)  # fmt: skip

numbers = st.one_of(
    st.sampled_from(ODD_NUMBERS),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-100, 100).map(lambda value: repr(round(value, 3))),
    st.integers(-(10**18), 10**18).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
times = st.one_of(
    st.sampled_from(ODD_TIMES),
    st.datetimes(timezones=st.just(UTC)).map(lambda when: when.isoformat()),
    st.floats(-1e7, 7.5e9).map(lambda s: (EPOCH + timedelta(seconds=s)).isoformat()[:-6] + "Z"),
    st.floats(0, 3e9).map(lambda s: (EPOCH + timedelta(seconds=s)).isoformat()[:-6] + "+05:30"),
)
levels = st.sampled_from(['"normal"', '"warning"', '"critical"', '"Normal"', '"alarm"', "null", "1", '"normal'])
FIELDS = ("timestamp", "sensor_id", "sensor_type", "location", "value", "unit", "alert_level", "quality", "metadata")


def text(parts: dict[str, str], comma: str, colon: str) -> bytes:
    return ("{" + comma.join(f'"{name}"{colon}{value}' for name, value in parts.items()) + "}").encode()


@st.composite
def readings(draw: st.DrawFn, sensor: str = "s-1") -> bytes:
    """A reading's text: nearly always usual, with something odd in one place or another."""
    comma, colon = draw(st.sampled_from([(",", ":"), (",", ":"), (", ", ": "), (",", ": ")]))
    metadata = {
        "reading_count": draw(st.one_of(st.integers(0, 10**6).map(str), numbers)),
        "warning_threshold": draw(st.sampled_from(["35.0", "35.0", "36.5", "null"])),
        "critical_threshold": "40.0",
    }
    parts = {
        "timestamp": '"' + draw(times) + '"',
        "sensor_id": json.dumps(sensor),
        "sensor_type": '"temperature"',
        "location": '{"zone":"a"}',
        "value": draw(numbers),
        "unit": draw(st.sampled_from(['"°C"', '"°C"', '"\\u00b0C"', '"K"'])),
        "alert_level": draw(levels),
        "quality": draw(st.one_of(st.just("1.0"), numbers)),
        "metadata": text(metadata, comma, colon).decode(),
    }
    extra = draw(st.sampled_from(EXTRAS))
    left_out = draw(st.sets(st.sampled_from(FIELDS), max_size=1)) if draw(st.booleans()) else set()
    order = draw(st.permutations(list(parts))) if draw(st.booleans()) else list(parts)
    raw = text({name: parts[name] for name in order if name not in left_out}, comma, colon)
    if extra:
        raw = raw[:-1] + b"," + extra.encode() + b"}"
    cut = draw(st.sampled_from([0, 0, 0, 0, 0, 1, 7, 40]))
    return raw[: len(raw) - cut] + draw(st.sampled_from([b"", b"", b"", b"", b" ", b"}", b"\xff"]))


def told(raw: bytes) -> tuple[Any, ...] | None:
    """All that a reading says; None: it is refused."""
    try:
        reading = decode_reading(raw)
    except BadMessage:
        return None
    value, quality = reading.value.hex(), reading.quality.hex()
    facts = (reading.sensor_id, reading.sensor_type, reading.location, reading.unit, reading.source)
    limits = (reading.metadata.warning_threshold, reading.metadata.critical_threshold)
    return reading.timestamp.timestamp().hex(), value, quality, reading.metadata.reading_count, facts, limits


@settings(max_examples=300, deadline=None)
@given(
    raw=readings(), swapped=st.lists(st.tuples(times, numbers, numbers, numbers, levels), max_size=6), other=readings()
)
def test_what_a_template_takes_is_what_the_wire_takes(
    raw: bytes, swapped: list[tuple[str, str, str, str, str]], other: bytes
) -> None:
    expected = told(raw)
    if expected is None:
        return
    template = template_of(raw)
    if template is None:
        return
    fields: dict[str, Any] = json.loads(raw)
    candidates = [raw, other]
    for when, value, quality, count, level in swapped:
        written = {name: json.dumps(field, ensure_ascii=False) for name, field in fields.items()}
        written |= {"timestamp": f'"{when}"', "value": value, "quality": quality, "alert_level": level}
        metadata = {name: json.dumps(field) for name, field in fields.get("metadata", {}).items()}
        metadata["reading_count"] = count
        for comma, colon in ((",", ":"), (", ", ": ")):
            candidates.append(text(written | {"metadata": text(metadata, comma, colon).decode()}, comma, colon))
    for candidate in candidates:
        parsed = parsed_by(template, candidate)
        if parsed is None:
            continue
        event_s, value, quality, count = parsed
        assert told(candidate) == (event_s.hex(), value.hex(), quality.hex(), count, *expected[4:])


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_what_is_usual_is_never_declined(separators: tuple[str, str]) -> None:
    def written(number: int) -> bytes:
        when, value = START + timedelta(milliseconds=1234 * number), 20.0 + number / 7
        made = Reading(when, "s-1", "temperature", Location("a", "b", "c"), value, "°C", metadata=Metadata(number, 3.0))
        return json.dumps(json.loads(encode_reading(made)), separators=separators, ensure_ascii=False).encode()

    template = template_of(written(0))
    assert template is not None
    for number in range(500):
        raw = written(number)
        reading = decode_reading(raw)
        expected = (reading.timestamp.timestamp(), reading.value, reading.quality, reading.metadata.reading_count)
        assert parsed_by(template, raw) == expected


@dataclass(frozen=True)
class Record:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    records = []
    stamp, offset = round(START.timestamp() * 1000), 0
    written = dict.fromkeys(("s-1", "s-2", "s-3"), 0)
    for _ in range(draw(st.integers(0, 60))):
        stamp += draw(st.sampled_from([0, 1, 500, 1000, 9000, -300]))
        offset += draw(st.sampled_from([1, 1, 1, 2, 30]))
        sensor = draw(st.sampled_from(list(written)))
        written[sensor] += 1
        value = draw(st.sampled_from([25.0, 25.5, 36.0, 41.0, 1e9]) | st.floats(0, 50))
        zone = draw(st.sampled_from(["a", "a", "a", "b"]))
        when = datetime.fromtimestamp(stamp / 1000 + draw(st.sampled_from([0, 0, -5, 90, 4e7, -9e8])), UTC)
        usual = encode_reading(
            Reading(
                when,
                sensor,
                "temperature",
                Location(zone=zone),
                value,
                "°C",
                metadata=Metadata(written[sensor], 35.0, 40.0),
            )
        )
        raw = draw(st.sampled_from([usual] * 8 + [None, b"", b"{", usual[:-1], usual + b" "]) | readings(sensor))
        key = draw(st.sampled_from([sensor.encode()] * 12 + [None, b"", b"s-2", b"\xff"]))
        headers = draw(
            st.sampled_from(
                [(), (("simulated", b"1"),), (("simulated", b"1"), ("fault-id", b"f-1")), (("fault-id", b""),)]
            )
        )
        records.append(Record(offset, stamp, key, raw, headers))
    return records


BUCKET = ("bad", "count", "high", "last", "last_s", "low", "m2", "mean")


def contents(batch: Batch) -> dict[str, Any]:
    """All of a batch, in a form that compares."""
    buckets = {
        name: {key: [getattr(bucket, slot) for slot in BUCKET] for key, bucket in found.items()}
        for name, found in (("minutes", batch.rollups), ("seconds", batch.seconds))
    }
    if isinstance(batch.readings, list):
        rows = packed_readings("readings", 0, batch.readings)[19:-2]
    else:
        rows = batch.readings.rows()  # type: ignore[attr-defined]
    names = ["first", "next_offset", "records", "rejects", "rejected_bytes", "signals", "surplus", "new_sensors"]
    names += ["sensors", "states", "tail", "needs_checkpoint"]
    return {name: getattr(batch, name) for name in names} | buckets | {"rows": rows, "count": len(batch.readings)}


@settings(max_examples=120, deadline=None)
@given(
    records=logs(), cut=st.integers(0, 60), every=st.sampled_from([0, 1, 3]),
    bank=st.sampled_from(["default", "cheap"]),
    by_second=st.booleans(), stops=st.booleans(), fetched=st.booleans(),
)  # fmt: skip
def test_both_loops_make_the_same_of_a_log(
    records: list[Record], cut: int, every: int, bank: Any, by_second: bool, stops: bool, fetched: bool
) -> None:
    made = []
    for loop in (INTERPRETED, BEST):
        options = PipelineOptions(sample_every=every, by_second=by_second, bank=bank, max_sensors=2)
        pipeline = PartitionPipeline("readings", 0, 0, {}, profile_for, options, loop)
        pipeline.stops_at_unknown = stops
        found: list[Any] = []
        for part in (records[:cut], records[cut:]):
            rest: Sequence[Any] = RecordBlock.of(part) if fetched and loop is BEST else part
            while rest:
                rest = pipeline.process(rest)
                if rest:
                    pipeline.looked_for([rest[0].key.decode()])
                    found.append(rest[0].offset)
            found.append((contents(pipeline.take(checkpoint=True)), pipeline.clocks()))
        made.append(found)
    assert made[0] == made[1]


def batch_of(records: Sequence[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]], first: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 24,
    )  # fmt: skip
    for index, (key, value, headers) in enumerate(records):
        builder.append(index, 1_000_000 + index * 3, key, value, headers)
    data = bytearray(builder.build())
    data[0:8] = first.to_bytes(8, "big")
    return bytes(data)


some_bytes = st.none() | st.binary(max_size=400)


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(
        st.tuples(some_bytes, some_bytes, st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=9)), max_size=3)),
        min_size=1, max_size=20,
    ),
    wanted=st.integers(0, 25), cut=st.integers(0, 400),
)  # fmt: skip
def test_records_are_what_the_client_makes_of_a_batch(records: Any, wanted: int, cut: int) -> None:
    data = batch_of(records, 5)
    batch = MemoryRecords(data).next_batch()
    expected = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch if r.offset >= wanted]
    block = RecordBlock()
    block.add(data, 61, len(data), 5, 1_000_000, None, len(records), wanted)
    assert [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in block] == expected
    assert [r.offset for r in block[1:3]] == [row[0] for row in expected[1:3]]
    if cut:
        with pytest.raises(Truncated):
            RecordBlock().add(data, 61, max(61, len(data) - cut), 5, 1_000_000, None, len(records), 0)
    with pytest.raises(Truncated):
        RecordBlock().add(data, 61, len(data), 5, 1_000_000, None, len(records) + 1, 0)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200), count=st.integers(0, 50))
def test_bytes_that_are_no_batch_are_refused_or_read_within_their_bounds(data: bytes, count: int) -> None:
    block = RecordBlock()
    try:
        block.add(data, 0, len(data), 0, 0, 7, count, 0)
    except Truncated:
        return
    assert len(block) == count
    assert all(record.timestamp == 7 and len(record.key or b"") <= len(data) for record in block)


def test_the_newest_of_each_key_are_those_that_come_last() -> None:
    keys = [None if number % 9 == 8 else b"s-%d" % (number % 7) for number in range(50)]
    data = batch_of([(key, b"%d" % number, []) for number, key in enumerate(keys)])
    block = RecordBlock()
    block.add(data, 61, len(data), 0, 1_000_000, None, len(keys), 0)
    for part in (block, block[:10]):
        newest = {record.key: record.offset for record in part}
        assert {key: record.offset for key, record in part.newest_by_key().items()} == newest
