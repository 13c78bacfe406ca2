"""Messages of an MQTT broker, 3.1.1 or 5, at least once (QoS 1), over a session that outlives this process.

A message is acknowledged when what it holds is on disk (the spool), in the order in which messages came. What is not
acknowledged the broker sends again with the same packet id and the mark DUP: then it is looked up among those that were
taken. Where the payload tells its own time, the same payload on the same topic is the same measurement, however it
comes again.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridges.mapping import SensorTable
from bridges.payload import Refusal, Refused
from bridges.sources.mqtt_loop import MqttLoop
from bridges.sources.mqtt_packets import Publish
from bridges.sources.mqtt_socket import BufferedClient
from bridges.sources.mqtt_table import MqttTable, no_connection
from bridges.sources.status import SourceStatus
from bridges.tags import Tags
from bridges.tls import tls_of
from bridges.values import Draft, Memory, Packet
from bridges.window import fingerprint

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

#: What the client logs of each packet is not for anybody.
_client_log = logging.getLogger(f"{__name__}.client")
_client_log.setLevel(logging.ERROR)

_CLOSE_S = 5.0
#: A source's clock that is so far from ours is said once.
_SKEW_S = 86_400.0


class MqttSource:
    """One source. Its callbacks run on the client's thread, `confirm` on the spool's.

    Args:
        table: what the file says of it.
        sensors: what the file says of single sensors.
        bridge: the bridge's name, for the client id.
        put: takes packets.
        live: to look only: a session that leaves nothing behind, retained messages too, no status topic.
        memory: outlives the process: what an earlier one has subscribed to, and the file no longer names, is in the
            session still.

    Raises:
        BridgeFileError: a certificate or a password cannot be read.
    """

    def __init__(
        self,
        table: MqttTable,
        sensors: Mapping[str, SensorTable],
        bridge: str,
        put: Callable[[Packet], None],
        *,
        live: bool = False,
        memory: Memory | None = None,
    ) -> None:
        self.table = table
        self._memory = memory
        self.status = SourceStatus("mqtt")
        self._put = put
        self._live = live
        self._tags = Tags(table.name, table.max_tags)
        self._tags.adopt(table.tag, sensors)
        self.status.refused = self._tags.refusals.counts
        self._subscribed: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._said_skew = False
        client_id = table.client_id or f"controlroom-{bridge}-{table.name}"
        self._v5 = table.version == "5"
        self._client = self._made(f"{client_id}-check" if live else client_id)
        self._loop = MqttLoop(self._client, self._take, self._on_connect_fail)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.table.name

    @property
    def numbered(self) -> bool:
        """Of a shared subscription each bridge gets a part of a sensor's messages: none can number them."""
        return self.table.share is None

    def start(self) -> None:
        """Connect, and try until it works."""
        host, port = self.table.address
        properties = None
        if self._v5:
            properties = _properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if self._live else self.table.session_expiry
            properties.ReceiveMaximum = self.table.max_in_flight
        options: dict[str, Any] = {"clean_start": self._live, "properties": properties} if self._v5 else {}
        self._client.connect_async(host, port, self.table.keepalive, **options)
        self._loop.start()

    def adopt(self, table: MqttTable, sensors: Mapping[str, SensorTable]) -> None:
        """Go on by another table that has the same connection."""
        with self._lock:
            self.table = table
            self._tags.adopt(table.tag, sensors)
            if self.status.connected_since is not None:
                self._subscribe()

    def confirm(self, tokens: Sequence[object], readings: int, repeated: int) -> None:
        """These messages are on disk: acknowledge them."""
        self.status.readings += readings
        self.status.repeated += repeated
        self._loop.ack([token for token in tokens if isinstance(token, tuple)])

    def stop(self, *, forget: bool = False) -> None:
        """Disconnect; the session stays with the broker, unless it is to be forgotten."""
        self._stopping = True
        client = self._client
        if self.status.connected_since is not None:
            if self.table.status_topic is not None and not self._live:
                # Where the connection ends meanwhile, the last will says it.
                with contextlib.suppress(RuntimeError, ValueError):
                    client.publish(self.table.status_topic, "offline", qos=1, retain=True).wait_for_publish(_CLOSE_S)
            properties = None
            if self._v5 and forget:
                properties = _properties(PacketTypes.DISCONNECT)
                properties.SessionExpiryInterval = 0
            elif forget:
                client.unsubscribe(list(self._subscribed))
            client.disconnect(properties=properties)
        else:
            client.disconnect()
        self._loop.stop(_CLOSE_S)
        client.release()
        self.status.connected_since = None

    def _made(self, client_id: str) -> BufferedClient:
        table = self.table
        options: dict[str, Any] = {} if self._v5 else {"clean_session": self._live}
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTv5 if self._v5 else MQTTv311,
            manual_ack=True,
            **options,
        )
        if table.user is not None:
            client.username_pw_set(table.user, table.secret())
        if table.url.startswith("mqtts:"):
            client.tls_set_context(tls_of(table, table.name))
        if table.status_topic is not None and not self._live:
            client.will_set(table.status_topic, "offline", qos=1, retain=True)
        # An error of ours in a callback is logged, and does not end the client's thread: the next message may be good.
        client.suppress_exceptions = True
        client.enable_logger(_client_log)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        return client

    def _on_connect(
        self, client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._fail(f"the broker refuses us: {reason}")
            return
        with self._lock:
            self._loop.connection += 1
            self.status.reconnects = self._loop.connection - 1
            self.status.connected_since = time.time()
            self.status.error = ""
            stale: set[str] = set()
            if flags.session_present and self._loop.connection == 1 and self._memory is not None:
                stale = set(self._memory.recall())
            elif not flags.session_present:
                self._subscribed = set()
                if self._loop.connection > 1:
                    log.warning("%s: the broker has lost our session, and what it held for us", self.name)
            log.info("%s: connected to %s", self.name, self.table.url)
            self._subscribe(stale)
        if self.table.status_topic is not None and not self._live:
            client.publish(self.table.status_topic, "online", qos=1, retain=True)

    def _subscribe(self, stale: Collection[str] = ()) -> None:
        """Bring the subscriptions to what the tags want; `stale` ones may be in the session."""
        wanted = set(self._tags.filters)
        if self.table.share is not None and not self._live:
            wanted = {f"$share/{self.table.share}/{one}" for one in wanted}
        if gone := (self._subscribed | set(stale)) - wanted:
            self._client.unsubscribe(list(gone))
        if new := wanted - self._subscribed:
            qos = self.table.qos
            if self._v5:
                self._client.subscribe([(one, SubscribeOptions(qos)) for one in sorted(new)])
            else:
                self._client.subscribe([(one, int(qos)) for one in sorted(new)])
        if self._memory is not None:
            self._memory.remember(sorted(wanted))
        self._subscribed = wanted

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._fail(f"the broker refuses {len(refused)} of {len(reasons)} subscriptions: {refused[0]}")

    def _on_connect_fail(self, error: OSError) -> None:
        self._fail(no_connection(self.table.url, error))

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        was, self.status.connected_since = self.status.connected_since, None
        if not self._stopping and was is not None:
            self._fail(f"the connection has ended ({reason})")

    def _fail(self, line: str) -> None:
        if line != self.status.error:
            log.warning("%s: %s; trying on", self.name, line)
        self.status.error = line

    def _take(self, message: Publish) -> None:
        now = datetime.now(UTC)
        status = self.status
        status.messages += 1
        token = (self._loop.connection, message.mid) if message.qos else None
        payload = message.payload
        drafts: list[Draft] = []
        timed = False
        topic = ""
        try:
            topic = message.topic.decode()
        except UnicodeDecodeError:
            self._tags.refusals.add("", Refused(Refusal.NOT_UTF8, "its topic is not UTF-8"))
        if message.retain and self.table.retained == "ignore" and not self._live:
            status.retained += 1
        elif len(payload) > self.table.max_payload:
            detail = f"{len(payload)} bytes, at most {self.table.max_payload} are read (max_payload)"
            self._tags.refusals.add(topic, Refused(Refusal.TOO_LARGE, detail))
        elif topic:
            drafts, timed = self._tags.drafts(topic, payload, now)
        status.tags = self._tags.known
        mark = None
        if drafts:
            status.last_at = now.timestamp()
            if timed:
                self._skew((drafts[0].at - now).total_seconds())
            if message.qos:
                mark = fingerprint(0 if timed else message.mid, topic, payload)
        # Without anything to keep it still goes the same way: acknowledgements go in the order of the messages.
        self._put(Packet(self, token, mark, timed or message.dup, drafts))

    def _skew(self, seconds: float) -> None:
        self.status.skewed(seconds)
        if abs(seconds) > _SKEW_S and not self._said_skew:
            self._said_skew = True
            log.warning(
                "%s: its times are %.3g days from ours: check its clock, and time_format", self.name, seconds / 86_400
            )


def _properties(kind: int) -> Properties:
    return Properties(kind)  # type: ignore[no-untyped-call] # paho's has no types
