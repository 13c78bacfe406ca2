"""Who runs which sensors: a consumer group on `sensor-commands`.

The simulator that the group gives a partition to runs the sensors whose commands are on it; when it dies, the group
gives the partition to another within the session's time. Nothing is read through the group.

To own is a lease. A commit of offsets tells for certain: the coordinator refuses it from a member that the group has
gone on without, and it prolongs the member's session, so after a commit nobody else can be given the partitions before
a session's time, counted from when the commit was sent. A simulator that was stopped or cut off for longer finds its
lease over, by its own clock, and holds its readings back until the next commit succeeds or the group has told it
otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from controlroom.wire import TopicNames
from kafka_clients.closing import close_consumer

SESSION_S = 10.0
HEARTBEAT_S = 3.0
_RENEW_S = 2.0
_COMMIT_S = 10.0
_REBALANCE_S = 30.0
_POLL_MS = 1000
_GROUP = "controlroom-simulators"


def group_of(topic: str) -> str:
    """The group that shares out the sensors of a topic of commands; plants on one cluster have one each."""
    return _GROUP if topic == TopicNames().commands else f"{_GROUP}-{topic}"


class Ownership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka publishes no types
    """Membership of the group.

    Args:
        options: arguments for aiokafka's consumer.
        topic: the topic of the commands.
        on_lost: awaited when partitions are taken away, before the group gives them to others; while it runs,
            `holds` tells whether what waits may still be sent.
        on_gained: called when partitions were given and the lease on them runs.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        topic: str,
        *,
        on_lost: Callable[[], Awaitable[None]],
        on_gained: Callable[[frozenset[int]], None],
        group: str,
    ) -> None:
        self.owned: frozenset[int] = frozenset()
        self._topic = topic
        self._on_lost = on_lost
        self._on_gained = on_gained
        self._lease_until = 0.0
        self._announced = True
        self._given = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._options = options
        self._group = group
        self._consumer: AIOKafkaConsumer | None = None

    @property
    def holds(self) -> bool:
        """Whether the lease still runs: nobody else can own what we own."""
        return time.monotonic() < self._lease_until

    async def start(self) -> None:
        """Join."""
        consumer = self._consumer = AIOKafkaConsumer(
            **self._options,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            session_timeout_ms=int(SESSION_S * 1000),
            heartbeat_interval_ms=int(HEARTBEAT_S * 1000),
            rebalance_timeout_ms=int(_REBALANCE_S * 1000),
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
        )
        await consumer.start()
        consumer.subscribe([self._topic], listener=self)
        self._tasks = [
            asyncio.create_task(self._poll(consumer), name="group"),
            asyncio.create_task(self._renew(consumer), name="lease"),
        ]

    async def stop(self) -> None:
        """Leave, so that others take over at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.owned = frozenset()
        if self._consumer is not None:
            await close_consumer(self._consumer)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The group takes the partitions away, or finds that it has long done so."""
        if self.owned:
            self.owned = frozenset()
            await self._on_lost()
        self._lease_until = 0.0

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The group has given us these."""
        given = list(assigned)
        assert self._consumer is not None
        self._consumer.pause(*given)
        self.owned = frozenset(tp.partition for tp in given)
        # The lease is asked for elsewhere: the group is not settled before this method returns.
        self._announced = False
        self._given.set()

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Show the group that we live. All partitions are paused, so nothing comes."""
        while True:
            try:
                await consumer.getmany(timeout_ms=_POLL_MS)
            except KafkaError:
                await asyncio.sleep(_RENEW_S)

    async def _renew(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RENEW_S):
                    await self._given.wait()
            self._given.clear()
            owned = self.owned
            if owned and await self._commit(consumer, owned) and not self._announced and owned == self.owned:
                self._announced = True
                self._on_gained(owned)

    async def _commit(self, consumer: AIOKafkaConsumer, owned: frozenset[int]) -> bool:
        """Prolong the lease, if the coordinator still knows us."""
        asked = time.monotonic()
        try:
            # The offset means nothing; that it is taken does.
            offsets = {TopicPartition(self._topic, partition): 0 for partition in owned}
            async with asyncio.timeout(_COMMIT_S):
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError):
            return False
        if owned == self.owned:
            self._lease_until = max(self._lease_until, asked + SESSION_S)
        return True
