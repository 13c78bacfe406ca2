"""Variables of an OPC UA server, by a subscription that is made anew whenever it is lost.

A notification is acknowledged to the server when what it holds is on disk (the spool). The server tells the current
value of each variable with every new subscription: it is compared with the last one of that sensor, and not
taken twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState

from bridges.mapping import SensorTable
from bridges.payload import Refusal, Refused
from bridges.sources.opcua_client import check_files, close, connect, reason
from bridges.sources.opcua_items import Item
from bridges.sources.opcua_monitored import Monitored
from bridges.sources.opcua_nodes import AddressSpace
from bridges.sources.opcua_readings import Readings
from bridges.sources.opcua_subscription import Subscription
from bridges.sources.opcua_table import OpcuaTable
from bridges.sources.opcua_values import real_time
from bridges.sources.status import SourceStatus
from bridges.tags import Refusals
from bridges.values import Packet

log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 1.0
_LAST_BACKOFF_S = 30.0
_LOOK_S = 0.5
_CLOSE_S = 15.0
#: So long the server is expected to keep a session and its subscription for a connection that was lost.
_RESUME_S = 60.0
#: The client asks the server this often whether it is there, and waits as long for the answer.
_NOTICED_S = 10.0


class _LostError(Exception):
    """The connection is of no use any more; says why."""


class OpcuaSource:
    """One source. It runs on a thread of its own; `confirm` is called on the spool's.

    Args:
        table: what the file says of it.
        sensors: what the file says of single sensors.
        bridge: the bridge's name, for the session's.
        put: takes packets; may wait.

    Raises:
        BridgeFileError: a certificate or a password cannot be read.
    """

    #: whether the bridge numbers its readings
    numbered = True

    def __init__(
        self, table: OpcuaTable, sensors: Mapping[str, SensorTable], bridge: str, put: Callable[[Packet], None]
    ) -> None:
        check_files(table)
        self.table = table
        self._sensors = sensors
        self._session_name = f"controlroom bridge {bridge} {table.name}"
        self._put = put
        self.status = SourceStatus("opcua")
        self._refusals = Refusals(table.name)
        self.status.refused = self._refusals.counts
        self._connections = 0
        self._readings = Readings(self, self._refusals)
        self._monitored = Monitored(self.status, self._refusals)
        self._ended = ""
        self._changed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="opcua", daemon=True)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.table.name

    def start(self) -> None:
        """Connect, and try until it works."""
        self._thread.start()

    def adopt(self, table: OpcuaTable, sensors: Mapping[str, SensorTable]) -> None:
        """Go on by another table that has the same connection."""
        self.table, self._sensors, self._changed = table, sensors, True

    def confirm(self, tokens: Sequence[object], readings: int, repeated: int) -> None:
        """These values are on disk: their notifications can be acknowledged."""
        self.status.readings += readings
        self.status.repeated += repeated
        for token in tokens:
            if isinstance(token, asyncio.Event) and self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(token.set)

    def stop(self, *, forget: bool = False) -> None:
        """Disconnect. The server keeps nothing for us, so there is nothing to forget."""
        self._stopping.set()
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S)
        self.status.connected_since = None

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        backoff = _FIRST_BACKOFF_S
        while not self._stopping.is_set():
            before = self._connections
            serving = asyncio.create_task(self._serve())
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            serving.cancel()
            (outcome,) = await asyncio.gather(serving, return_exceptions=True)
            self.status.connected_since = None
            if self._stopping.is_set():
                return
            self._fail(outcome if isinstance(outcome, BaseException) else _LostError("the connection has ended"))
            if self._connections > before:
                backoff = _FIRST_BACKOFF_S
            # Not all bridges at the same moment, when a server comes back.
            wait = backoff * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            try:
                async with asyncio.timeout(wait):
                    await self._stop.wait()
            except TimeoutError:
                backoff = min(_LAST_BACKOFF_S, backoff * 2)

    def _fail(self, error: BaseException) -> None:
        line = str(error) if isinstance(error, _LostError) else reason(error, self.table)
        if line != self.status.error:
            log.warning("%s: %s; trying on", self.name, line)
            log.debug("%s: %s", self.name, type(error).__name__, exc_info=error)
        self.status.error = line

    async def _serve(self) -> None:
        """Serve one connection until it ends.

        Raises:
            _LostError: why it has ended.
            Exception: the client's, of many kinds.
        """
        client = await connect(self.table, self._session_name)
        try:
            space = AddressSpace(client)
            subscription = await self._subscribe(client, space)
            self._connected()
            await self._watch(client, space, subscription)
        finally:
            await close(client)

    async def _subscribe(self, client: Client, space: AddressSpace) -> Subscription:
        self._ended, self._changed = "", False
        await space.look()
        subscription = Subscription(client, self.table, space.monitored_at_once, self._heard, self._end, self._missed)
        await subscription.open()
        self._monitored.forget()
        await self._monitored.search(space, subscription, self.table, self._sensors)
        return subscription

    def _end(self, why: str) -> None:
        self._ended = why

    def _missed(self) -> None:
        gone = Refused(Refusal.MISSED, "a notification was lost with a connection, and the server has it no more")
        self._refusals.add(self.table.url, gone)

    async def _watch(self, client: Client, space: AddressSpace, subscription: Subscription) -> None:
        """Look after a connection: is it alive, and has what was missing come?"""
        searched = time.monotonic()
        lost = asyncio.Event()
        token = client.uaclient.session.authentication_token

        async def lose(_: Exception) -> None:
            lost.set()

        client.connection_lost_callback = lose
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    await lost.wait()
            except TimeoutError:
                pass
            else:
                lost.clear()
                await self._resume(client, token)
                subscription.resumed()
                searched = 0.0
            if self._ended:
                raise _LostError(self._ended)
            if subscription.silent:
                raise _LostError("the subscription's keep-alives have stopped")
            try:
                searched = await self._tend(space, subscription, searched)
            except (OSError, TimeoutError, ua.UaError):
                # If it is the connection, the client finds that out too; what it is not, ends this one.
                async with asyncio.timeout(self.table.timeout + _NOTICED_S):
                    await lost.wait()

    async def _tend(self, space: AddressSpace, subscription: Subscription, searched: float) -> float:
        """Do what is due; when the last search was."""
        if self._changed or time.monotonic() - searched >= self.table.rescan:
            changed, self._changed = self._changed, False
            try:
                if changed:
                    await self._monitored.clear(subscription)  # what the server tells again is recognised
                await space.look()
                await self._monitored.search(space, subscription, self.table, self._sensors)
            except BaseException:
                # Items that are made anew lose what the server holds for them: only where there is no other way.
                self._changed = self._changed or changed or self._monitored.uncertain
                raise
            searched = time.monotonic()
        every = self.table.refresh_s
        if every and (quiet := subscription.quiet(every)):
            await self._refresh(space, quiet)
        return searched

    async def _resume(self, client: Client, token: ua.NodeId) -> None:
        """Go on with the same session over a new connection: its subscription has gone on meanwhile.

        Raises:
            _LostError: there is no connection, or no such session any more.
        """
        ended = _LostError("the connection has ended")
        self.status.connected_since = None
        self._fail(ended)
        async with client.subscribe_state() as changes:
            try:
                await changes.wait_for_state(UaClientState.CONNECTED, _RESUME_S)
            except TimeoutError:
                raise ended from None
        if client.uaclient.session.authentication_token != token:
            raise _LostError("the server has forgotten our session")
        self._connected()

    def _connected(self) -> None:
        self._connections += 1
        self.status.reconnects = self._connections - 1
        self.status.connected_since = time.time()
        log.info("%s: connected to %s, %d variables", self.name, self.table.url, self.status.tags)

    async def _heard(self, message: ua.NotificationMessage, values: list[tuple[Item, ua.DataValue]]) -> None:
        """Hand a notification's values over, and wait until they are on disk."""
        now = datetime.now(UTC)
        status = self.status
        status.messages += len(values)
        if (published := real_time(message.PublishTime)) is not None:
            status.skewed((published - now).total_seconds())
        stale_s, at = self.table.refresh_s, self._server_time(now)
        made = [self._readings.told(item, data, at, stale_s) for item, data in values]
        packets = [packet for packet in made if packet is not None]
        await self._store(packets, now)

    async def _refresh(self, space: AddressSpace, items: Sequence[Item]) -> None:
        """Read what has told nothing for a while: a server tells changes alone, and a healthy sensor is not silent."""
        found = await space.read([item.node for item in items])
        now = datetime.now(UTC)
        at = self._server_time(now)
        heard_at = time.monotonic()
        packets: list[Packet] = []
        for item, data in zip(items, found, strict=True):
            if (packet := self._readings.unchanged(item, data, at)) is not None:
                item.heard_at = heard_at
                packets.append(packet)
        await self._store(packets, now)

    def _server_time(self, now: datetime) -> datetime:
        """The server's time. Servers put it into what is read, or do not: that of their messages is right."""
        return now + timedelta(seconds=self.status.skew_s or 0.0)

    async def _store(self, packets: list[Packet], now: datetime) -> None:
        """Hand packets over, and wait until they are on disk."""
        if not packets:
            return
        self.status.last_at = now.timestamp()
        stored = asyncio.Event()
        packets[-1] = packets[-1]._replace(token=stored)
        # It waits while the spool has more than enough; meanwhile the connection is to live on.
        await asyncio.to_thread(lambda: [self._put(packet) for packet in packets])
        await stored.wait()
