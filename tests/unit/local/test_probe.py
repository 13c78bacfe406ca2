"""The probe against a server that answers what a broker would, or does not."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from controlroom.local import ports
from controlroom.local.probe import known_brokers


def broker(node: int, rack: bytes | None = None) -> bytes:
    host = b"127.0.0.1"
    tail = struct.pack(">h", -1) if rack is None else struct.pack(">h", len(rack)) + rack
    return struct.pack(">ih", node, len(host)) + host + struct.pack(">i", 9092) + tail


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server for one request."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            (size,) = struct.unpack(">i", stream.read(4))
            stream.read(size)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def test_reads_the_brokers_that_are_alive() -> None:
    cluster = struct.pack(">h", 4) + b"ours"
    body = struct.pack(">ii", 1, 2) + broker(1) + broker(3, rack=b"zone-a") + cluster + struct.pack(">ii", 1, 0)
    for wanted, found in ((None, {1, 3}), ("ours", {1, 3}), ("another", set())):
        with answering(framed(body)) as port:
            assert known_brokers(port, cluster=wanted) == found


@pytest.mark.parametrize("answer", [b"", b"\0\0", framed(b"\0\0\0\1"), framed(struct.pack(">ii", 1, 9) + broker(1))])
def test_an_answer_cut_short_is_no_answer(answer: bytes) -> None:
    with answering(answer) as port:
        assert known_brokers(port) == frozenset()


def test_nobody_there() -> None:
    assert known_brokers(ports.free_ports(1)[0]) == frozenset()


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert known_brokers(server.getsockname()[1], timeout=0.05) == frozenset()
