"""The connection of a host application: a clean session, its STATE with a last will, its subscriptions."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridges.sources.mqtt_socket import BufferedClient
from bridges.sources.sparkplug_table import SparkplugTable
from bridges.tls import tls_of
from controlroom.wire.sparkplug import NAMESPACE

#: What the client logs of each packet is not for anybody.
_client_log = logging.getLogger(f"{__name__}.client")
_client_log.setLevel(logging.ERROR)


class HostConnection:
    """The MQTT client of a host, and what it tells of itself.

    Args:
        table: what the file says of the source.
        bridge: the bridge's name, for the ids of client and host.
        live: to look only: nothing is told.

    Raises:
        BridgeFileError: a certificate or a password cannot be read.
    """

    def __init__(self, table: SparkplugTable, bridge: str, *, live: bool) -> None:
        self._table = table
        self._live = live
        self._v5 = table.version == "5"
        host = table.host_id or f"controlroom-{bridge}"
        self._topic = f"{NAMESPACE}/STATE/{host}"
        #: of this connection's birth and will: the specification wants the same in both, milliseconds
        self._at_ms = 0
        #: whether our birth is told: nothing else may be published before it
        self.online = False
        #: the subscription that is waited for before it is told
        self._subscribing: int | None = None
        self._subscribed: set[str] = set()
        client_id = table.client_id or f"controlroom-{bridge}-{table.name}"
        # The specification wants sessions that begin anew.
        options: dict[str, Any] = {} if self._v5 else {"clean_session": True}
        client = self.client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            f"{client_id}-check" if live else client_id,
            protocol=MQTTv5 if self._v5 else MQTTv311,
            manual_ack=True,
            **options,
        )
        if table.user is not None:
            client.username_pw_set(table.user, table.secret())
        if table.url.startswith("mqtts:"):
            client.tls_set_context(tls_of(table, table.name))
        client.suppress_exceptions = True
        client.enable_logger(_client_log)
        client.on_pre_connect = self._before_connecting

    def prepare(self) -> None:
        """Say where to connect."""
        options: dict[str, Any] = {}
        if self._v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's has no types
            properties.SessionExpiryInterval = 0
            options = {"clean_start": True, "properties": properties}
        self.client.connect_async(*self._table.address, self._table.keepalive, **options)

    def connected(self, filters: Sequence[str]) -> None:
        """A connection stands: subscribe."""
        self._subscribed = set()
        self._subscribing = self.subscribe(filters)

    def subscribed(self, mid: int) -> None:
        """The broker has answered a subscription: after the first one tell that this host is online."""
        if mid == self._subscribing:
            self._subscribing = None
            self.online = True
            self._tell(online=True)

    def subscribe(self, filters: Sequence[str]) -> int | None:
        """Bring the subscriptions to these; the id of the packet that asks for new ones."""
        wanted = {*filters} | ({self._topic} if not self._live else set())
        if gone := self._subscribed - wanted:
            self.client.unsubscribe(sorted(gone))
        mid = None
        if new := sorted(wanted - self._subscribed):
            options: Any = SubscribeOptions(1) if self._v5 else 1
            _, mid = self.client.subscribe([(one, options) for one in new])
        self._subscribed = wanted
        return mid

    def hear_state(self, raw: bytes) -> None:
        """Somebody has told our STATE: where it says offline, as a late will of ours does, tell that we are not."""
        try:
            told = json.loads(raw)
            online, at = told["online"], int(told["timestamp"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        if self.online and online is False:
            self._at_ms = max(self._at_ms, at)
            self._tell(online=True)

    def end(self, *, connected: bool, forget: bool, patience: float) -> None:
        """Tell that this host is offline, and disconnect; with `forget` its STATE is taken back."""
        self.online = False
        if connected and not self._live:
            # Where the connection ends meanwhile, the last will says it.
            with contextlib.suppress(RuntimeError, ValueError):
                self._at_ms = max(self._at_ms, time.time_ns() // 1_000_000)
                self._tell(online=False).wait_for_publish(patience)
                if forget:
                    self.client.publish(self._topic, b"", qos=1, retain=True).wait_for_publish(patience)
        self.client.disconnect()

    def _before_connecting(self, client: Client, _data: object) -> None:
        self.online, self._subscribing = False, None
        self._at_ms = max(self._at_ms + 1, time.time_ns() // 1_000_000)
        if not self._live:
            client.will_set(self._topic, self._state(online=False), qos=1, retain=True)

    def _tell(self, *, online: bool) -> Any:  # noqa: ANN401 - what paho tells of it
        if not self._live:
            return self.client.publish(self._topic, self._state(online=online), qos=1, retain=True)
        return None

    def _state(self, *, online: bool) -> str:
        return json.dumps({"online": online, "timestamp": self._at_ms})
