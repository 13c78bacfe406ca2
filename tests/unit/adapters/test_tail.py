"""What a followed record looks like, whatever its bytes are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord

from controlroom.adapters.kafka.tail import as_shown
from controlroom.core.json_line import json_line


def record(value: bytes | None, *, key: bytes | None = b"k", **changes: Any) -> ConsumerRecord:
    fields: dict[str, Any] = {
        "topic": "t", "partition": 1, "offset": 7, "timestamp": 1_758_058_901_011, "timestamp_type": 0, "key": key,
        "value": value, "checksum": None, "serialized_key_size": 1, "serialized_value_size": 1, "headers": (),
    }  # fmt: skip
    return ConsumerRecord(**(fields | changes))


def test_a_reading_is_shown_as_the_document_that_it_is():
    shown = as_shown(record(b'{"value": 42.48, "unit": "\xc2\xb0C"}', headers=(("fault-id", b"f1"),)))
    assert json.loads(json_line(shown)) == {
        "topic": "t",
        "partition": 1,
        "offset": 7,
        "timestamp": "2025-09-16T21:41:41.011Z",
        "key": "k",
        "headers": {"fault-id": "f1"},
        "value": {"value": 42.48, "unit": "°C"},
        "size": 31,
    }


def test_a_tombstone_has_no_value_and_no_size():
    shown = as_shown(record(None, key=None))
    assert (shown.value, shown.raw, shown.size, shown.key) == (None, None, 0, None)


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"not json", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b"\x1b]52;c;x\x07", b"x" * 1_000_000],
)
def test_what_is_no_json_is_shown_in_part_and_harmless(value):
    shown = as_shown(record(value, key=b"\x9b2J\xff"))
    line = json_line(shown)
    assert line.isprintable()
    assert len(line) < 20_000
    assert shown.size == len(value)
    assert json.loads(line)["raw"] == value[:2048].decode("utf-8", "replace")


def test_a_time_that_no_calendar_has_is_left_out():
    assert as_shown(record(b"1", timestamp=-1)).timestamp is None
    assert as_shown(record(b"1", timestamp=10**18)).timestamp is None
