"""From topics and payloads to drafts of readings."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.mapping import SensorTable, TagTable
from bridges.tags import Tags
from bridges.values import Draft
from controlroom.wire import Location, Reading, decode_reading, encode_reading

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def tags(*tables: TagTable, most: int = 100, **sensors: SensorTable) -> Tags:
    made = Tags("line", most)
    made.adopt(tables, sensors)
    return made


def the(made: Tags, topic: str, payload: bytes) -> Draft:
    (draft,), _ = made.drafts(topic, payload, NOW)
    return draft


def refusal(table: TagTable, payload: bytes, topic: str = "a/b") -> str:
    made = tags(table)
    drafts, _ = made.drafts(topic, payload, NOW)
    assert drafts == []
    (reason,) = made.refusals.counts
    assert made.refusals.counts[reason] == 1
    return reason


def test_the_levels_of_a_topic_give_id_type_and_place():
    draft = the(tags(TagTable(topic="plant/{section}/{machine}/{sensor}")), "plant/press/m-7/temp", b"21.5")
    assert draft == Draft((("press-m-7-temp"), "temp", Location("press", "m-7", ""), "", None, None), NOW, 21.5, 1.0)


def test_templates_scale_and_limits():
    table = TagTable(
        topic="{site}/{machine}/t", id="{machine}.t", type="temperature", unit="°C", section="hall {site}",
        zone="z-{site}", warning=35, critical=40, scale=0.1, offset=-40,
    )  # fmt: skip
    sensor, at, value, quality, number, _ = the(tags(table), "3/m-7/t", b"652")
    assert sensor == ("m-7.t", "temperature", Location("hall 3", "m-7", "z-3"), "°C", 35.0, 40.0)
    assert (at, round(value, 9), quality, number) == (NOW, 25.2, 1.0, 0)


def test_a_table_of_a_sensor_wins_over_its_tag_and_may_leave_it_out():
    table = TagTable(topic="plant/{machine}/{sensor}", unit="°C", warning=35)
    own = {
        "m-7-temp": SensorTable(type="temperature", unit="°F", zone="cold", warning=0.0),
        "m-7-x": SensorTable(ignore=True),
    }
    made = tags(table, **own)
    sensor = the(made, "plant/m-7/temp", b"1").sensor
    assert sensor == ("m-7-temp", "temperature", Location("", "m-7", "cold"), "°F", 0.0, None)
    assert made.drafts("plant/m-7/x", b"1", NOW) == ([], False)
    assert not made.refusals.counts


def test_json_by_path():
    table = TagTable(
        topic="a/{sensor}", payload="json", value_path="d[1].v", time_path="t", time_format="s", quality_path="q",
        unit_path="u",
    )  # fmt: skip
    made = tags(table)
    payload = b'{"d": [0, {"v": "3.5"}], "t": 1767225600.25, "q": true, "u": "bar"}'
    draft = the(made, "a/b", payload)
    assert (draft.value, draft.at, draft.quality, draft.sensor.unit) == (
        3.5, datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC), 1.0, "bar",
    )  # fmt: skip
    assert made.drafts("a/b", payload, NOW)[1] is True


@pytest.mark.parametrize(
    ("time_format", "time"),
    [
        ("iso", '"2026-01-01T01:00:00+01:00"'),
        ("s", "1767225600"),
        ("ms", "1767225600000"),
        ("us", '"1767225600000000"'),
        ("ns", "1767225600000000000"),
    ],
)
def test_times(time_format, time):
    table = TagTable(topic="a/{sensor}", payload="json", time_path="t", time_format=time_format)
    assert the(tags(table), "a/b", f'{{"value": 1, "t": {time}}}'.encode()).at == datetime(2026, 1, 1, tzinfo=UTC)


def test_several_tags_read_one_topic_each_what_it_finds():
    made = tags(
        TagTable(topic="z/{machine}", id="{machine}-t", type="temperature", payload="json", value_path="t"),
        TagTable(topic="z/{machine}", id="{machine}-h", type="humidity", payload="json", value_path="h"),
    )
    drafts, timed = made.drafts("z/m", b'{"t": 20, "h": 45}', NOW)
    assert [(draft.sensor.sensor_id, draft.value) for draft in drafts] == [("m-t", 20.0), ("m-h", 45.0)]
    assert not timed
    assert [draft.value for draft in made.drafts("z/m", b'{"h": 46}', NOW)[0]] == [46.0]
    assert not made.refusals.counts
    assert made.drafts("z/m", b'{"x": 1}', NOW) == ([], False)
    assert made.refusals.counts == {"no-value": 1}


def test_a_reading_of_ours_keeps_all_that_it_says():
    raw = (
        b'{"timestamp":"2025-09-16T21:41:41.011144Z","sensor_id":"t-1","sensor_type":"temperature","location":'
        b'{"factory_section":"production","machine_id":"m","zone":"z"},"value":42.48,"unit":"C","alert_level":"normal",'
        b'"quality":0.5,"metadata":{"reading_count":14,"warning_threshold":35.0,"critical_threshold":null}}'
    )
    made = tags(TagTable(topic="r/#", payload="reading"))
    draft = the(made, "r/any/where", raw)
    assert (draft.number, draft.quality, draft.sensor.warning) == (14, 0.5, 35.0)
    assert made.drafts("r", b"{}", NOW)[0] == []
    assert made.refusals.counts == {"bad-reading": 1}


def test_ids_in_readings_are_bounded_as_topics_are():
    made = tags(TagTable(topic="r", payload="reading"), most=2)
    for name in ("a", "b", "c", "a"):
        made.drafts("r", encode_reading(Reading(NOW, name, "flow", Location(), 1.0)), NOW)
    assert made.refusals.counts == {"too-many-tags": 1}


NUMBER = TagTable(topic="a/{sensor}")
JSON = TagTable(topic="a/{sensor}", payload="json", time_path="t", time_format="s", quality_path="q", unit_path="u")

ISO = TagTable(topic="a/{sensor}", payload="json", time_path="t")


@pytest.mark.parametrize(
    ("table", "payload", "reason"),
    [
        (NUMBER, b"", "not-a-number"),
        (NUMBER, b"on", "not-a-number"),
        (NUMBER, b"21,5", "not-a-number"),
        (NUMBER, b"1_000", "not-a-number"),
        (NUMBER, "٣".encode(), "not-a-number"),
        (NUMBER, b"\xff\xfe", "not-utf8"),
        (NUMBER, b"NaN", "not-finite"),
        (NUMBER, b"-inf", "not-finite"),
        (NUMBER, b"1e999", "not-finite"),
        (NUMBER, b"1e16", "out-of-range"),
        (NUMBER, b"9" * 5000, "not-finite"),
        (JSON, b"21", "no-value"),
        (JSON, b"{", "not-json"),
        (JSON, b'{"value": NaN}', "not-json"),
        (JSON, b'{"value": "\xff"}', "not-utf8"),
        (JSON, b"[" * 100_000, "not-json"),
        (JSON, b'{"value": null}', "no-value"),
        (JSON, b'{"value": [1]}', "not-a-number"),
        (JSON, b'{"value": 1}', "bad-time"),
        (JSON, b'{"value": 1, "t": "soon"}', "bad-time"),
        (JSON, b'{"value": 1, "t": true}', "bad-time"),
        (JSON, b'{"value": 1, "t": 1767225600000000}', "bad-time"),
        (JSON, b'{"value": 1, "t": 1e300}', "bad-time"),
        (JSON, b'{"value": 1, "t": 1, "q": 80}', "bad-quality"),
        (JSON, b'{"value": 1, "t": 1, "q": 1}', "bad-unit"),
        (JSON, b'{"value": 1, "t": 1, "q": 1, "u": "' + b"x" * 33 + b'"}', "bad-unit"),
        (ISO, b'{"value":1,"t":"2026-01-01T00:00"}', "bad-time"),
        (TagTable(topic="a/{sensor}", scale=1e9), b"1e9", "out-of-range"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_counted_by_reason(table, payload, reason):
    assert refusal(table, payload) == reason


def test_an_epoch_in_another_unit_is_named():
    made = tags(TagTable(topic="a/{sensor}", payload="json", time_path="t", time_format="s"))
    said = []
    made.refusals.add = lambda topic, refused: said.append(str(refused))  # type: ignore[method-assign]
    made.drafts("a/b", b'{"value": 1, "t": 1767225600000}', NOW)
    assert said == ["bad-time: 1767225600000 is no time in s; in ms it would be"]


def test_a_topic_that_no_tag_has_too_many_topics_and_two_topics_of_one_id():
    made = tags(TagTable(topic="a/{x}/{sensor}", id="{sensor}"), most=2)
    made.drafts("b/c", b"1", NOW)
    made.drafts("a/1/s", b"1", NOW)
    made.drafts("a/2/s", b"1", NOW)
    made.drafts("a/1/t", b"1", NOW)
    made.drafts("a/1/u", b"1", NOW)
    made.drafts("a/1/" + "s" * 200, b"1", NOW)
    assert made.refusals.counts == {"no-tag": 1, "id-taken": 1, "too-many-tags": 2}
    assert made.known == 2


def test_an_id_of_too_many_characters():
    assert refusal(NUMBER, b"1", "a/" + "s" * 200) == "bad-name"
    assert refusal(NUMBER, b"1", "a/") == "bad-name"


def test_each_reason_is_said_once_a_minute(caplog):
    from bridges.payload import Refusal, Refused
    from bridges.tags import Refusals

    now = 0.0
    refusals = Refusals("line", lambda: now)
    for _ in range(3):
        refusals.add("a\x1b[2J", Refused(Refusal.NOT_UTF8, "byte 0"))
    now = 61.0
    refusals.add("a", Refused(Refusal.NOT_UTF8, "byte 1"))
    assert [record.getMessage() for record in caplog.records] == [
        r"line: 'a\x1b[2J' refused: not-utf8: byte 0",
        "line: 'a' refused: not-utf8: byte 1 (3 since it was last said)",
    ]


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_KEYS = st.sampled_from(["value", "t", "q", "u"])
DOCUMENTS = st.recursive(_LEAVES, lambda some: st.lists(some) | st.dictionaries(_KEYS, some), max_leaves=8)
PAYLOADS = (
    st.binary(max_size=200)
    | st.text(max_size=100).map(str.encode)
    | st.floats().map(lambda number: str(number).encode())
    | DOCUMENTS.map(msgspec.json.encode)
)
TABLES = [NUMBER, JSON, TagTable(topic="a/{sensor}", payload="json"), TagTable(topic="a/+", payload="reading")]


@given(
    PAYLOADS,
    st.sampled_from(
        [NUMBER, JSON, TagTable(topic="a/{sensor}", payload="json"), TagTable(topic="a/+", payload="reading")]
    ),
)
def test_any_payload_becomes_a_good_reading_or_is_refused(payload, table):
    from bridges.spool_writer import reading_of

    made = tags(table)
    drafts, _ = made.drafts("a/b", payload, NOW)
    assert len(drafts) + sum(made.refusals.counts.values()) == 1
    for draft in drafts:
        reading = reading_of(draft, 1, "hall/line")
        assert isinstance(reading, Reading)
        assert decode_reading(encode_reading(reading)) == reading
