"""The simulator as a whole: connects, declares its sensors, runs those that the group gives it, ends in good order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from controlroom.wire import SensorCommand, SensorSpec, TopicNames
from kafka_clients.errors import BrokersUnreachable
from simulator.declaration import declare
from simulator.engine import Engine
from simulator.faults.table import to_ms
from simulator.fleet import Fleet
from simulator.follower import Follower, Known
from simulator.options import Options
from simulator.outlet import Outlet
from simulator.ownership import Ownership, group_of
from simulator.pace import CHUNK, Pace
from simulator.publisher import Publisher
from simulator.tail import last_counts

log = logging.getLogger(__name__)

#: Shorter waits are not worth waking for: readings that are due within one go out together.
_SHORTEST_WAIT_S = 0.002
_LONGEST_WAIT_S = 0.5
_STATUS_S = 5.0
#: Statuses a second at the most, averaged: with many sensors each is told less often.
_STATUS_RATE = 500
#: A simulation that runs ahead of the brokers waits for them when so many records wait.
_MOST_AHEAD = 20_000
#: How far before a sensor's last status its last readings are looked for, milliseconds: clocks and buffers differ.
_TAIL_MARGIN_MS = 10_000
_CONNECT_RETRY_S = 0.5
_FLUSH_AT_LOSS_S = 5.0
_FLUSH_AT_END_S = 1.5


def owner_name() -> str:
    """Who this process is, in statuses."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:4]}"


