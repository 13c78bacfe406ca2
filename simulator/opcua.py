"""Simulated sensors as an OPC UA server.

Below Objects stand the sections, in them zones, machines and types of sensors, and there a variable for each sensor. It
has an engineering unit, a range, and a property that names the faults that shape it now. Its source timestamp is the
sensor's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from asyncua import Node, Server, ua

from controlroom.wire import BadMessage, Reading, SensorSpec, decode_reading
from controlroom.wire.reading import HEADER_FAULT
from simulator.errors import OutletError, OutletUnreachable
from simulator.mqtt import level
from simulator.sensor import Headers, Send
from simulator.specification import limits_of

#: Namespace of the nodes.
URI = "urn:controlroom:simulated-plant"
#: Readings that may wait to be written; further ones are dropped and counted.
_MOST_WAITING = 50_000
_LOOK_S = 0.05
_ROOM_S = 5.0
#: Readings that are written before others have their turn.
_AT_ONCE = 50
_GOOD_FROM, _UNCERTAIN_FROM = 0.75, 0.25

# It tells of every client that leaves without a farewell; what matters is said here.
logging.getLogger("asyncua").setLevel(logging.CRITICAL)


class OpcuaOutlet:
    """Serves the readings to OPC UA clients. It asks for no login and encrypts nothing: it is for trying and testing.

    Args:
        url: where it listens, `opc.tcp://host:port/path`.
        tell: hears one line for the person who watches.

    Raises:
        OutletError: the url is wrong.
    """

    def __init__(self, url: str, tell: Callable[[str], None] = lambda _: None) -> None:
        check_url(url)
        self._url = url
        self._tell = tell
        self._server: Server | None = None
        self._index = 0
        self._folders: dict[tuple[str, ...], Node] = {}
        self._variables: dict[str, _Variable] = {}
        self._queue: deque[tuple[SensorSpec, bytes, str]] = deque()
        self._arrived = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self.delivered = 0
        self.dropped = 0
        #: whether readings may go out: not when another simulator may have the sensors
        self.may_send: Callable[[], bool] = lambda: True

    @property
    def waiting(self) -> int:
        """Readings that are not written yet."""
        return len(self._queue)

    async def start(self) -> None:
        """Listen.

        Raises:
            OutletUnreachable: the address cannot be listened at.
        """
        server = Server()
        await server.init()
        server.set_endpoint(self._url)
        server.set_server_name("controlroom, simulated plant")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self._index = await server.register_namespace(URI)
        try:
            await server.start()
        except OSError as error:
            with contextlib.suppress(Exception):  # what has not started cannot stop either
                await server.stop()
            raise OutletUnreachable(f"cannot listen at {self._url} ({error.strerror or error})") from None
        self._server = server
        self._folders[()] = server.nodes.objects
        self._writing = asyncio.create_task(self._write_all(server))
        self._tell(f"OPC UA server at {self._url}")

    def sender(self, spec: SensorSpec) -> Send:
        """What a sensor sends its readings with."""

        def send(_key: bytes, value: bytes, headers: Headers) -> None:
            if not self.may_send():
                return
            if len(self._queue) >= _MOST_WAITING:
                self.dropped += 1
                return
            faults = ",".join(fault.decode() for key, fault in headers if key == HEADER_FAULT)
            self._queue.append((spec, value, faults))
            self._arrived.set()

        return send

    async def room(self, most: int) -> None:
        """Wait until no more than so many readings wait, for some seconds at the most."""
        deadline = time.monotonic() + _ROOM_S
        while self.waiting > most and time.monotonic() < deadline:  # noqa: ASYNC110 - others take them from the queue
            await asyncio.sleep(_LOOK_S)

    async def stop(self, patience: float) -> None:
        """Wait so many seconds at the most for what waits, and close."""
        deadline = time.monotonic() + patience
        while self.waiting and time.monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(_LOOK_S)
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        if self._server is not None:
            await self._server.stop()

    async def _write_all(self, server: Server) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            count = 0
            while self._queue:
                spec, value, faults = self._queue[0]
                await self._write(server, spec, value, faults)
                self._queue.popleft()
                self.delivered += 1
                count += 1
                if count % _AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _write(self, server: Server, spec: SensorSpec, value: bytes, faults: str) -> None:
        variable = self._variables.get(spec.sensor_id)
        try:
            reading = decode_reading(value)
        except BadMessage:
            if variable is not None:  # as a device that sends nonsense: text where a number is due
                data = ua.DataValue(ua.Variant(value.decode(errors="replace"), ua.VariantType.String))
                await server.write_attribute_value(variable.value, data)
            return
        if variable is None:
            variable = self._variables[spec.sensor_id] = await self._make(spec, reading)
        data = ua.DataValue(
            ua.Variant(float(reading.value), ua.VariantType.Double),
            ua.StatusCode(_status_of(reading.quality)),
            SourceTimestamp=reading.timestamp,
        )
        if faults != variable.faults_now:
            variable.faults_now = faults
            await server.write_attribute_value(variable.faults, ua.DataValue(ua.Variant(faults, ua.VariantType.String)))
        await server.write_attribute_value(variable.value, data)

    async def _make(self, spec: SensorSpec, reading: Reading) -> _Variable:
        place = spec.location
        names = (place.factory_section, place.zone, place.machine_id, spec.sensor_type, spec.sensor_id)
        *path, sensor = (level(name) or "none" for name in names)
        folder = await self._folder(tuple(path))
        node = await folder.add_variable(self._node_id((*path, sensor)), self._name(sensor), float(reading.value))
        unit = ua.EUInformation(DisplayName=ua.LocalizedText(reading.unit), NamespaceUri=URI, UnitId=-1)
        await node.add_property(self._node_id((*path, sensor, "unit")), "0:EngineeringUnits", unit)
        limits = limits_of(spec)
        await node.add_property(self._node_id((*path, sensor, "range")), "0:EURange", ua.Range(limits.low, limits.high))
        faults = await node.add_property(
            self._node_id((*path, sensor, "faults")), self._name("Faults"), "", ua.VariantType.String
        )
        return _Variable(node.nodeid, faults.nodeid)

    async def _folder(self, path: tuple[str, ...]) -> Node:
        found = self._folders.get(path)
        if found is None:
            parent = await self._folder(path[:-1])
            found = self._folders[path] = await parent.add_object(self._node_id(path), self._name(path[-1]))
        return found

    def _node_id(self, path: tuple[str, ...]) -> ua.NodeId:
        return ua.NodeId("/".join(path), ua.Int16(self._index))

    def _name(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, ua.UInt16(self._index))


class _Variable:
    """The nodes of a sensor, and the faults that its property names."""

    __slots__ = ("faults", "faults_now", "value")

    def __init__(self, value: ua.NodeId, faults: ua.NodeId) -> None:
        self.value = value
        self.faults = faults
        self.faults_now = ""


def _status_of(quality: float) -> int:
    if quality >= _GOOD_FROM:
        code = ua.StatusCodes.Good
    elif quality >= _UNCERTAIN_FROM:
        code = ua.StatusCodes.UncertainSensorNotAccurate
    else:
        code = ua.StatusCodes.BadSensorFailure
    return int(code)


def check_url(url: str) -> None:
    """Whether this can be listened at.

    Raises:
        OutletError: it is wrong.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme == "opc.tcp" and parts.hostname and parts.port and not (parts.query or parts.username)
    except ValueError:
        good = False
    if not good:
        raise OutletError(f"{url!r}: must be opc.tcp://host:port/path")
