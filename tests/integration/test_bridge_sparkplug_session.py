"""How a Sparkplug source opens and closes its session, packet by packet, to a server that only listens and answers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from bridges.sources.sparkplug import SparkplugSource
from bridges.sources.sparkplug_table import SparkplugTable
from bridges.values import Packet
from controlroom.wire.sparkplug import DataType, Metric, decode_payload, encode_payload

STATE = b"spBv1.0/STATE/plant-host"


class Raw(NamedTuple):
    """A packet: its kind, the flags beside it, and what follows its length."""

    kind: int
    flags: int
    body: bytes


class Server:
    """An MQTT server for one client, that says nothing by itself."""

    def __init__(self, version: str) -> None:
        self.v5 = version == "5"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.client: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> Raw:
        """The CONNECT of the client."""
        self.client, _ = self.listener.accept()
        self.client.settimeout(20)
        return self.packet()

    def packet(self) -> Raw:
        head = self._bytes(1)[0]
        size = shift = 0
        while True:
            byte = self._bytes(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return Raw(head >> 4, head & 15, self._bytes(size))

    def send(self, head: int, body: bytes) -> None:
        assert self.client is not None
        assert len(body) < 128
        self.client.sendall(bytes([head, len(body)]) + body)

    def nothing_comes(self, seconds: float) -> bool:
        assert self.client is not None
        self.client.settimeout(seconds)
        try:
            return self.client.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return True
        finally:
            self.client.settimeout(20)

    def connack(self) -> None:
        self.send(0x20, b"\0\0\0" if self.v5 else b"\0\0")

    def suback(self, asked: Raw, count: int) -> None:
        self.send(0x90, asked.body[:2] + (b"\0" if self.v5 else b"") + b"\1" * count)

    def publish(self, topic: bytes, payload: bytes) -> None:
        self.send(0x30, text(topic) + (b"\0" if self.v5 else b"") + payload)

    def published(self) -> tuple[bytes, int, bool, bytes]:
        """The next message: topic, QoS, whether it is retained, payload; it is acknowledged."""
        found = self.packet()
        assert found.kind == 3, found
        topic, rest = taken(found.body)
        qos = found.flags >> 1 & 3
        if qos:
            self.send(0x40, rest[:2])
            rest = rest[2:]
        if self.v5:
            rest = rest[1 + rest[0] :]
        return topic, qos, bool(found.flags & 1), rest

    def _bytes(self, size: int) -> bytes:
        assert self.client is not None
        found = b""
        while len(found) < size:
            part = self.client.recv(size - len(found))
            assert part, "the client has gone"
            found += part
        return found

    def close(self) -> None:
        self.listener.close()
        if self.client is not None:
            self.client.close()


def text(raw: bytes) -> bytes:
    return len(raw).to_bytes(2, "big") + raw


def taken(body: bytes) -> tuple[bytes, bytes]:
    """A text of a packet, and what follows it."""
    end = 2 + int.from_bytes(body[:2], "big")
    return body[2:end], body[end:]


@pytest.fixture(params=["3.1.1", "5"])
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def server(version: str) -> Iterator[Server]:
    made = Server(version)
    yield made
    made.close()


def made(server: Server, version: str, put: list[Packet]) -> SparkplugSource:
    table = {"type": "sparkplug", "name": "line", "url": server.url, "version": version, "host_id": "plant-host"}
    return SparkplugSource(SparkplugTable.model_validate(table | {"reorder": 0.3}), {}, "test", put.append)


def test_a_session_begins_anew_has_a_will_and_is_told_before_anything_else(server: Server, version: str) -> None:
    put: list[Packet] = []
    source = made(server, version, put)
    source.start()
    try:
        asked = server.accept()
        name, rest = taken(asked.body)
        assert (asked.kind, name, rest[0]) == (1, b"MQTT", 5 if server.v5 else 4)
        flags, rest = rest[1], rest[4:]
        assert flags & 0x02, "a clean session"
        assert (flags & 0x04, flags >> 3 & 3, flags & 0x20) == (0x04, 1, 0x20), "a will of QoS 1, retained"
        if server.v5:
            properties, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
            assert b"\x11\0\0\0\0" in properties, "a session that ends with its connection"
        _, rest = taken(rest)
        topic, payload = taken(rest[1 + rest[0] :] if server.v5 else rest)
        will = json.loads(taken(payload)[0])
        assert topic == STATE
        assert will["online"] is False
        assert abs(will["timestamp"] / 1000 - time.time()) < 20

        server.connack()
        subscribed = server.packet()
        assert subscribed.kind == 8
        assert STATE in subscribed.body
        assert b"spBv1.0/#" in subscribed.body or b"spBv1.0/+" in subscribed.body
        # Data of an edge node that is not known comes at once: no birth is asked for before our own is told.
        server.publish(b"spBv1.0/g/NDATA/n", encode_payload([Metric("t", 1.0, DataType.DOUBLE)], 1, 3))
        assert server.nothing_comes(1.0)
        server.suback(subscribed, 2)
        topic, qos, retained, raw = server.published()
        assert (topic, qos, retained) == (STATE, 1, True)
        assert json.loads(raw) == {"online": True, "timestamp": will["timestamp"]}

        topic, qos, retained, raw = server.published()
        assert (topic, qos, retained) == (b"spBv1.0/g/NCMD/n", 0, False)
        command = decode_payload(raw)
        assert command.seq is None
        assert abs((command.at_ms or 0) / 1000 - time.time()) < 20
        assert [(one.name, one.value, one.datatype) for one in command.metrics] == [
            ("Node Control/Rebirth", True, DataType.BOOLEAN)
        ]

        # Somebody says that we are offline.
        server.publish(STATE, json.dumps(will).encode())
        topic, qos, retained, raw = server.published()
        assert (topic, qos, retained) == (STATE, 1, True)
        assert json.loads(raw) == {"online": True, "timestamp": will["timestamp"]}
    finally:
        stopping = threading.Thread(target=source.stop)
        stopping.start()
        topic, qos, retained, raw = server.published()
        last = server.packet()
        stopping.join()
    assert (topic, qos, retained) == (STATE, 1, True)
    death = json.loads(raw)
    assert death["online"] is False
    assert death["timestamp"] >= will["timestamp"]
    assert abs(death["timestamp"] / 1000 - time.time()) < 20
    assert last.kind == 14, "a DISCONNECT"
