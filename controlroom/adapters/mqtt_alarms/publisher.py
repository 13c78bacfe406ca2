"""The messages of all sensors on one MQTT broker, kept as they are wanted: retained, QoS 1.

With each connection everything is published anew: nobody knows what the broker has kept. So an older message never
comes after a newer one: nothing is carried over from an earlier connection, and within one the order is kept. Messages
of ours that the broker has and that nobody wants, such as those of a sensor that has moved, are cleared.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from bridges.errors import BridgeError
from bridges.sources.mqtt_socket import BufferedClient
from bridges.sources.mqtt_table import no_connection
from bridges.tls import tls_of
from controlroom.adapters.mqtt_alarms.table import AlarmBroker
from controlroom.wire import BadMessage
from controlroom.wire.sensor_alarms import decode_sensor_alarms

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

#: What the client logs of each packet is not for anybody.
_client_log = logging.getLogger(f"{__name__}.client")
_client_log.setLevel(logging.ERROR)

#: For so long after the last `renew` we are the one who publishes.
LEASE_S = 10.0
#: A retained message without content is none: the broker forgets the topic.
CLEARED = b""
_MOST_UNDER_WAY = 200
_LOOP_S = 0.1
_CONNECT_S = 5.0
_CLOSE_S = 3.0
_FIRST_BACKOFF_S = 1.0
_LAST_BACKOFF_S = 30.0


class AlarmPublisher:
    """Runs on a thread of its own, from the first `renew` to `stop`.

    One client id has one connection: a second publisher takes the place of the first.

    Args:
        table: the broker.
        after: the one before on this broker, which has been told to stop and may still have something to clear.
    """

    def __init__(self, table: AlarmBroker, after: AlarmPublisher | None = None) -> None:
        self.table = table
        self._after = after
        self._lock = threading.Lock()
        #: topic -> message; None: it is not known yet
        self._wanted: dict[str, bytes] | None = None
        #: topics to be published, oldest first
        self._due: dict[str, None] = {}
        self._under_way: dict[int, tuple[str, bytes]] = {}
        self._leased_until = 0.0
        self._stopping = threading.Event()
        self._clearing = False
        self._ended = ""
        self._greeted = False
        self._thread = threading.Thread(target=self._run, name="mqtt alarms", daemon=True)
        self.connected_since: float | None = None
        self.connections = 0
        #: messages that the broker has confirmed, and when the last one was
        self.published = 0
        self.published_at: float | None = None
        #: why there is no connection, or what was last amiss
        self.error = ""

    def renew(self) -> None:
        """We are the ones who publish, for some seconds more."""
        self._leased_until = time.monotonic() + LEASE_S
        if self._thread.ident is None:
            self._thread.start()

    def want(self, messages: dict[str, bytes], *, all_of_it: bool) -> None:
        """Have these messages on the broker, by topic; `all_of_it`: and no others of ours. It must come first."""
        with self._lock:
            if self._wanted is None:
                self._wanted = {}
            wanted = self._wanted
            if all_of_it:
                messages = {**dict.fromkeys(wanted.keys() - messages.keys(), CLEARED), **messages}
            for topic, message in messages.items():
                if wanted.get(topic, CLEARED) != message:
                    wanted[topic] = message
                    self._due[topic] = None

    @property
    def knows_all(self) -> bool:
        """Whether it was told what all sensors have."""
        return self._wanted is not None

    @property
    def topics(self) -> int:
        """Topics that hold a message."""
        with self._lock:
            return sum(message != CLEARED for message in (self._wanted or {}).values())

    @property
    def waiting(self) -> int:
        """Messages that the broker has not confirmed."""
        with self._lock:
            return len(self._due) + len(self._under_way)

    def stop(self, *, clear: bool = False) -> None:
        """End; `clear`: take back what is published, if that can be done at once."""
        self._clearing = clear
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_CONNECT_S + 2 * _CLOSE_S)

    def wait(self) -> None:
        """Wait for its end, if it has begun."""
        if self._thread.ident is not None:
            self._thread.join()

    # --- the thread

    @property
    def _ours(self) -> bool:
        return self._wanted is not None and time.monotonic() < self._leased_until

    def _run(self) -> None:
        backoff = _FIRST_BACKOFF_S
        if self._after is not None:
            self._after.wait()
            self._after = None
        while not self._stopping.is_set():
            if not self._ours:
                self._stopping.wait(_LOOP_S)
                continue
            before = self.connections
            try:
                self._connected()
            except Exception:
                # An error of ours must not end it: what is published would grow old, and nobody would know.
                log.exception("alarms to %s", self.table.name)
                self.error = "an error of the program; see the log"
            self.connected_since = None
            backoff = _FIRST_BACKOFF_S if self.connections > before else min(_LAST_BACKOFF_S, backoff * 2)
            self._stopping.wait(backoff)

    def _connected(self) -> None:
        """One connection, until it ends or is not ours to have."""
        table = self.table
        try:
            # Read anew each time: passwords and certificates are renewed.
            client = self._made()
        except BridgeError as error:
            self._fail(str(error))
            return
        with self._lock:
            self._under_way.clear()
            self._due = dict.fromkeys(self._wanted or ())
        self._ended = ""
        self._greeted = False
        try:
            try:
                client.connect(*table.address, table.keepalive)
            except OSError as error:
                self._fail(no_connection(table.url, error))
                return
            opened = time.monotonic()
            while self._ours and not self._stopping.is_set():
                if client.loop(_LOOP_S) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                    self._fail(self._ended or "the connection has ended")
                    return
                if self._greeted:
                    self._publish_due(client)
                elif time.monotonic() - opened > _CONNECT_S:
                    self._fail(f"{table.url} does not answer")
                    return
            if self._greeted:
                self._leave(client)
        finally:
            client.release()

    def _made(self) -> BufferedClient:
        table = self.table
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            table.client_id or f"controlroom-alarms-{table.name}",
            protocol=MQTTv5 if table.version == "5" else MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_S
        client.max_inflight_messages_set(_MOST_UNDER_WAY + 10)
        if table.user is not None:
            client.username_pw_set(table.user, table.secret())
        if table.url.startswith("mqtts:"):
            client.tls_set_context(tls_of(table, table.name))
        client.will_set(table.status, "offline", qos=1, retain=True)
        client.suppress_exceptions = True
        client.enable_logger(_client_log)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _publish_due(self, client: Client) -> None:
        with self._lock:
            room = _MOST_UNDER_WAY - len(self._under_way)
            batch = [(topic, (self._wanted or {})[topic]) for topic, _ in zip(self._due, range(room), strict=False)]
            for topic, _ in batch:
                del self._due[topic]
        for topic, message in batch:
            mid = client.publish(topic, message, qos=1, retain=True).mid
            with self._lock:
                self._under_way[mid] = topic, message

    def _leave(self, client: BufferedClient) -> None:
        """Clear what is to be cleared, say that we are offline, and disconnect."""
        if self._clearing:
            self.want({}, all_of_it=True)
        deadline = time.monotonic() + _CLOSE_S
        told: Any = None
        while time.monotonic() < deadline:
            if self._clearing:
                self._publish_due(client)
            if told is None and not (self._clearing and self.waiting):
                told = client.publish(self.table.status, "offline", qos=1, retain=True)
            if client.loop(_LOOP_S) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            if told is not None and told.is_published():
                break
        client.disconnect()

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._ended = f"the broker refuses us: {reason}"
            return
        self._greeted = True
        self.connections += 1
        self.connected_since = time.time()
        if self.error:
            log.info("alarms go to %s again", self.table.name)
        self.error = ""
        client.subscribe(self.table.filter, 1)
        client.publish(self.table.status, "online", qos=1, retain=True)

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        self._ended = self._ended or f"the connection has ended ({reason})"

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        """What the broker had when we came; our own that nobody wants is cleared."""
        if not message.retain:
            return
        with self._lock:
            if self._wanted is None or message.topic in self._wanted:
                return
        try:
            ours = decode_sensor_alarms(bytes(message.payload)).publisher == self.table.name
        except BadMessage:
            return
        if ours:
            with self._lock:
                self._due[message.topic] = None
                self._wanted[message.topic] = CLEARED

    def _on_publish(self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: object) -> None:
        with self._lock:
            topic, message = self._under_way.pop(mid, ("", None))
            if message is None:
                return
            if message == CLEARED and (self._wanted or {}).get(topic) == CLEARED:
                # It is gone.
                (self._wanted or {}).pop(topic)
                self._due.pop(topic, None)
        if reason.is_failure:
            self.error = f"the broker does not take {topic}: {reason}"
            return
        self.published += 1
        self.published_at = time.time()

    def _fail(self, line: str) -> None:
        if line != self.error:
            log.warning("alarms to %s: %s; trying on", self.table.name, line)
        self.error = line
