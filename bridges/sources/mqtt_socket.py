"""A client that reads many messages from its socket at once.

paho asks the socket three times for each message, makes an object of each, and sends each acknowledgement by itself:
that is a third of all that a value costs. So messages are taken out of what has come before paho sees it, and
acknowledgements are sent many at a time; all else is paho's.
"""

from __future__ import annotations

import ssl
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import MQTTErrorCode

from bridges.sources.mqtt_packets import Publish, pubacks, publish_at

_AT_ONCE = 65_536
_PUBACK = 0x40


class BufferedSocket:
    """A connected socket, plain or TLS: what has come is read at once, and handed out in messages, or in parts."""

    def __init__(self, sock: Any) -> None:  # noqa: ANN401 - a socket, or paho's own for WebSockets
        self._sock = sock
        self._data = bytearray()
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
            self._more(size)
        end = min(self._at + size, len(self._data))
        part = bytes(self._data[self._at : end])
        self._at = end
        return part

    def next_publish(self, *, v5: bool) -> Publish | None:
        """The next message as soon as all of it has come; None: it is another packet's turn, or the end's.

        Raises:
            BlockingIOError: more must come first.
            MalformedPacket: it is no MQTT.
            OSError: as the socket does.
        """
        while True:
            found, end = publish_at(self._data, self._at, v5=v5)
            if found is not None:
                self._at = end
                return found
            if end == self._at or not self._more(end - len(self._data)):
                return None

    def _more(self, size: int) -> bool:
        """Read what has come, and at least `size` bytes if there are so many; False: the connection has ended."""
        try:
            part = self._sock.recv(max(size, _AT_ONCE))
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        del self._data[: self._at]
        self._at = 0
        self._data += part
        return bool(part)


class BufferedClient(Client):
    """paho's client over such a socket."""

    def _create_socket(self) -> Any:  # noqa: ANN401 - paho has no type for what is like a socket
        return BufferedSocket(super()._create_socket())

    @property
    def amid_packet(self) -> bool:
        """Whether paho has read a packet in part, and must have the rest of it."""
        return self._in_packet["command"] != 0

    def next_publish(self) -> Publish | None:
        """As `BufferedSocket.next_publish`, for the connection that there is."""
        sock: Any = self._sock
        return None if sock is None else sock.next_publish(v5=self._protocol == MQTTv5)

    def acknowledge(self, mids: list[int]) -> None:
        """Acknowledge these messages, in this order; they are written with the next `loop_write`."""
        self._packet_queue(_PUBACK, pubacks(mids), 0, 1)

    def give_up(self, *, protocol: bool) -> None:
        """End the connection: what came is no MQTT, or it is lost; who listens is told."""
        self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL if protocol else MQTTErrorCode.MQTT_ERR_CONN_LOST)

    def release(self) -> None:
        """Close the sockets that paho keeps for as long as the client is there; it is not used any more."""
        self._reset_sockets()
