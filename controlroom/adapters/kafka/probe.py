"""Is the cluster well? Brokers, leaders and in-sync replicas, asked every two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.core.health_views import ClusterDetail
from controlroom.core.plant_state import BrokerView, ClusterView, PartitionView

CONNECT_TIMEOUT_S = 1.0
#: With the pause between two probes this is how late the screen may be.
METADATA_TIMEOUT_S = 2.0


class ClusterProbe:
    """Asks the metadata of any broker, and every broker whether it takes a connection.

    The metadata alone would be late: the controllers give a dead broker its session timeout before they say so. Brokers
    that were seen once are remembered, so one that is gone from the metadata is shown as offline; so is one that was
    never seen but has replicas assigned.
    """

    def __init__(self, kafka: KafkaConnection, topics: Iterable[str]) -> None:
        self._kafka = kafka
        self._topics = set(topics)
        self._addresses: dict[int, tuple[str, int]] = {}
        self._partitions: tuple[PartitionView, ...] = ()
        self._voters: frozenset[int] = frozenset()
        self._admin: AIOKafkaAdminClient | None = None

    async def probe(self, detail: ClusterDetail | None = None) -> ClusterView:
        """How the cluster is now. Raises nothing: what is wrong is in the view.

        Args:
            detail: what is known of the quorum, with its voters.
        """
        error, open_ = await asyncio.gather(self._metadata(), self._open())
        if self._addresses.keys() - open_.keys():
            open_ = await self._open()  # it has just been learned who the brokers are
        if detail is not None and detail.quorum is not None:
            self._voters = frozenset(voter.node_id for voter in detail.quorum.voters)
        online = sum(open_.values())
        assigned = {broker_id for part in self._partitions for broker_id in part.replicas}
        known = sorted(self._addresses.keys() | assigned)
        return ClusterView(
            checked_at=time.time(),
            reachable=online > 0,
            brokers=tuple(self._broker(broker_id, online=open_.get(broker_id, False)) for broker_id in known),
            partitions=self._partitions,
            quorum=quorum_holds(self._voters, open_, answers=None if detail is None else detail.quorum_answers),
            error=error,
        )

    async def close(self) -> None:
        """Give the connection up."""
        admin, self._admin = self._admin, None
        if admin is not None:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await admin.close()

    async def _metadata(self) -> str:
        """Read it; what was wrong."""
        try:
            async with asyncio.timeout(METADATA_TIMEOUT_S):
                await self._read_metadata()
        except (KafkaError, TimeoutError, OSError) as reason:
            await self.close()
            return str(reason) or type(reason).__name__
        return ""

    async def _read_metadata(self) -> None:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**self._kafka.options)
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        cluster: dict[str, Any] = await self._admin.describe_cluster()
        for broker in cluster["brokers"]:
            self._addresses[broker["node_id"]] = (broker["host"], broker["port"])
        found: list[PartitionView] = []
        for topic in await self._admin.describe_topics():
            if topic["topic"] not in self._topics:
                continue
            for part in topic["partitions"]:
                leader = part["leader"]
                found.append(
                    PartitionView(
                        topic["topic"],
                        part["partition"],
                        leader if leader >= 0 else None,
                        tuple(part["replicas"]),
                        tuple(part["isr"]),
                    )
                )
        self._partitions = tuple(sorted(found, key=lambda part: (part.topic, part.partition)))

    async def _open(self) -> dict[int, bool]:
        ids = list(self._addresses)
        answers = await asyncio.gather(*(_accepts(*self._addresses[broker_id]) for broker_id in ids))
        return dict(zip(ids, answers, strict=True))

    def _broker(self, broker_id: int, *, online: bool) -> BrokerView:
        host, port = self._addresses.get(broker_id, ("", 0))
        parts = self._partitions
        return BrokerView(
            broker_id=broker_id,
            address=f"{host}:{port}" if host else "",
            online=online,
            leads=sum(part.leader == broker_id for part in parts),
            in_sync=sum(broker_id in part.in_sync for part in parts),
            replicas=sum(broker_id in part.replicas for part in parts),
        )


def quorum_holds(voters: Collection[int], brokers: Mapping[int, bool], *, answers: bool | None) -> bool | None:
    """Whether a majority of the controllers is there; None: not known.

    Where brokers are controllers too, as in the local plant and in compose.yaml, a look at who takes a connection tells
    it at once. Where controllers are processes of their own, the quorum tells it itself: it answers, or it does not.

    Args:
        voters: the controllers; empty: not known, then the brokers are taken for them.
        brokers: whether each takes a connection.
        answers: whether the quorum answered when it was asked last.

    >>> quorum_holds((), {1: True, 2: False, 3: False}, answers=None), quorum_holds((1, 2), {1: True}, answers=None)
    (False, None)
    >>> quorum_holds((101, 102, 103), {1: True}, answers=True), quorum_holds((), {}, answers=None)
    (True, None)
    """
    counted = voters or brokers.keys()
    if not counted or any(voter not in brokers for voter in counted):
        return answers
    return sum(brokers[voter] for voter in counted) * 2 > len(counted)


async def _accepts(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
