"""One edge node, without any I/O: births, aliases, the order of messages, deaths, and values as readings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bridges.payload import Refusal
from bridges.sources.sparkplug_node import EdgeNode, Message
from bridges.sources.sparkplug_readings import Readings
from bridges.sources.sparkplug_table import SparkplugTable
from bridges.tags import Tags
from bridges.values import Packet
from controlroom.wire.sparkplug import DataType, Metric, Payload

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOUBLE = DataType.DOUBLE


class Source:
    name, numbered = "line", True

    def confirm(self, tokens: Sequence[object], readings: int, repeated: int) -> None: ...


def message(kind: str, seq: int | None, *metrics: Metric, device: str = "", token: object = None) -> Message:
    return Message(kind, device, Payload(1_000, seq, list(metrics)), token, 100.0)


def birth(seq: int = 0, bd_seq: int = 7) -> Message:
    own = Metric("bdSeq", bd_seq, DataType.INT64), Metric("Temp", 1.0, DOUBLE, alias=1)
    return message("NBIRTH", seq, *own)


def data(seq: int, value: float, alias: int = 1, **more: object) -> Message:
    return message("NDATA", seq, Metric("", value, 0, at_ms=seq, alias=alias, **more))  # type: ignore[arg-type]


def seqs(messages: list[Message]) -> list[int | None]:
    return [one.payload.seq for one in messages]


def reasons(node: EdgeNode) -> list[Refusal]:
    found = [reason for reason, _ in node.refused]
    node.refused.clear()
    return found


def test_messages_out_of_order_are_taken_in_order_also_over_255() -> None:
    node = EdgeNode(2.0)
    node.receive(birth(253), 0.0)
    assert seqs(node.receive(data(255, 2), 0.0)) == []
    assert seqs(node.receive(data(0, 3), 0.0)) == []
    assert seqs(node.receive(data(254, 1), 1.0)) == [254, 255, 0]
    assert (node.wants_birth, reasons(node)) == ("", [])


def test_a_missing_message_asks_for_a_birth_after_the_reorder_timeout_and_what_waited_is_kept() -> None:
    node = EdgeNode(2.0)
    node.receive(birth(), 0.0)
    assert node.receive(data(2, 2), 0.0) == node.receive(data(3, 3), 1.0) == []
    assert node.expire(1.9) == []
    assert not node.wants_birth
    assert seqs(node.expire(2.0)) == [2, 3]
    assert "from seq 1 on" in node.wants_birth
    assert reasons(node) == [Refusal.GAP]
    # The birth that comes is the end of it.
    node.receive(birth(9), 3.0)
    assert (node.wants_birth, seqs(node.receive(data(10, 4), 3.0))) == ("", [10])


def test_data_before_the_birth_asks_for_one() -> None:
    node = EdgeNode(2.0)
    node.receive(data(4, 1), 0.0)
    assert node.wants_birth == "its birth was not seen"
    assert reasons(node) == [Refusal.BEFORE_BIRTH]


def test_a_death_of_an_earlier_session_is_passed_over() -> None:
    node = EdgeNode(2.0)
    node.receive(birth(bd_seq=7), 0.0)
    node.receive(message("NDEATH", None, Metric("bdSeq", 6, DataType.INT64)), 0.0)
    assert (node.alive, node.lost(101.0), reasons(node)) == (True, [], [Refusal.OLD_DEATH])
    node.receive(message("NDEATH", None, Metric("bdSeq", 7, DataType.INT64)), 0.0)
    assert not node.alive
    assert [(name, device.why) for name, device in node.lost(101.0)] == [("", "the edge node died (NDEATH)")]
    node.receive(birth(bd_seq=8), 0.0)
    assert node.lost(101.0) == []


def test_devices_die_alone_and_those_that_are_not_born_again_are_lost() -> None:
    node = EdgeNode(2.0)
    node.receive(birth(), 0.0)
    node.receive(message("DBIRTH", 1, Metric("p", 1.0, DOUBLE, alias=2), device="press"), 0.0)
    node.receive(message("DDEATH", 2, device="press"), 0.0)
    # Since when, the DDEATH says.
    assert [(name, device.down_since) for name, device in node.lost(101.0)] == [("press", 1.0)]
    node.receive(message("DBIRTH", 3, device="press"), 0.0)
    assert node.lost(101.0) == []
    node.receive(birth(), 0.0)
    assert node.lost(101.0) == []
    assert [name for name, _ in node.lost(111.0)] == ["press"]


@pytest.mark.parametrize("at_ms", [None, 0, 2**63, 90_000_000])
def test_the_time_of_a_death_is_ours_where_the_edge_node_has_none_or_a_wrong_one(at_ms: int | None) -> None:
    node = EdgeNode(2.0)
    node.receive(birth(), 0.0)
    node.receive(message("DBIRTH", 1, device="press"), 0.0)
    node.receive(Message("DDEATH", "press", Payload(at_ms, 2, []), None, 50_000.0), 0.0)
    assert [(name, device.down_since) for name, device in node.lost(50_001.0)] == [("press", 50_000.0)]


def readings(node: EdgeNode, told: Message, **table: object) -> tuple[list[Packet], Tags]:
    found = SparkplugTable.model_validate({"type": "sparkplug", "name": "line", "url": "mqtt://h", **table})
    tags = Tags("line", 100)
    tags.adopt(found.tag, {})
    maker = Readings(Source(), tags, 60)
    packets = [one for due in node.receive(told, 0.0) for one in maker.packets("g", "n", node, due, NOW)]
    return packets, tags


@pytest.mark.parametrize(
    ("datatype", "raw", "value"),
    [
        (DataType.INT8, 0xFFFFFF80, -128), (DataType.INT8, 0x80, -128), (DataType.INT16, 0xFFFF8000, -32768),
        (DataType.INT32, 0x80000000, -(2**31)), (DataType.INT64, 2**64 - 5, -5), (DataType.UINT8, 255, 255),
        (DataType.UINT16, 65535, 65535), (DataType.UINT32, 2**32 - 1, 2**32 - 1), (DataType.UINT64, 10**15, 10**15),
        (DataType.FLOAT, 1.5, 1.5), (DataType.DOUBLE, -2.25, -2.25), (DataType.BOOLEAN, True, 1),
        (DataType.BOOLEAN, False, 0),
    ],
)  # fmt: skip
def test_every_scalar_type_is_a_number_with_its_sign(datatype: DataType, raw: float, value: float) -> None:
    packets, _ = readings(EdgeNode(2.0), message("NBIRTH", 0, Metric("v", raw, datatype)))
    assert [draft.value for packet in packets for draft in packet.drafts] == [value]


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (Metric("v", "21", DataType.STRING), "not-a-number"),
        (Metric("v", 5, DataType.DATE_TIME), "not-a-number"),
        (Metric("v", None, 16), "not-a-number"),
        (Metric("v", float("nan"), DOUBLE), "not-finite"),
        (Metric("v", 2**64 - 1, DataType.UINT64), "out-of-range"),
        (Metric("v", None, DOUBLE, null=True), "no-value"),
        (Metric("v", 1.0, DOUBLE, at_ms=2**63), "bad-time"),
        (Metric("v" * 600, 1.0, DOUBLE), "bad-name"),
    ],
)
def test_what_is_no_number_is_counted(metric: Metric, reason: str) -> None:
    packets, tags = readings(EdgeNode(2.0), message("NBIRTH", 0, metric))
    assert (packets, dict(tags.refusals.counts)) == ([], {reason: 1})


def test_properties_become_unit_limit_and_quality_and_null_keeps_the_value_as_bad() -> None:
    node = EdgeNode(2.0)
    properties = {"engUnit": "bar", "engLow": 0.0, "engHigh": 16.0, "Quality": 192}
    first = Metric("hydraulics/Druck µ/p", 4.0, DOUBLE, alias=1, properties=properties)
    table = SparkplugTable.model_validate(
        {"type": "sparkplug", "name": "line", "url": "mqtt://h", "tag": [{"limits": "range", "type": "pressure"}]}
    )
    tags = Tags("line", 100)
    tags.adopt(table.tag, {})
    maker = Readings(Source(), tags, 60)

    def told(one: Message) -> list[Packet]:
        return [packet for due in node.receive(one, 0.0) for packet in maker.packets("g", "n", node, due, NOW)]

    (packet,) = told(message("NBIRTH", 0, first))
    draft = packet.drafts[0]
    assert (draft.sensor.sensor_id, draft.sensor.unit, draft.sensor.critical, draft.quality, draft.part) == (
        "g/n/hydraulics/Druck µ/p", "bar", 16.0, 1.0, "g/n",
    )  # fmt: skip
    (packet,) = told(message("NDATA", 1, Metric("", None, 0, alias=1, null=True)))
    assert (packet.drafts[0].value, packet.drafts[0].quality) == (4.0, 0.0)
    (packet,) = told(message("NDATA", 2, Metric("", 5.0, 0, alias=1, properties={"Quality": 500})))
    assert (packet.drafts[0].value, packet.drafts[0].quality) == (5.0, 0.0)
    # The quality stays until another one is told.
    (packet,) = told(message("NDATA", 3, Metric("", 6.0, 0, alias=1)))
    assert packet.drafts[0].quality == 0.0
    (packet,) = told(message("NDATA", 4, Metric("", 3.0, 0, at_ms=500, alias=1, historical=True)))
    assert packet.drafts[0].at == datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    # What is historical is never compared with the current value.
    assert packet.current is None


def test_an_unknown_alias_asks_for_a_birth_and_the_rest_of_the_message_counts() -> None:
    node = EdgeNode(2.0)
    node.receive(birth(), 0.0)
    told = message("NDATA", 1, Metric("", 1.0, 0, alias=99), Metric("", 2.0, 0, alias=1), token=(1, 5))
    packets, _ = readings(node, told)
    assert [draft.value for packet in packets for draft in packet.drafts] == [2.0]
    assert packets[-1].token == (1, 5)
    assert "alias 99" in node.wants_birth
    assert reasons(node) == [Refusal.UNKNOWN_ALIAS]


def test_an_alias_of_another_device_is_unknown() -> None:
    node = EdgeNode(2.0)
    node.receive(birth(), 0.0)
    node.receive(message("DBIRTH", 1, Metric("p", 1.0, DOUBLE, alias=2), device="press"), 0.0)
    packets, _ = readings(node, message("DDATA", 2, Metric("", 9.0, 0, alias=1), device="press"))
    assert (packets, bool(node.wants_birth)) == ([], True)


def test_a_value_that_a_birth_tells_again_is_looked_up() -> None:
    node = EdgeNode(2.0)
    (first,), _ = readings(node, birth())
    (again,), _ = readings(node, birth())
    assert first.current is not None
    assert again.current is not None
    assert again.current.look_up
    assert (first.fingerprint, first.current.mark) == (again.fingerprint, again.current.mark)
