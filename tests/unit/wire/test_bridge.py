"""What a bridge tells, on the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controlroom.wire import BadMessage
from controlroom.wire.bridge import decode_bridge_report, encode_bridge_report
from controlroom.wire.codec import MAX_BYTES, Reason
from tests.fakes.bridges import bridge, source

REPORT = bridge("hall-3", 1e6, sources=(source("line", 1e6, refused={"not-utf8": 3}),))


def with_fields(**changed: Any) -> bytes:
    return json.dumps(json.loads(encode_bridge_report(REPORT)) | changed).encode()


def test_it_is_read_as_it_was_written_and_may_say_more() -> None:
    assert decode_bridge_report(encode_bridge_report(REPORT)) == REPORT
    assert decode_bridge_report(with_fields(firmware="7", schema_version="1.9")).name == "hall-3"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"schema_version": "2.0"}, Reason.VERSION),
        ({"name": ""}, Reason.INVALID),
        ({"name": "x" * 129}, Reason.INVALID),
        ({"buffered": -1}, Reason.INVALID),
        ({"at": 1e300}, Reason.INVALID),
        ({"sources": [{}]}, Reason.INVALID),
        ({"host": "a\0b"}, Reason.NUL),
    ],
)
def test_what_is_none_is_refused(changed: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(BadMessage) as refused:
        decode_bridge_report(with_fields(**changed))
    assert refused.value.reason is reason


def test_of_very_many_sources_those_that_are_down_are_told() -> None:
    sources = [source(f"line-{number:03d}", 1e6, error="x" * 500) for number in range(400)]
    sources[-1] = source("down", 1e6, connected_since=None)
    raw = encode_bridge_report(bridge("big", 1e6, sources=tuple(sources)))
    assert MAX_BYTES // 2 < len(raw) <= MAX_BYTES
    told = decode_bridge_report(raw)
    assert told.sources[0].name == "down"
    assert told.left_out == 400 - len(told.sources)
