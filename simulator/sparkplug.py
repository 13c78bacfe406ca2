"""Simulated sensors as edge nodes of Sparkplug B.

Each section is a group, each zone of it an edge node, its machines are devices, and a sensor is a metric `TYPE/SENSOR`.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from controlroom.wire import BadMessage, SensorSpec, decode_reading
from controlroom.wire.reading import HEADER_FAULT
from simulator.errors import OutletUnreachable
from simulator.faults.table import to_ms
from simulator.mqtt import address_of, level
from simulator.sensor import Headers, Send
from simulator.sparkplug_node import Measured, SimulatedNode

#: The bridge of the file that `bridge_file` writes: edge nodes keep their values until it is online.
PRIMARY_HOST = "controlroom-simulated"
_CONNECT_S = 10.0
_LOOK_S = 0.05
_ROOM_S = 5.0


class SparkplugOutlet:
    """Publishes as edge nodes, each with a connection of its own, which comes back by itself.

    Args:
        url: `mqtt://host:port`.
        tell: hears one line for the person who watches.

    Raises:
        OutletError: the url is wrong.
    """

    def __init__(self, url: str, tell: Callable[[str], None] = lambda _: None) -> None:
        self._url = url
        self._address = address_of(url)
        self._tell = tell
        self._nodes: dict[tuple[str, str], SimulatedNode] = {}
        #: whether readings may go out: not when another simulator may have the sensors
        self.may_send: Callable[[], bool] = lambda: True

    @property
    def delivered(self) -> int:
        """Readings that were sent to a host that is online."""
        return sum(node.delivered for node in self._nodes.values())

    @property
    def waiting(self) -> int:
        """Readings that wait for it."""
        return sum(node.waiting for node in self._nodes.values())

    @property
    def dropped(self) -> int:
        """Readings that were given up."""
        return sum(node.dropped for node in self._nodes.values())

    async def start(self) -> None:
        """See whether the broker is there.

        Raises:
            OutletUnreachable: no broker answers.
        """

        def look() -> None:
            socket.create_connection(self._address, _CONNECT_S).close()

        try:
            await asyncio.to_thread(look)
        except OSError as error:
            raise OutletUnreachable(f"no MQTT broker answers at {self._url} ({error})") from None
        self._tell(f"edge nodes wait for their host application {PRIMARY_HOST!r}, and keep their values until then")

    def sender(self, spec: SensorSpec) -> Send:
        """What a sensor sends its readings with."""
        place = spec.location
        section, zone, device = (
            level(name) or "none" for name in (place.factory_section, place.zone, place.machine_id)
        )
        node = self._nodes.get((section, zone))
        if node is None:
            node = self._nodes[section, zone] = SimulatedNode(self._address, section, zone, PRIMARY_HOST)
        edge = node
        name = f"{spec.sensor_type}/{level(spec.sensor_id)}"

        def send(_key: bytes, value: bytes, headers: Headers) -> None:
            if not self.may_send():
                return
            try:
                reading = decode_reading(value)
            except BadMessage:
                edge.send_raw(device, value)
                return
            faults = ",".join(fault.decode() for key, fault in headers if key == HEADER_FAULT)
            edge.send(Measured(device, name, reading.value, to_ms(reading.timestamp), reading.unit, faults))

        return send

    async def room(self, most: int) -> None:
        """Wait until no more than so many readings wait, for some seconds at the most."""
        deadline = time.monotonic() + _ROOM_S
        while self.waiting > most and time.monotonic() < deadline:  # noqa: ASYNC110 - counted on the clients' threads
            await asyncio.sleep(_LOOK_S)

    async def stop(self, patience: float) -> None:
        """Wait so many seconds at the most for what waits, and tell the deaths."""
        deadline = time.monotonic() + patience
        while self.waiting and time.monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(_LOOK_S)
        for node in self._nodes.values():
            await asyncio.to_thread(node.stop)
