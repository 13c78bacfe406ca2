"""A Sparkplug source as host application on a real mosquitto, with edge nodes of another implementation."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks._mosquitto import Mosquitto
from bridges.sources.sparkplug import SparkplugSource
from bridges.sources.sparkplug_table import SparkplugTable
from bridges.values import Draft, Packet
from controlroom.wire.sparkplug import DataType, Metric, decode_payload, encode_payload
from tests import foreign_sparkplug
from tests.bridging import needs_mosquitto

pytestmark = needs_mosquitto

STATE = "spBv1.0/STATE/controlroom-test"


def until(condition: Callable[[], object], patience: float = 20.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


class Host:
    """The source, a client that plays edge nodes, and all that was told to them."""

    def __init__(self, directory: Path) -> None:
        self.mosquitto = Mosquitto(directory / "mqtt", ("log_type all",))
        self.mosquitto.start()
        self.drafts: list[Draft] = []
        self.tokens: list[object] = []
        self.stored = True
        self.heard: list[MQTTMessage] = []
        self.words: list[str] = []
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _client, _data, message: self.heard.append(message)
        self.client.on_connect = lambda client, *_: client.subscribe([(STATE, 1), ("spBv1.0/+/NCMD/#", 1)])
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", self.mosquitto.port)
        self.client.loop_start()
        self.source = self.made()

    def made(self, **more: object) -> SparkplugSource:
        given = {"type": "sparkplug", "name": "line", "url": self.mosquitto.url, "reorder": 0.3, "rebirth_every": 1}
        return SparkplugSource(SparkplugTable.model_validate(given | more), {}, "test", self.put, memory=self)

    def recall(self) -> list[str]:
        return self.words

    def remember(self, words: list[str]) -> None:
        self.words = words

    def put(self, packet: Packet) -> None:
        self.drafts += packet.drafts
        if packet.token is not None:
            self.tokens.append(packet.token)
            if self.stored:
                self.source.confirm([packet.token], len(packet.drafts), 0)

    def start(self) -> None:
        self.source.start()
        until(lambda: self.states()[-1:] == [True])

    def states(self) -> list[bool]:
        return [json.loads(one.payload)["online"] for one in self.heard if one.topic == STATE and one.payload]

    def rebirths(self) -> list[str]:
        return [one.topic for one in self.heard if "/NCMD/" in one.topic]

    def send(self, kind: str, seq: int | None, *metrics: Metric, node: str = "n", qos: int = 0) -> None:
        raw = encode_payload(metrics, time.time_ns() // 1_000_000, seq)
        self.raw(f"spBv1.0/g/{kind}/{node}", raw, qos)

    def raw(self, topic: str, raw: bytes, qos: int = 0) -> None:
        self.client.publish(topic, raw, qos=qos).wait_for_publish(20)

    def birth(self, node: str = "n", bd_seq: int = 1) -> None:
        self.send("NBIRTH", 0, Metric("bdSeq", bd_seq, DataType.INT64), *temp(1.0, named=True), node=node)

    @property
    def refused(self) -> dict[str, int]:
        return dict(self.source.status.refused)


def temp(value: float, *, named: bool = False) -> tuple[Metric]:
    return (Metric("Temp" if named else "", value, DataType.DOUBLE, alias=1),)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.source.stop()
    made.client.disconnect()
    made.client.loop_stop()
    made.mosquitto.stop()


def test_state_is_told_with_a_will_and_corrected_when_it_is_wrong(host: Host) -> None:
    host.start()
    (born,) = [json.loads(one.payload) for one in host.heard if one.topic == STATE]
    assert set(born) == {"online", "timestamp"}
    assert abs(born["timestamp"] / 1000 - time.time()) < 30
    # Somebody, such as a will that came late, says that it is offline.
    host.client.publish(STATE, json.dumps({"online": False, "timestamp": born["timestamp"]}), qos=1, retain=True)
    until(lambda: host.states() == [True, False, True])
    host.client.publish(STATE, b"no json", qos=1)
    # The broker ends: the next connection has a birth that is newer. Births are asked for again.
    host.birth()
    until(lambda: host.drafts)
    host.heard.clear()
    host.mosquitto.kill()
    until(lambda: host.source.status.connected_since is None)
    host.mosquitto.start()
    until(lambda: host.rebirths() == ["spBv1.0/g/NCMD/n"])
    newer = [json.loads(one.payload) for one in host.heard if one.topic == STATE]
    assert max(one["timestamp"] for one in newer) > born["timestamp"]
    until(lambda: host.states()[-1])
    host.source.stop()
    until(lambda: not host.states()[-1])
    retained = Client(CallbackAPIVersion.VERSION2)
    late: list[MQTTMessage] = []
    retained.on_message = lambda _client, _data, message: late.append(message)
    retained.connect("127.0.0.1", host.mosquitto.port)
    retained.subscribe(STATE, qos=1)
    retained.loop_start()
    until(lambda: late)
    retained.disconnect()
    retained.loop_stop()
    assert (late[0].retain, json.loads(late[0].payload)["online"]) == (True, False)


def test_a_gap_asks_for_a_birth_once_in_a_while_and_old_deaths_are_passed_over(host: Host) -> None:
    host.start()
    host.send("NDATA", 5, *temp(0.0))
    until(lambda: len(host.rebirths()) == 1)
    asked = time.monotonic()
    for seq in range(6, 60):
        host.send("NDATA", seq, *temp(0.0))
    until(lambda: host.refused["before-birth"] == 55)
    assert len(host.rebirths()) <= 1 + (time.monotonic() - asked)
    command = decode_payload(next(one for one in host.heard if "/NCMD/" in one.topic).payload)
    assert [(one.name, one.value, one.datatype) for one in command.metrics] == [("Node Control/Rebirth", True, 11)]
    host.birth()
    for seq, value in ((1, 2.0), (3, 4.0), (2, 3.0)):
        host.send("NDATA", seq, *temp(value))
    until(lambda: [draft.value for draft in host.drafts] == [1.0, 2.0, 3.0, 4.0])
    before = len(host.rebirths())
    host.send("NDATA", 9, *temp(9.0))
    until(lambda: len(host.rebirths()) > before)
    assert host.drafts[-1].value == 9.0
    assert host.refused["sequence-gap"] == 1
    host.send("NDEATH", None, Metric("bdSeq", 0, DataType.INT64))
    until(lambda: host.refused.get("old-death") == 1)
    assert host.source.status.lost == []
    host.send("NDEATH", None, Metric("bdSeq", 1, DataType.INT64))
    until(lambda: [part.name for part in host.source.status.lost] == ["g/n"])
    host.birth(bd_seq=2)
    until(lambda: host.source.status.lost == [])


def test_a_message_is_acknowledged_when_it_is_on_disk_and_not_before(host: Host) -> None:
    host.stored = False
    host.start()
    host.send("NBIRTH", 0, *temp(1.0, named=True), qos=1)
    until(lambda: host.drafts)
    acknowledged = "Received PUBACK from controlroom-test-line"
    assert acknowledged not in host.mosquitto.log.read_text()
    host.source.confirm(host.tokens, 1, 0)
    until(lambda: host.mosquitto.log.read_text().count(acknowledged) == len(host.tokens))


def test_a_node_that_an_earlier_process_knew_and_that_does_not_answer_is_lost(host: Host) -> None:
    host.words = ["g/silent"]
    host.start()
    until(lambda: [part.name for part in host.source.status.lost] == ["g/silent"])
    assert "does not answer" in host.source.status.lost[0].why


def test_what_is_hostile_is_counted_and_the_rest_goes_on(host: Host) -> None:
    host.start()
    host.birth()
    until(lambda: host.drafts)
    host.raw("spBv1.0/g/NDATA/n", b"\x00" * 10_000_000)
    for _ in range(200):
        host.raw("spBv1.0/g/NDATA/n", os.urandom(200))
    host.raw("spBv1.0/g/NBIRTH/n/too/deep", b"")
    host.raw("spBv1.0/g/NDATA/n", encode_payload([], 1)[:-1])
    host.send("NDATA", 1, *temp(float("nan")))
    host.send("NDATA", 2, Metric("", "text", DataType.STRING, alias=1))
    host.send("NBIRTH", 0, *(Metric(f"m/{n}", float(n), DataType.DOUBLE, alias=n) for n in range(10_000)))
    host.send("NDATA", 1, Metric("", -1.0, DataType.DOUBLE, alias=9_999))
    until(lambda: host.drafts[-1].value == -1.0, 60)
    assert len(host.drafts) == 1 + 10_000 + 1
    refused = host.refused
    assert (refused["too-large"], refused["not-finite"], refused["not-a-number"]) == (1, 1, 1)
    # Few of random bytes are a payload by chance, and then they are nothing that a node may tell.
    assert refused["not-sparkplug"] > 100
    assert host.source.status.connected_since is not None


def test_payloads_of_another_implementation_of_every_scalar_type(host: Host) -> None:
    values: dict[str, float | bool] = {
        "int8": -128, "int16": -32768, "int32": -(2**31), "int64": -5, "uint8": 255, "uint16": 65535,
        "uint32": 2**32 - 1, "uint64": 10**15, "float": 1.5, "double": -2.25, "boolean": True,
    }  # fmt: skip
    told = foreign_sparkplug.payloads(values)
    host.start()
    host.raw("spBv1.0/g/NBIRTH/n", told["birth"])
    until(lambda: len(host.drafts) == len(values))
    assert {draft.sensor.sensor_id: draft.value for draft in host.drafts} == {
        f"g/n/{name}": float(value) for name, value in values.items()
    }
    host.raw("spBv1.0/g/NDATA/n", told["data"])
    until(lambda: len(host.drafts) == 2 * len(values))
    # By alias alone, without a type, and with times of its own.
    assert [draft[:4] for draft in host.drafts[len(values) :]] == [draft[:4] for draft in host.drafts[: len(values)]]
    host.raw("spBv1.0/g/NDEATH/n", told["death"])
    until(lambda: [part.name for part in host.source.status.lost] == ["g/n"])
    assert set(host.refused.values()) <= {0}


def test_an_edge_node_of_another_implementation_that_is_killed_is_lost_until_it_is_back(host: Host) -> None:
    host.start()
    node: subprocess.Popen[str] = foreign_sparkplug.start_node(host.mosquitto.port, ["press", "oven"])
    try:
        until(lambda: {draft.part for draft in host.drafts} == {"hall/edge", "hall/edge/press", "hall/edge/oven"}, 40)
        until(lambda: host.drafts[-1].value > 3)
        assert host.drafts[-1].sensor.sensor_id in {"hall/edge/press/Inlet/Temp", "hall/edge/oven/Inlet/Temp"}
    finally:
        node.kill()
        node.wait()
    until(lambda: [part.name for part in host.source.status.lost] == ["hall/edge"])
    node = foreign_sparkplug.start_node(host.mosquitto.port, ["press"])
    try:
        # A device that does not come back with it is lost by itself.
        until(lambda: [part.name for part in host.source.status.lost] == ["hall/edge/oven"], 40)
    finally:
        node.kill()
        node.wait()
