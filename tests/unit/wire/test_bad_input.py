"""Whatever arrives is a reading, or is refused with a reason: never another exception, never a wrong value."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.wire import BadMessage, Reason, decode_reading, encode_reading
from controlroom.wire.reading import surplus_of

GOOD = {
    "timestamp": "2025-09-16T21:41:41.011144Z",
    "sensor_id": "temp-sensor-001",
    "sensor_type": "temperature",
    "location": {"factory_section": "production", "machine_id": "machine-001", "zone": "zone-a"},
    "value": 42.48,
    "unit": "°C",
    "alert_level": "critical",
    "quality": 1.0,
    "metadata": {"reading_count": 14, "warning_threshold": 35.0, "critical_threshold": 40.0},
}


def raw(**changes: object) -> bytes:
    return json.dumps(GOOD | changes, ensure_ascii=False).encode()


def with_value(literal: str) -> bytes:
    return raw(value=12345.678).replace(b"12345.678", literal.encode())


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(None, Reason.EMPTY, id="null"),
        pytest.param(b"", Reason.EMPTY, id="empty"),
        pytest.param(raw()[:-9], Reason.MALFORMED, id="truncated"),
        pytest.param(raw() + b" x", Reason.MALFORMED, id="trailing bytes"),
        pytest.param(b"\xef\xbb\xbf" + raw(), Reason.MALFORMED, id="BOM"),
        pytest.param(raw().decode().encode("utf-16"), Reason.MALFORMED, id="UTF-16"),
        pytest.param(raw(unit="X").replace(b'"X"', b'"\xff"'), Reason.NOT_UTF8, id="bad UTF-8"),
        pytest.param(raw(unit="X").replace(b'"X"', rb'"\ud800"'), Reason.MALFORMED, id="lone surrogate"),
        pytest.param(raw(unit="X").replace(b'"X"', b'"\xed\xa0\x80"'), Reason.NOT_UTF8, id="surrogate in UTF-8"),
        pytest.param(raw(sensor_id="a\0b"), Reason.NUL, id="NUL"),
        pytest.param(b"[" * 100_000, Reason.TOO_LARGE, id="100k nesting"),
        pytest.param(b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", Reason.TOO_DEEP, id="30k nesting"),
        pytest.param(b"[1]", Reason.INVALID, id="not an object"),
        pytest.param(raw(pad="x" * 1_000_000), Reason.TOO_LARGE, id="1 MB"),
        pytest.param(with_value("NaN"), Reason.MALFORMED, id="NaN"),
        pytest.param(with_value("Infinity"), Reason.MALFORMED, id="Infinity"),
        pytest.param(with_value("-Infinity"), Reason.MALFORMED, id="-Infinity"),
        pytest.param(with_value("1e999"), Reason.INVALID, id="1e999"),
        pytest.param(with_value('"NaN"'), Reason.INVALID, id="NaN as text"),
        pytest.param(with_value('"1.5"'), Reason.INVALID, id="number as text"),
        pytest.param(with_value("true"), Reason.INVALID, id="true"),
        pytest.param(with_value("null"), Reason.INVALID, id="null value"),
        pytest.param(with_value("9" * 5000), Reason.INVALID, id="5,000 digits"),
        pytest.param(with_value(str(2**63)), Reason.INVALID, id="int64 + 1"),
        pytest.param(raw(sensor_id=""), Reason.INVALID, id="no name"),
        pytest.param(raw(sensor_id="x" * 129), Reason.INVALID, id="long name"),
        pytest.param(raw(timestamp="2025-09-16T21:41:41"), Reason.INVALID, id="no time zone"),
        pytest.param(raw(timestamp=1758058901), Reason.INVALID, id="time as number"),
        pytest.param(raw(timestamp="yesterday"), Reason.INVALID, id="no time"),
        pytest.param(raw(quality=1.5), Reason.INVALID, id="quality over 1"),
        pytest.param(raw(alert_level="fine"), Reason.INVALID, id="unknown level"),
        pytest.param(raw(metadata={"reading_count": -1}), Reason.INVALID, id="negative sequence"),
        pytest.param(raw(schema_version="2.0"), Reason.VERSION, id="unknown major version"),
    ],
)
def test_refused_with_its_reason(message: bytes | None, reason: Reason) -> None:
    with pytest.raises(BadMessage) as refusal:
        decode_reading(message)
    assert refusal.value.reason is reason
    assert refusal.value.detail


def test_the_documented_reading_is_read_and_written_field_for_field() -> None:
    reading = decode_reading(raw())
    assert json.loads(encode_reading(reading)) == GOOD
    assert list(json.loads(encode_reading(reading))) == list(GOOD)


def test_of_duplicate_keys_the_last_wins() -> None:
    assert decode_reading(raw().replace(b'"value": 42.48', b'"value": 1.0, "value": 2.0')).value == 2.0


def test_unknown_fields_are_ignored() -> None:
    assert decode_reading(raw(firmware="7.1", extra={"a": [1, 2]})) == decode_reading(raw())


def test_what_is_passed_over_can_be_told_and_never_fails() -> None:
    assert surplus_of(raw()) == set()
    assert surplus_of(raw(firmware="7.1")) == {"unknown-fields"}
    assert surplus_of(raw().replace(b'"value": 42.48', b'"value": 1.0, "value": 2.0')) == {"duplicate-keys"}
    for hostile in (b"9" * 5000, b"[" * 900 + b"]" * 900, b"NaN"):
        assert "unknown-fields" in surplus_of(raw(x=12345.678).replace(b"12345.678", hostile))


def test_a_newer_minor_version_is_read() -> None:
    assert decode_reading(raw(schema_version="1.7")).value == 42.48


def test_an_integer_is_a_value() -> None:
    assert decode_reading(with_value("42")).value == 42.0


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(message: bytes) -> None:
    try:
        decode_reading(message)
    except BadMessage:
        return


@given(st.sampled_from(sorted(GOOD)), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_json_in_any_field_is_refused_or_harmless(field: str, value: object) -> None:
    try:
        reading = decode_reading(json.dumps(GOOD | {field: value}).encode())
    except BadMessage:
        return
    assert math.isfinite(reading.value)
    assert "\0" not in reading.sensor_id
