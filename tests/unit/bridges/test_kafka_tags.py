"""From records to readings: names from topic, key, headers and fields; what is hostile is counted, and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.mapping import SensorTable
from bridges.sources.kafka_table import KafkaTagTable
from bridges.sources.kafka_tags import Record, RecordTags
from controlroom.wire import Location

NOW = datetime(2026, 5, 1, 6, tzinfo=UTC)
AT_MS = 1_777_600_000_123


def tags(*tables: dict[str, Any], most: int = 100, **sensors: SensorTable) -> RecordTags:
    made = RecordTags("test", most, 65_536)
    made.adopt([KafkaTagTable(**table) for table in tables], sensors)
    return made


def record(value: bytes | None = b"1", key: bytes | None = None, topic: str = "t", **more: Any) -> Record:
    given = {"partition": 0, "offset": 7, "timestamp": AT_MS, "headers": ()} | more
    return Record(topic=topic, key=key, value=value, **given)


def test_names_from_topic_key_headers_and_fields() -> None:
    made = tags(
        {
            "topic": "plant.{section}.{machine}",
            "key": "{line}:{sensor}",
            "id": "{machine}-{sensor}-{field:unit.no}",
            "type": "{header:kind}",
            "zone": "{line}",
            "payload": "json",
            "value_path": "v",
        }
    )
    headers = (("kind", b"old"), ("kind", b"flow"), ("trace", None))
    one = record(b'{"v": 2.5, "unit": {"no": 4}}', b"l-1:out", "plant.press.m-7", headers=headers)
    (draft,) = made.drafts(one, NOW)
    assert (draft.sensor.sensor_id, draft.sensor.sensor_type) == ("m-7-out-4", "flow")
    assert draft.sensor.location == Location("press", "m-7", "l-1")
    assert (draft.value, draft.at) == (2.5, datetime.fromtimestamp(AT_MS / 1000, UTC))
    assert made.known == 1
    assert made.filters == [r"plant\.([^\.]+)\.([^\.]+)"]


@pytest.mark.parametrize(
    ("form", "text", "at"),
    [
        ("iso", '"2026-05-01T06:00:00.5+02:00"', datetime(2026, 5, 1, 4, 0, 0, 500_000, UTC)),
        ("s", "1777600000.5", datetime.fromtimestamp(1_777_600_000.5, UTC)),
        ("ms", "1777600000123", datetime.fromtimestamp(AT_MS / 1000, UTC)),
        ("us", "1777600000123456", datetime(2026, 5, 1, 1, 46, 40, 123_456, UTC)),
        ("ns", "1777600000123456789", datetime(2026, 5, 1, 1, 46, 40, 123_457, UTC)),
    ],
)
def test_time_by_path(form: str, text: str, at: datetime) -> None:
    made = tags({"topic": "t", "id": "a", "type": "x", "payload": "json", "time_path": "at", "time_format": form})
    (draft,) = made.drafts(record(f'{{"value": 1, "at": {text}}}'.encode()), NOW)
    assert draft.at == at


def test_a_record_without_a_time_has_the_time_at_which_it_came() -> None:
    made = tags({"topic": "t", "id": "a", "type": "x"})
    assert made.drafts(record(timestamp=-1), NOW)[0].at == NOW
    assert made.drafts(record(timestamp=2**62), NOW) == []
    assert made.refusals.counts == {"bad-time": 1}


def test_tags_of_one_topic_are_told_apart_by_the_key() -> None:
    common = {"topic": "t", "type": "x"}
    made = tags({**common, "key": "temp:{m}", "id": "{m}-t"}, {**common, "key": "flow:{m}", "id": "{m}-f"})
    found = [made.drafts(record(key=key), NOW) for key in (b"temp:a", b"flow:a", b"door:a")]
    assert [[draft.sensor.sensor_id for draft in drafts] for drafts in found] == [["a-t"], ["a-f"], []]
    assert made.refusals.counts == {"no-tag": 1}


def test_a_sensor_has_one_topic_and_one_tag() -> None:
    made = tags({"topic": "*", "id": "{key}", "type": "x"})
    assert made.drafts(record(key=b"a", topic="one"), NOW)
    assert not made.drafts(record(key=b"a", topic="two"), NOW)
    assert made.drafts(record(key=b"b", topic="two"), NOW)
    assert made.refusals.counts == {"id-taken": 1}


def test_what_the_file_says_of_one_sensor_counts() -> None:
    made = tags(
        {"topic": "t", "id": "{key}", "type": "x"}, a=SensorTable(unit="bar", critical=5), b=SensorTable(ignore=True)
    )
    (draft,) = made.drafts(record(key=b"a"), NOW)
    assert (draft.sensor.unit, draft.sensor.critical) == ("bar", 5)
    assert made.drafts(record(key=b"b"), NOW) == []
    assert made.refusals.counts == {}


def test_what_is_hostile_is_counted() -> None:
    table = {"topic": "t", "id": "{key}-{field:s}-{header:h}", "type": "x", "payload": "json"}
    made = tags(table, most=1)
    good = b'{"value": 1, "s": "a"}'
    headers = (("h", b"h"),)
    assert made.drafts(record(good, b"k", headers=headers), NOW)
    for bad in (
        record(None, b"k", headers=headers),
        record(b"1" * 65_537, b"k", headers=headers),
        record(good, b"\xff", headers=headers),
        record(good, b"k\x00", headers=headers),
        record(good, None, headers=headers),
        record(good, b"k"),
        record(good, b"k", headers=(("h", b"\xff"),)),
        record(b'{"value": 1}', b"k", headers=headers),
        record(b'{"value": 1, "s": {}}', b"k", headers=headers),
        record(b'{"value": 1, "s": 1.5}', b"k", headers=headers),
        record(b'{"value": NaN, "s": "a"}', b"k", headers=headers),
        record(b'{"s": "a"}', b"k", headers=headers),
        record(b"{", b"k", headers=headers),
        record(b'{"value": 1, "s": "\xff"}', b"k", headers=headers),
        record(b'{"value": 1, "s": "b"}', b"k", headers=headers),
        record(good, b"k" * 200, headers=headers),
    ):
        assert made.drafts(bad, NOW) == []
    assert made.refusals.counts == {
        "tombstone": 1, "too-large": 1, "not-utf8": 3, "bad-name": 7, "not-json": 2, "no-value": 1, "too-many-tags": 1,
    }  # fmt: skip
    assert made.drafts(record(good, b"k", headers=headers), NOW)


@given(
    st.none() | st.binary(max_size=40),
    st.none()
    | st.binary(max_size=10)
    | st.text(max_size=9).map(lambda text: f'{{"value": 1, "s": "{text}"}}'.encode()),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.tuples(st.sampled_from(["h", "x"]), st.none() | st.binary(max_size=5)), max_size=3),
)
def test_nothing_that_comes_raises(
    key: bytes | None, value: bytes | None, timestamp: int, headers: list[tuple[str, bytes | None]]
) -> None:
    common = {"topic": "t", "type": "{header:h}"}
    made = tags(
        {**common, "id": "{key}", "zone": "{field:s}", "payload": "json"}, {**common, "key": "{a}:{b}"},
        {"topic": "t", "payload": "reading"},
    )  # fmt: skip
    for draft in made.drafts(Record("t", 0, 0, timestamp, key, value, headers), NOW):
        draft.sensor.sensor_id.encode()
        assert "\x00" not in draft.sensor.sensor_id
