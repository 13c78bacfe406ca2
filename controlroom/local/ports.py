"""TCP ports on loopback: which are free, who has one that is not."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterable

from controlroom.errors import PortTaken

LOOPBACK = "127.0.0.1"
PREFERRED_BROKER_PORTS = (9092, 9094, 9096)
#: Below what Linux (from 32768), macOS and BSD (from 49152) lend; above the ports that services are known by.
_NEVER_LENT = range(15_000, 32_000)
_random = random.SystemRandom()
_LET_GO_S = 1.5


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the brokers and PostgreSQL do: connections in TIME_WAIT from the last run do not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _soon_free(port: int) -> bool:
    """Whether `port` is free, or becomes so in a moment: what a process that was just killed held is let go of late."""
    deadline = time.monotonic() + _LET_GO_S
    while not is_free(port):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def free_ports(count: int, *, avoid: Iterable[int] = ()) -> list[int]:
    """`count` different free ports, none of them in `avoid`, at random.

    Never one that the kernel lends to outgoing connections: while a broker is down, any of the connections around it
    could borrow its port, and the broker could not come back.
    """
    taken = set(avoid)
    found: list[int] = []
    while len(found) < count:
        port = _random.choice(_NEVER_LENT)
        if port not in taken and is_free(port):
            found.append(port)
            taken.add(port)
    return found


def pick(wanted: Iterable[int], *, avoid: Iterable[int] = ()) -> list[int]:
    """Each wanted port if it is free, else another free one in its place."""
    taken = set(avoid)
    picked: list[int] = []
    for port in wanted:
        usable = port not in taken and _soon_free(port)
        picked.append(port if usable else free_ports(1, avoid=taken)[0])
        taken.add(picked[-1])
    return picked


def require_free(ports: Iterable[int]) -> None:
    """Check ports that the user asked for by number.

    Raises:
        PortTaken: one of them is used; the message names the program if this user may know it.
    """
    for port in ports:
        if not _soon_free(port):
            raise PortTaken(
                f"port {port} is used by {owner(port) or 'another program'}",
                hint="stop that program, or choose other ports with --ports",
            )


def owner(port: int) -> str | None:
    """The program that listens on `port`, as `name (pid N)`; None when that cannot be told."""
    import psutil

    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.AccessDenied, OSError):
        return None
    for connection in connections:
        address = connection.laddr
        if connection.status == psutil.CONN_LISTEN and address and address.port == port and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.Error:
                return f"pid {connection.pid}"
    return None
