"""Is the cluster well? Brokers, leaders and in-sync replicas, asked every two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.core.plant_state import BrokerView, ClusterView, PartitionView

CONNECT_TIMEOUT_S = 1.0
METADATA_TIMEOUT_S = 4.0


class ClusterProbe:
    """Asks the metadata of any broker, and every broker whether it takes a connection.

    The metadata alone would be late: the controllers give a dead broker its session timeout before they say so. Brokers
    that were seen once are remembered, so one that is gone from the metadata is shown as offline.
    """

    def __init__(self, kafka: KafkaConnection, topics: Iterable[str]) -> None:
        self._kafka = kafka
        self._topics = set(topics)
        self._addresses: dict[int, tuple[str, int]] = {}
        self._partitions: tuple[PartitionView, ...] = ()
        self._admin: AIOKafkaAdminClient | None = None

    async def probe(self) -> ClusterView:
        """How the cluster is now. Raises nothing: what is wrong is in the view."""
        error = ""
        try:
            async with asyncio.timeout(METADATA_TIMEOUT_S):
                await self._read_metadata()
        except (KafkaError, TimeoutError, OSError) as reason:
            error = str(reason) or type(reason).__name__
            await self.close()
        open_ = await self._open()
        online = sum(open_.values())
        return ClusterView(
            checked_at=time.time(),
            reachable=online > 0,
            brokers=tuple(self._broker(broker_id, online=open_[broker_id]) for broker_id in sorted(self._addresses)),
            partitions=self._partitions,
            # Brokers are controllers too, in the local plant and in compose.yaml: their majority is the quorum.
            quorum=online * 2 > len(open_) if open_ else None,
            error=error,
        )

    async def close(self) -> None:
        """Give the connection up."""
        admin, self._admin = self._admin, None
        if admin is not None:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                await asyncio.wait_for(admin.close(), CONNECT_TIMEOUT_S)

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
        host, port = self._addresses[broker_id]
        parts = self._partitions
        return BrokerView(
            broker_id=broker_id,
            address=f"{host}:{port}",
            online=online,
            leads=sum(part.leader == broker_id for part in parts),
            in_sync=sum(broker_id in part.in_sync for part in parts),
            replicas=sum(broker_id in part.replicas for part in parts),
        )


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
