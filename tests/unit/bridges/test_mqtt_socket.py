"""The socket that reads ahead: what comes out is what went in, and its end and its errors are the socket's own."""

from __future__ import annotations

import select
import socket

import pytest
from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.enums import _ConnectionState as ConnectionState
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bridges.sources.mqtt_packets import MalformedPacket, Publish, publish_at
from bridges.sources.mqtt_socket import BufferedSocket


def test_it_hands_out_in_parts_what_came_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        buffered = BufferedSocket(ours)
        with pytest.raises(BlockingIOError):
            buffered.recv(1)
        theirs.sendall(b"abcdef")
        assert (buffered.recv(1), buffered.recv(2)) == (b"a", b"bc")
        # The socket itself shows nothing any more, and `pending` says what is left.
        assert select.select([buffered], [], [], 0)[0] == []
        assert buffered.pending() == 3
        theirs.sendall(b"gh")
        assert (buffered.recv(100), buffered.recv(100)) == (b"def", b"gh")
        assert buffered.pending() == 0
        with pytest.raises(BlockingIOError):
            buffered.recv(1)


def test_what_came_before_the_end_is_read_before_it() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        buffered = BufferedSocket(ours)
        theirs.sendall(b"ab")
        theirs.close()
        assert [buffered.recv(1) for _ in range(3)] == [b"a", b"b", b""]


def test_more_than_is_read_at_once_comes_whole_and_in_order() -> None:
    ours, theirs = socket.socketpair()
    sent = bytes(range(256)) * 512
    with ours:
        ours.setblocking(False)
        theirs.setblocking(False)
        buffered, got, at = BufferedSocket(ours), b"", 0
        while len(got) < len(sent):
            if at < len(sent):
                at += theirs.send(sent[at : at + 50_000])
            while part := _take(buffered):
                got += part
        assert got == sent
        theirs.close()


def test_messages_are_taken_out_before_others_see_the_rest() -> None:
    ours, theirs = socket.socketpair()
    large = b"x" * 300_000
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        buffered = BufferedSocket(ours)
        with pytest.raises(BlockingIOError):
            buffered.next_publish(v5=False)
        head = b"\x3b" + _length(7 + len(large)) + b"\0\3a/b\1\2"
        sent, got = b"\x30\4\0\1t1" + head + large + b"\xd0\0\x30\3\0\1u", []
        while sent or len(got) < 2:
            sent = sent[theirs.send(sent[:50_000]) :] if sent else sent
            try:
                message = buffered.next_publish(v5=False)
            except BlockingIOError:
                continue
            assert message is not None
            got.append(message)
        assert got[0] == Publish(b"t", b"1", 0, 0, retain=False, dup=False)
        assert got[1] == Publish(b"a/b", large, 1, 258, retain=True, dup=True)
        # Of another packet it is not the turn here; the message behind it waits.
        assert buffered.next_publish(v5=False) is None
        assert buffered.recv(2) == b"\xd0\0"
        assert buffered.next_publish(v5=False) == Publish(b"u", b"", 0, 0, retain=False, dup=False)


@pytest.mark.parametrize(
    ("raw", "v5"),
    [
        (b"\x32\3\0\5a", False),  # a name that is longer than the packet
        (b"\x32\3\0\1a\x30\3", False),  # no packet id
        (b"\x34\5\0\1a\0\1", False),  # QoS 2
        (b"\x30\4\0\1a\x0a", True),  # properties that are longer than the packet
        (b"\x30\xff\xff\xff\xff\x01", False),  # a length of five bytes
    ],
)
def test_what_is_no_message_is_refused(raw: bytes, v5: bool) -> None:
    with pytest.raises(MalformedPacket):
        publish_at(raw, 0, v5=v5)


@pytest.mark.parametrize("protocol", [MQTTv311, MQTTv5])
def test_messages_as_another_implementation_writes_them(protocol: MQTTProtocolVersion) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        writer._sock, writer._state = theirs, ConnectionState.MQTT_CS_CONNECTED
        properties = None
        if protocol == MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)
            properties.UserProperty = [("unit", "°C"), ("x", "y" * 300)]
        writer.publish("plant/Ä", "21.5", qos=1, properties=properties)
        writer.publish("b", b"", qos=0, retain=True)
        buffered = BufferedSocket(ours)
        v5 = protocol == MQTTv5
        assert buffered.next_publish(v5=v5) == Publish("plant/Ä".encode(), b"21.5", 1, 1, retain=False, dup=False)
        assert buffered.next_publish(v5=v5) == Publish(b"b", b"", 0, 0, retain=True, dup=False)
        writer._sock = None
        writer._reset_sockets()


def _length(size: int) -> bytes:
    found = bytearray()
    while True:
        size, low = divmod(size, 128)
        found.append(low | (128 if size else 0))
        if not size:
            return bytes(found)


def _take(buffered: BufferedSocket) -> bytes:
    try:
        return buffered.recv(7_777)
    except BlockingIOError:
        return b""
