"""The thread of one MQTT client: it connects, hands over messages, and sends acknowledgements many at a time."""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import threading
from collections import deque
from collections.abc import Callable

from paho.mqtt.enums import MQTTErrorCode

from bridges.sources.mqtt_packets import MalformedPacket, Publish
from bridges.sources.mqtt_socket import BufferedClient

log = logging.getLogger(__name__)

#: Messages that are read before acknowledgements are sent.
_BURST = 50
_WAIT_S = 1.0
_FIRST_BACKOFF_S = 1.0
_LAST_BACKOFF_S = 60.0


class MqttLoop:
    """Runs a client until told to stop.

    Args:
        client: made and told where to connect (`connect_async`), not started.
        take: takes a message; never waits for this thread.
        failed: hears why there is no connection.
    """

    def __init__(
        self, client: BufferedClient, take: Callable[[Publish], None], failed: Callable[[OSError], None]
    ) -> None:
        self._client = client
        self._take = take
        #: there may be more to read that the socket does not show
        self._more = False
        self._failed = failed
        self._acks: deque[tuple[int, int]] = deque()
        self._stopping = threading.Event()
        # Made when it is started: of a source that is only looked at nothing must be closed.
        self._awake: socket.socket | None = None
        self._waker: socket.socket | None = None
        self._woken = False
        #: counts connections: what came over an earlier one is not acknowledged over this one
        self.connection = 0
        # With it the client leaves writing to this thread, whoever asks for it.
        client.on_socket_register_write = lambda *_: self._wake()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._awake, self._waker = socket.socketpair()
        for end in (self._awake, self._waker):
            end.settimeout(0.0)
        self._thread.start()

    def ack(self, tokens: list[tuple[int, int]]) -> None:
        """Acknowledge messages, (connection, packet id), in this order. From any thread."""
        self._acks.extend(tokens)
        self._wake()

    def stop(self, patience: float) -> None:
        """Write what is to be written, such as a DISCONNECT, and end."""
        self._stopping.set()
        self._wake()
        self._thread.join(patience)
        for end in (self._awake, self._waker):
            if end is not None:
                end.close()

    def _wake(self) -> None:
        if self._waker is not None and not self._woken and threading.current_thread() is not self._thread:
            self._woken = True
            with contextlib.suppress(OSError):
                self._waker.send(b"\0")

    def _run(self) -> None:
        backoff = _FIRST_BACKOFF_S
        while not self._stopping.is_set():
            before = self.connection
            try:
                self._client.reconnect()
            except OSError as error:
                self._failed(error)
            else:
                self._serve()
            if self.connection > before:
                backoff = _FIRST_BACKOFF_S
            # Not all bridges at the same moment, when a broker comes back.
            self._stopping.wait(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            backoff = min(_LAST_BACKOFF_S, backoff * 2)

    def _serve(self) -> None:
        """Serve one connection until it ends."""
        client, awake = self._client, self._awake
        assert awake is not None, "it was started"
        self._more = False
        while (sock := client.socket()) is not None:
            wait = 0.0 if self._more else _WAIT_S
            try:
                ready, _, _ = select.select([sock, awake], [sock] if client.want_write() else [], [], wait)
            except (OSError, ValueError):
                ready = [sock]  # closed meanwhile: reading tells
            if awake in ready:
                self._woken = False
                with contextlib.suppress(BlockingIOError):
                    awake.recv(4096)
            if (sock in ready or not wait) and not self._read():
                return
            self._send_acks()
            if client.want_write() and client.loop_write() is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            if client.loop_misc() is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            if self._stopping.is_set() and not client.want_write():
                return

    def _read(self) -> bool:
        """Read messages while there are any; False: the connection has ended."""
        client = self._client
        self._more = False
        try:
            for _ in range(_BURST):
                message = None if client.amid_packet else client.next_publish()
                if message is not None:
                    self._hand_over(message)
                elif client.loop_read() is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return False
                elif client.amid_packet:
                    return True
        except BlockingIOError:
            return True
        except (MalformedPacket, OSError) as error:
            log.debug("a connection to an MQTT broker is given up: %s", error)
            self._client.give_up(protocol=isinstance(error, MalformedPacket))
            return False
        self._more = True
        return True

    def _hand_over(self, message: Publish) -> None:
        try:
            self._take(message)
        except Exception:
            # An error of ours must not end this thread: the next message may be good.
            log.exception("a message on %s", ascii(message.topic[:120]))

    def _send_acks(self) -> None:
        acks, current = self._acks, self.connection
        mids = [mid for connection, mid in (acks.popleft() for _ in range(len(acks))) if connection == current]
        if mids:
            self._client.acknowledge(mids)
