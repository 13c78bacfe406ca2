"""Simulated sensors as MQTT publishers: each reading is a JSON document on a topic of its sensor's own.

>>> from controlroom.wire import Location
>>> spec = SensorSpec(sensor_id="t/1", sensor_type="temperature", location=Location("hall", "m-7", "z"))
>>> Topics("plant/{section}/{machine}/{sensor}").of(spec)
'plant/hall/m-7/t_1'
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from controlroom.wire import BadMessage, SensorSpec, decode_reading
from controlroom.wire.reading import HEADER_FAULT
from simulator.errors import OutletError, OutletUnreachable
from simulator.faults.table import to_ms
from simulator.sensor import Headers, Send

#: Its levels are what `bridge_file` reads from it.
TEMPLATE = "plant/{section}/{zone}/{machine}/{type}/{sensor}"
_NAMES = ("section", "zone", "machine", "type", "sensor")
_HOLE = re.compile(r"\{([^{}]*)\}")
#: What has a meaning in a topic, or none at all.
_NOT_IN_A_LEVEL = re.compile(r"[/+#\x00]")
#: Readings that may wait for the broker; further ones are dropped and counted.
_MOST_WAITING = 50_000
_CONNECT_S = 10.0
_LOOK_S = 0.05
_ROOM_S = 5.0


class Topics:
    """The topic of each sensor, by a template.

    Raises:
        OutletError: the template is none, or would give several sensors one topic.
    """

    def __init__(self, template: str) -> None:
        self._template = template
        names = _HOLE.findall(template)
        for name in names:
            if name not in _NAMES:
                raise OutletError(f"topic {template!r}: there is no {{{name}}}; there are {', '.join(_NAMES)}")
        if "sensor" not in names:
            raise OutletError(f"topic {template!r}: {{sensor}} is missing")
        if re.search(r"[{}+#\x00]", _HOLE.sub("", template)):
            raise OutletError(f"topic {template!r}: a brace, '+' and '#' stand for themselves nowhere in a topic")

    def of(self, spec: SensorSpec) -> str:
        """A sensor's topic; what cannot stand in a level is an underscore there."""
        place = spec.location
        names = {
            "section": place.factory_section, "zone": place.zone, "machine": place.machine_id,
            "type": spec.sensor_type, "sensor": spec.sensor_id,
        }  # fmt: skip
        return _HOLE.sub(lambda hole: level(names[hole[1]]), self._template)


def level(name: str) -> str:
    """A name as a level of a topic."""
    return _NOT_IN_A_LEVEL.sub("_", name)


class MqttOutlet:
    """Publishes with QoS 1 over one connection, which comes back by itself.

    Args:
        url: `mqtt://host:port`.
        template: of the topics.
        tell: hears one line for the person who watches.

    Raises:
        OutletError: url or template are wrong.
    """

    def __init__(self, url: str, template: str = TEMPLATE, tell: Callable[[str], None] = lambda _: None) -> None:
        self._url = url
        self._host, self._port = address_of(url)
        self._topics = Topics(template)
        self._tell = tell
        self._lock = threading.Lock()
        self._sent = self._confirmed = 0
        self.dropped = 0
        #: whether readings may go out: not when another simulator may have the sensors
        self.may_send: Callable[[], bool] = lambda: True
        self._connected = threading.Event()
        self._stopping = False
        client = self._client = Client(CallbackAPIVersion.VERSION2)
        client.max_queued_messages_set(_MOST_WAITING)
        client.max_inflight_messages_set(1_000)
        client.reconnect_delay_set(1, 5)
        client.on_connect = lambda *_: self._connected.set()
        client.on_disconnect = lambda *_: self._lost()
        client.on_publish = lambda *_: self._count()

    @property
    def delivered(self) -> int:
        """Readings that the broker has confirmed."""
        return self._confirmed

    @property
    def waiting(self) -> int:
        """Readings that it has not."""
        return self._sent - self._confirmed

    async def start(self) -> None:
        """Connect.

        Raises:
            OutletUnreachable: no broker answers.
        """
        try:
            async with asyncio.timeout(_CONNECT_S):
                await asyncio.to_thread(self._client.connect, self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise OutletUnreachable(f"no MQTT broker answers at {self._url} ({str(error) or 'timed out'})") from None
        self._client.loop_start()
        if not await asyncio.to_thread(self._connected.wait, _CONNECT_S):
            raise OutletUnreachable(f"the broker at {self._url} does not let us in")

    def sender(self, spec: SensorSpec) -> Send:
        """What a sensor sends its readings with."""
        topic = self._topics.of(spec)

        def send(_key: bytes, value: bytes, headers: Headers) -> None:
            if not self.may_send():
                return
            sent = self._client.publish(topic, payload_of(value, headers), qos=1)
            self._entered(sent)

        return send

    async def room(self, most: int) -> None:
        """Wait until no more than so many readings wait, for some seconds at the most."""
        deadline = time.monotonic() + _ROOM_S
        while self.waiting > most and time.monotonic() < deadline:  # noqa: ASYNC110 - counted on the client's thread
            await asyncio.sleep(_LOOK_S)

    async def stop(self, patience: float) -> None:
        """Wait so many seconds at the most for what waits, and close."""
        deadline = time.monotonic() + patience
        while self.waiting and self._client.is_connected() and time.monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(_LOOK_S)
        self._stopping = True
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _entered(self, sent: MQTTMessageInfo) -> None:
        with self._lock:
            if sent.rc is MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                self.dropped += 1
            else:
                self._sent += 1

    def _count(self) -> None:
        with self._lock:
            self._confirmed += 1

    def _lost(self) -> None:
        if not self._stopping:
            self._tell(f"the connection to {self._url} has ended, trying on; {self.waiting} readings wait")


def payload_of(value: bytes, headers: Headers) -> bytes:
    """A reading as a device would send it; the faults that shaped it stand in it, for whoever looks for the truth.

    What a fault has damaged so that it is no reading any more is sent as it is.
    """
    try:
        reading = decode_reading(value)
    except BadMessage:
        return value
    document: dict[str, object] = {"value": reading.value, "unit": reading.unit, "time": to_ms(reading.timestamp)}
    if faults := [fault.decode() for name, fault in headers if name == HEADER_FAULT]:
        document["faults"] = faults
    return msgspec.json.encode(document)


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a broker.

    Raises:
        OutletError: the url is wrong.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 1883
        good = parts.scheme == "mqtt" and host and not (parts.path.strip("/") or parts.query or parts.username)
    except ValueError:
        good, host, port = False, None, 0
    if not good or host is None:
        raise OutletError(f"{url!r}: must be mqtt://host:port")
    return host, port