class Simulator:
    """Simulated sensors on a Kafka cluster. Runs once.

    Args:
        bootstrap: `host:port,...`.
        names: the topics.
        declared: sensors that are to be there from the start; written to the topic of commands where it says otherwise.
        options: how to simulate.
        client: further arguments for aiokafka's clients (security).
        outlet: where readings go; None: to the topic of readings. All else goes over Kafka.
        tell: hears one line for the person who watches when something is amiss; default: the log.
    """

    def __init__(
        self,
        bootstrap: str,
        names: TopicNames = TopicNames(),  # noqa: B008 - frozen
        declared: Sequence[SensorSpec] = (),
        options: Options = Options(),  # noqa: B008 - frozen
        *,
        client: Mapping[str, Any] | None = None,
        outlet: Outlet | None = None,
        tell: Callable[[str], None] = log.warning,
    ) -> None:
        self.owner = owner_name()
        self._names = names
        self._specs = declared
        self._options = options
        self._tell = tell
        self._bootstrap = bootstrap
        self._client: dict[str, Any] = {"bootstrap_servers": bootstrap, **(client or {})}
        self._pace = Pace(options, tell)
        self._publisher = Publisher(bootstrap, client, tell)
        self._follower = Follower(self._client, names, self._on_command, tell)
        self._ownership = Ownership(
            self._client,
            names.commands,
            on_lost=self._lose,
            on_gained=self._gain,
            group=options.group or group_of(names.commands),
        )
        self._publisher.may_send = lambda: self._ownership.holds
        self._outlet = outlet
        if outlet is not None:
            outlet.may_send = lambda: self._ownership.holds
        #: the sensors, while the group has given us any
        self._fleet: Fleet | None = None
        self._reached = 0.0
        self._loading = False
        self._takeover: asyncio.Task[None] | None = None
        #: the loop has something new to look at
        self._wake = asyncio.Event()

    @property
    def readings(self) -> int:
        """Readings taken."""
        return self._pace.readings

    @property
    def simulated(self) -> float:
        """Simulated seconds of this run, as far as readings were taken."""
        began, fleet = self._pace.began, self._fleet
        if began is not None and fleet is not None:
            self._reached = max(0, fleet.engine.time - began) / 1000
        return self._reached

    @property
    def sensors(self) -> int:
        """Sensors that run here now."""
        return len(self._fleet.engine.sensors) if self._fleet is not None else 0

    @property
    def delivered(self) -> int:
        """Readings that the brokers have acknowledged."""
        if self._outlet is not None:
            return self._outlet.delivered
        return self._publisher.acked_of(self._names.data)

    @property
    def dropped(self) -> int:
        """Records given up because the brokers were away for too long."""
        return self._publisher.dropped + (self._outlet.dropped if self._outlet is not None else 0)

    async def run(self, stop: asyncio.Event) -> None:
        """Simulate until `stop` is set, or until what was asked for is done.

        Raises:
            BrokersUnreachable: no broker answers at the start. Later outages are waited out.
            TopicMissing: one of the topics is not there.
            NotAllowed: the brokers refuse us.
        """
        publisher, follower, names = self._publisher, self._follower, self._names
        helpers = [asyncio.create_task(self._wake_at(stop)), asyncio.create_task(self._report())]
        try:
            await self._connect(stop)
            if self._outlet is not None:
                await self._outlet.start()
            await follower.start({topic: publisher.partitions(topic) for topic in (names.commands, names.status)})
            await self._unless(stop, self._declare())
            if not stop.is_set():
                await self._ownership.start()
                await self._drive(stop)
                await self._unless(stop, self._deliver())
        finally:
            await self._end([*helpers, *([self._takeover] if self._takeover is not None else [])])

    async def _connect(self, stop: asyncio.Event) -> None:
        deadline = time.monotonic() + self._options.connect_timeout
        while True:
            try:
                await self._publisher.start((self._names.data, self._names.commands, self._names.status))
            except BrokersUnreachable:
                if time.monotonic() >= deadline or stop.is_set():
                    raise
                await asyncio.sleep(_CONNECT_RETRY_S)
            else:
                return

    async def _unless(self, stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
        """Await `work`, but no longer than until `stop` is set."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            stopping.cancel()

    async def _declare(self) -> None:
        await self._follower.catch_up()
        removed = declare(
            self._specs, self._follower, self._publisher, self._names, owner=self.owner, fresh=self._options.fresh
        )
        if removed:
            listed = ", ".join(removed[:5]) + (", ..." if len(removed) > 5 else "")
            self._tell(f"{len(removed)} sensors stay removed, as an operator left them (--fresh brings back): {listed}")
        while not await self._publisher.flush(_FLUSH_AT_LOSS_S):
            self._check()

    # --- the group gives and takes

    def _gain(self, partitions: frozenset[int]) -> None:
        self._takeover = asyncio.create_task(self._take_over(partitions), name="takeover")

    async def _take_over(self, partitions: frozenset[int]) -> None:
        """Go on with the sensors of these partitions where the one who had them stopped."""
        follower, names = self._follower, self._names
        await follower.catch_up()
        mine = {i: each for i, each in follower.desired.items() if each.partition in partitions}
        known = {sensor_id: follower.known[sensor_id] for sensor_id in mine if sensor_id in follower.known}
        wanted = [sensor_id for sensor_id, each in mine.items() if isinstance(each.command, SensorCommand)]
        counts = {}
        if wanted and self._outlet is None:
            # A sensor without a status cannot have sent anything before its command was written.
            since = min((known[i] if i in known else mine[i]).written for i in wanted) - _TAIL_MARGIN_MS
            data = self._publisher.partitions(names.data)
            counts = await last_counts(self._client, names.data, data, since, wanted)
        if self._ownership.owned != partitions:
            return
        now = self._pace.begin(self._resumed(known.values()))
        seed = self._options.seed
        engine = Engine(seed or 0, self._options.nature, None if seed is None else self._pace.began)
        stamp = self._options.stamp
        fleet = Fleet(
            engine, self._pace.clock, follower, self._publisher, names, self.owner, stamp=stamp, outlet=self._outlet
        )
        # From here on commands that arrive are obeyed at once; time goes on when all sensors are there.
        self._fleet, self._loading = fleet, True
        # Commands that came in the meantime, too: a sensor that they are the first about has not sent anything yet.
        mine = {i: each for i, each in follower.desired.items() if each.partition in partitions}
        for number, sensor_id in enumerate(sorted(mine), 1):
            fleet.obey(sensor_id, now=now, count=counts.get(sensor_id))
            if number % CHUNK == 0:
                await self._publisher.room(_MOST_AHEAD)
        self._loading = False
        self._wake.set()

    def _resumed(self, known: Iterable[Known]) -> int | None:
        """Up to what simulated time these sensors may have sent readings; None when nothing is known of them."""
        # Statuses are sent every few seconds: readings after the last one must not be overlapped.
        margin = round(_STATUS_S * 1000 * self._options.speed)
        return max((to_ms(each.status.timestamp) + margin for each in known), default=None)

    async def _lose(self) -> None:
        """The group gives the sensors to another."""
        _ = self.simulated  # remembered: the engine goes
        self._fleet = None
        if self._takeover is not None:
            self._takeover.cancel()
        # What waits may go out only while nobody else can have begun.
        if not self._ownership.holds or not await self._publisher.flush(_FLUSH_AT_LOSS_S):
            await self._publisher.discard_gated()

    def _on_command(self, sensor_id: str) -> None:
        fleet = self._fleet
        if fleet is not None and self._follower.desired[sensor_id].partition in self._ownership.owned:
            fleet.obey(sensor_id)
            self._wake.set()

    # --- time passes

    async def _drive(self, stop: asyncio.Event) -> None:
        """Take readings as they fall due."""
        pace = self._pace
        while not stop.is_set() and not pace.finished(self._fleet.engine if self._fleet is not None else None):
            self._check()
            fleet = self._fleet
            if fleet is None or self._loading:
                await self._sleep(_LONGEST_WAIT_S)
                continue
            taken = pace.advance(fleet.engine)
            if fleet.engine.changed:
                fleet.report_changed()
            if taken >= CHUNK:
                # The lanes fill their batches in these turns; a simulation ahead of real time waits for them.
                await asyncio.sleep(0)
                if not pace.clock.follows_wall and self._publisher.waiting > _MOST_AHEAD:
                    await self._unless(stop, self._publisher.room(_MOST_AHEAD))
                if not pace.clock.follows_wall and self._outlet is not None:
                    await self._outlet.room(_MOST_AHEAD)
            else:
                due = fleet.engine.next_due
                await self._sleep(_LONGEST_WAIT_S if due is None else pace.clock.seconds_until(due))

    async def _deliver(self) -> None:
        """What was asked for has been taken; all of it is to arrive."""
        while not await self._publisher.flush(_FLUSH_AT_LOSS_S):
            self._check()
        while self._outlet is not None and self._outlet.waiting:
            await self._outlet.room(0)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless there is something to look at before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_LONGEST_WAIT_S, max(_SHORTEST_WAIT_S, seconds))):
                await self._wake.wait()
        self._wake.clear()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _report(self) -> None:
        """Send all statuses every few seconds."""
        while True:
            await asyncio.sleep(max(_STATUS_S, self.sensors / _STATUS_RATE))
            if self._fleet is not None and not self._loading:
                await self._fleet.report_all()

    def _check(self) -> None:
        """Raise the error that ended a part of us, if one did."""
        failure = self._publisher.failure or self._follower.failure
        if failure is not None:
            raise failure

    async def _end(self, helpers: Iterable[asyncio.Task[None]]) -> None:
        """Say that the sensors stand still, send what waits, leave the group; all in a bounded time."""
        for task in helpers:
            task.cancel()
        fleet, self._fleet = self._fleet, None
        if fleet is not None and self._ownership.holds:
            await fleet.report_all(stopped=True)
        await self._publisher.flush(_FLUSH_AT_END_S)
        if self._outlet is not None:
            await self._outlet.stop(_FLUSH_AT_END_S)
        left = self._publisher.unacknowledged(self._names.data)
        await asyncio.gather(self._ownership.stop(), self._follower.stop(), self._publisher.stop())
        if left:
            self._tell(f"{left} readings could not be delivered before the end")
