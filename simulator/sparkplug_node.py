"""One simulated edge node of Sparkplug B: its connection, its births, its death as last will, and its devices."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from controlroom.wire.sparkplug import (
    BIRTH_DEATH,
    NAMESPACE,
    REBIRTH,
    BadPayload,
    DataType,
    Metric,
    decode_payload,
    encode_payload,
)

#: What was sent so shortly before a loss was noticed is sent again, as historical values: it may not have arrived.
_OVERLAP_S = 5.0
_MOST_SENT = 50_000
#: Values that may wait for the host; further ones are dropped and counted.
_MOST_WAITING = 50_000
#: Metrics of one message that tells what was measured meanwhile.
_AT_ONCE = 500
_CLOSE_S = 2.0


class Measured(NamedTuple):
    """A value of a metric."""

    device: str
    name: str
    value: float
    at_ms: int
    unit: str
    #: the faults that shaped it
    faults: str


@dataclass(slots=True)
class _Device:
    aliases: dict[str, int] = field(default_factory=dict)
    last: dict[str, Measured] = field(default_factory=dict)


class SimulatedNode:
    """An edge node that waits for its primary host, and keeps what it measures meanwhile.

    Args:
        address: host and port of the broker.
        group: its group.
        name: its own name.
        host: its primary host application.
    """

    def __init__(self, address: tuple[str, int], group: str, name: str, host: str) -> None:
        self._group, self._name = group, name
        self._state_topic = f"{NAMESPACE}/STATE/{host}"
        self._state_at = -1
        self._lock = threading.RLock()
        self._devices: dict[str, _Device] = {}
        self._aliases = 0
        self._seq = 0
        self._bd_seq = time.time_ns() // 1_000_000_000 % 256
        self._born = False
        #: when it was born by a STATE that the broker had kept: whoever told it may be gone; monotonic seconds
        self._doubted_since: float | None = None
        self._waiting: deque[Measured] = deque()
        self._sent: deque[tuple[float, Measured]] = deque(maxlen=_MOST_SENT)
        self.delivered = self.dropped = 0
        client = self._client = Client(CallbackAPIVersion.VERSION2)
        client.max_queued_messages_set(0)
        client.reconnect_delay_set(1, 5)
        client.on_pre_connect = lambda *_: self._before_connecting()
        client.on_connect = lambda *_: self._connected()
        client.on_disconnect = lambda *_: self._disconnected()
        client.on_message = lambda _client, _data, message: self._heard(message)
        client.connect_async(*address)
        client.loop_start()

    @property
    def waiting(self) -> int:
        """Values that wait for the host."""
        return len(self._waiting)

    def send(self, one: Measured) -> None:
        """Send a value, or keep it until the host is there."""
        with self._lock:
            device = self._devices.setdefault(one.device, _Device())
            new = one.name not in device.aliases
            if new:
                self._aliases += 1
                device.aliases[one.name] = self._aliases
            if not self._born:
                device.last[one.name] = one
                if len(self._waiting) >= _MOST_WAITING:
                    self.dropped += 1
                else:
                    self._waiting.append(one)
                return
            device.last[one.name] = one
            if new:
                self._publish(f"DBIRTH/{self._name}/{one.device}", self._birth_of(device))
            else:
                self._publish(f"DDATA/{self._name}/{one.device}", [self._metric(one)])
            self._sent.append((time.monotonic(), one))
            self.delivered += 1

    def send_raw(self, device: str, raw: bytes) -> None:
        """Send what a fault has damaged."""
        with self._lock:
            if self._born:
                self._client.publish(f"{NAMESPACE}/{self._group}/DDATA/{self._name}/{device}", raw)
                self.delivered += 1

    def stop(self) -> None:
        """Tell the death, and disconnect."""
        with self._lock:
            if self._born:
                self._born = False
                with contextlib.suppress(RuntimeError, ValueError):
                    self._client.publish(self._topic("NDEATH"), self._death()).wait_for_publish(_CLOSE_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _topic(self, kind: str) -> str:
        return f"{NAMESPACE}/{self._group}/{kind}/{self._name}"

    def _death(self) -> bytes:
        return encode_payload([Metric(BIRTH_DEATH, self._bd_seq, DataType.INT64)], _now())

    def _before_connecting(self) -> None:
        self._bd_seq = (self._bd_seq + 1) % 256
        self._client.will_set(self._topic("NDEATH"), self._death(), qos=1)

    def _connected(self) -> None:
        self._client.subscribe([(self._topic("NCMD"), 1), (self._state_topic, 1)])

    def _disconnected(self) -> None:
        self._lost()
        self._state_at = -1

    def _lost(self) -> None:
        """The host does not hear this node any more; what it was sent just now, it may not have heard."""
        with self._lock:
            if self._born:
                self._born = False
                now = time.monotonic()
                since = (self._doubted_since or now) - _OVERLAP_S
                self._doubted_since = None
                again = [one for at, one in self._sent if at >= since]
                self._sent.clear()
                self._waiting.extendleft(reversed(again))
                self.delivered -= len(again)

    def _heard(self, message: MQTTMessage) -> None:
        if message.topic == self._state_topic:
            try:
                told = json.loads(message.payload)
                online, at = told["online"] is True, int(told["timestamp"])
            except (ValueError, TypeError, KeyError):
                return
            if at < self._state_at:
                return
            with self._lock:
                if not online or at > self._state_at:
                    # A newer birth of the host: what came before it, nobody may have heard.
                    self._lost()
                self._state_at = at
                if online and not self._born:
                    self._doubted_since = time.monotonic() if message.retain else None
                    self._bear()
        else:
            with contextlib.suppress(BadPayload), self._lock:
                told = decode_payload(bytes(message.payload)).metrics
                if self._born and any(one.name == REBIRTH and one.value for one in told):
                    self._bear()

    def _bear(self) -> None:
        """Tell the births of the node and its devices, then what was measured before."""
        self._born = True
        self._seq = 255
        own = [
            Metric(BIRTH_DEATH, self._bd_seq, DataType.INT64),
            Metric(REBIRTH, value=False, datatype=DataType.BOOLEAN),
        ]
        self._publish(f"NBIRTH/{self._name}", own)
        for name, device in self._devices.items():
            self._publish(f"DBIRTH/{self._name}/{name}", self._birth_of(device))
        waiting = list(self._waiting)
        self._waiting.clear()
        by_device: dict[str, list[Measured]] = {}
        for one in waiting:
            by_device.setdefault(one.device, []).append(one)
        for name, values in by_device.items():
            for start in range(0, len(values), _AT_ONCE):
                some = [self._metric(one, historical=True) for one in values[start : start + _AT_ONCE]]
                self._publish(f"DDATA/{self._name}/{name}", some)
        now = time.monotonic()
        self._sent.extend((now, one) for one in waiting)
        self.delivered += len(waiting)

    def _birth_of(self, device: _Device) -> list[Metric]:
        return [
            self._metric(one)._replace(name=name, properties={"engUnit": one.unit, "Quality": 192})
            for name, one in device.last.items()
        ]

    def _metric(self, one: Measured, *, historical: bool = False) -> Metric:
        alias = self._devices[one.device].aliases[one.name]
        told = {"faults": one.faults} if one.faults else {}
        return Metric("", one.value, DataType.DOUBLE, one.at_ms, alias, historical, properties=told)

    def _publish(self, tail: str, metrics: list[Metric]) -> None:
        self._seq = (self._seq + 1) % 256
        raw = encode_payload(metrics, _now(), self._seq)
        if self._client.publish(f"{NAMESPACE}/{self._group}/{tail}", raw).rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            # The connection has ended, and it is not told yet: `_lost` will send this again.
            return


def _now() -> int:
    return time.time_ns() // 1_000_000
