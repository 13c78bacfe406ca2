"""The socket that reads ahead: what comes out is what went in, and its end and its errors are the socket's own."""

from __future__ import annotations

import select
import socket

import pytest

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


def _take(buffered: BufferedSocket) -> bytes:
    try:
        return buffered.recv(7_777)
    except BlockingIOError:
        return b""
