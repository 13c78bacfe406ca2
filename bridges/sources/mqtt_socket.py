"""A client that reads many messages from its socket at once.

paho asks the socket three times for each message: for its kind, its length and its content. Each time it lets the other
threads of the bridge run, and waits until it is its turn again.
"""

from __future__ import annotations

from typing import Any

from paho.mqtt.client import Client

_AT_ONCE = 65_536


class BufferedSocket:
    """A connected socket, plain or TLS, whose `recv` takes what has come at once and hands it out in parts."""

    def __init__(self, sock: Any) -> None:  # noqa: ANN401 - a socket, or paho's own for WebSockets
        self._sock = sock
        self._data = b""
        self._at = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the socket has
        return getattr(self._sock, name)

    def fileno(self) -> int:
        """For `select`, which does not see what is held here: ask `pending` first."""
        return int(self._sock.fileno())

    def pending(self) -> int:
        """Bytes that can be read although `select` does not show them."""
        inner = getattr(self._sock, "pending", None)
        return len(self._data) - self._at + (inner() if inner is not None else 0)

    def recv(self, size: int) -> bytes:
        """At most so many bytes; empty: the connection has ended. Raises as the socket does."""
        if self._at == len(self._data):
            self._data = self._sock.recv(max(size, _AT_ONCE))
            self._at = 0
        end = min(self._at + size, len(self._data))
        part = self._data[self._at : end]
        self._at = end
        return part


class BufferedClient(Client):
    """paho's client over such a socket."""

    def _create_socket(self) -> Any:  # noqa: ANN401 - paho has no type for what is like a socket
        return BufferedSocket(super()._create_socket())

    def release(self) -> None:
        """Close the sockets that paho keeps for as long as the client is there; it is not used any more."""
        self._reset_sockets()
