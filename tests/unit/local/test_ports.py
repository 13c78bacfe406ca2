from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from controlroom.errors import PortTaken
from controlroom.local import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_free_ports_are_different_and_free() -> None:
    found = ports.free_ports(8)
    assert len(set(found)) == 8
    assert all(ports.is_free(port) for port in found)


def test_free_ports_are_none_that_the_kernel_lends_to_outgoing_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert max(ports.free_ports(50)) < client.getsockname()[1]


def test_a_listening_port_is_not_free(taken: int) -> None:
    assert not ports.is_free(taken)


def test_a_port_taken_on_all_addresses_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not ports.is_free(server.getsockname()[1])


def test_pick_keeps_what_is_free_and_replaces_what_is_not(taken: int) -> None:
    first, third = ports.free_ports(2)
    picked = ports.pick([first, taken, third])
    assert picked[0] == first
    assert picked[1] != taken
    assert picked[2] == third
    assert len(set(picked)) == 3


def test_pick_avoids_what_it_is_told_to() -> None:
    (port,) = ports.free_ports(1)
    assert ports.pick([port], avoid=[port]) != [port]


def test_a_port_asked_for_that_is_taken_is_named_with_who_has_it(taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"port {taken} is used by .*pid {os.getpid()}.*--ports"):
        ports.require_free([taken])


def test_ports_asked_for_that_are_free_are_fine() -> None:
    ports.require_free(ports.free_ports(3))
    assert ports.owner(ports.free_ports(1)[0]) is None
