"""What the cluster is asked for beside its metadata: the quorum, the disks, the consumer groups.

Each answer stands for itself: what one broker does not tell is unknown, and the rest is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from controlroom.adapters.kafka.admin_requests import DescribeLogDirsRequest, DescribeQuorumRequest
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.transactions import open_transactions
from controlroom.core.health_views import (
    ClusterDetail,
    DiskView,
    GroupView,
    MemberView,
    QuorumView,
    TransactionView,
    VoterView,
)
from kafka_clients.closing import close_consumer

ANSWER_S = 3.0
START_S = 5.0
CLOSE_S = 1.0
#: groups that are described; of more only the number is told
MOST_GROUPS = 20

#: what an answer that does not come, or makes no sense, ends with
_FAILURES = (KafkaError, TimeoutError, OSError, ValueError, NotImplementedError)


class ClusterDetailProbe:
    """Asks for more than the metadata.

    Args:
        kafka: how to reach the brokers.
        first: groups that are described before all others.
        leases: groups that share out work and read nothing through their offsets.
        topics: topics whose open transactions are told.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        first: Iterable[str] = (),
        leases: Iterable[str] = (),
        topics: Iterable[str] = (),
    ) -> None:
        self._kafka = kafka
        self._first = tuple(first)
        self._leases = frozenset(leases)
        self._topics = frozenset(topics)
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def probe(self) -> ClusterDetail:
        """How it is now. Raises nothing: what is wrong is in the view."""
        try:
            async with asyncio.timeout(START_S):
                admin = await self._connected()
                nodes = [broker["node_id"] for broker in (await admin.describe_cluster())["brokers"]]
        except _FAILURES as error:
            await self.close()
            return ClusterDetail(time.time(), error=str(error) or type(error).__name__)
        (quorum, answers), disks, listed = await asyncio.gather(
            self._quorum(admin), self._disks(admin, nodes), self._list_groups(admin, nodes)
        )
        groups = None if listed is None else await self._groups(admin, listed)
        transactions = await self._transactions(admin)
        count = None if listed is None else len(listed)
        return ClusterDetail(time.time(), quorum, answers, disks, groups, count, transactions=transactions)

    async def close(self) -> None:
        """Give the connections up."""
        admin, self._admin = self._admin, None
        consumer, self._consumer = self._consumer, None
        if admin is not None:
            with contextlib.suppress(*_FAILURES):
                async with asyncio.timeout(CLOSE_S):
                    await admin.close()
        if consumer is not None:
            await close_consumer(consumer)

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**self._kafka.options)
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin

    async def _quorum(self, admin: AIOKafkaAdminClient) -> tuple[QuorumView | None, bool | None]:
        try:
            answer = await self._ask(admin, DescribeQuorumRequest())
        except TimeoutError:
            return None, False  # the broker found no active controller to pass it on to
        except _FAILURES:
            return None, None
        if answer["error_code"] or not answer["topics"]:
            return None, None
        part = answer["topics"][0]["partitions"][0]
        if part["error_code"]:
            return None, None
        voters = tuple(
            VoterView(
                voter["replica_id"],
                voter["log_end_offset"] if voter["log_end_offset"] >= 0 else None,
                voter["last_caught_up_timestamp"] / 1000 if voter["last_caught_up_timestamp"] > 0 else None,
            )
            for voter in sorted(part["current_voters"], key=lambda voter: int(voter["replica_id"]))
        )
        leader = part["leader_id"] if part["leader_id"] >= 0 else None
        return QuorumView(leader, part["leader_epoch"], voters), leader is not None

    async def _disks(self, admin: AIOKafkaAdminClient, nodes: Iterable[int]) -> dict[int, DiskView]:
        async def one(node: int) -> tuple[int, DiskView | None]:
            try:
                return node, _disk(await self._ask(admin, DescribeLogDirsRequest(), node))
            except _FAILURES:
                return node, None

        answers = await asyncio.gather(*(one(node) for node in nodes))
        return {node: disk for node, disk in answers if disk is not None}

    async def _list_groups(self, admin: AIOKafkaAdminClient, nodes: Iterable[int]) -> dict[str, int] | None:
        """Group -> the broker that coordinates it; None when no broker tells."""

        async def one(node: int) -> dict[str, int] | None:
            try:
                async with asyncio.timeout(ANSWER_S):
                    return {name: node for name, kind in await admin.list_consumer_groups([node]) if kind == "consumer"}
            except _FAILURES:
                return None

        answers = await asyncio.gather(*(one(node) for node in nodes))
        found = [answer for answer in answers if answer is not None]
        return {name: node for answer in found for name, node in answer.items()} if found else None

    async def _transactions(self, admin: AIOKafkaAdminClient) -> tuple[TransactionView, ...] | None:
        try:
            return await open_transactions(admin, self._topics)
        except _FAILURES:
            return None

    async def _groups(self, admin: AIOKafkaAdminClient, listed: dict[str, int]) -> tuple[GroupView, ...]:
        names = sorted(listed, key=lambda name: (name not in self._first, name))[:MOST_GROUPS]
        consumer = await self._reader() if set(names) - self._leases else None
        return tuple(await asyncio.gather(*(self._group(admin, consumer, name, listed[name]) for name in names)))

    async def _group(
        self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer | None, name: str, node: int
    ) -> GroupView:
        reads = name not in self._leases
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = (await admin.describe_consumer_groups([name], node))[0].to_object()["groups"][0]
                lag = None
                if reads and consumer is not None:
                    lag = await _lag(consumer, await admin.list_consumer_group_offsets(name, node))
        except _FAILURES:
            return GroupView(name, "", node, None, reads=reads)
        members = tuple(
            sorted(
                (
                    MemberView(member["client_id"], member["client_host"].lstrip("/"), _assigned(member))
                    for member in answer["members"]
                ),
                key=lambda member: (member.assigned, member.client),
            )
        )
        return GroupView(name, answer["state"], node, members, lag, reads)

    async def _reader(self) -> AIOKafkaConsumer | None:
        """A consumer of no group, for the partitions' ends; None when the brokers do not let it start."""
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**self._kafka.reading)
            try:
                async with asyncio.timeout(ANSWER_S):
                    await consumer.start()
            except _FAILURES:
                await close_consumer(consumer)
                return None
            self._consumer = consumer
        return self._consumer

    async def _ask(self, admin: AIOKafkaAdminClient, request: object, node: int | None = None) -> dict[str, Any]:
        async with asyncio.timeout(ANSWER_S):
            answer = await admin._send_request(request, node)  # noqa: SLF001 - aiokafka has no public way to send what it has no struct for
            found: dict[str, Any] = answer.to_object()
            return found


async def _lag(consumer: AIOKafkaConsumer, committed: Mapping[TopicPartition, OffsetAndMetadata]) -> int | None:
    known: dict[TopicPartition, int] = {tp: mark.offset for tp, mark in committed.items() if mark.offset >= 0}
    if not known:
        return None
    ends: dict[TopicPartition, int] = await consumer.end_offsets(list(known))
    return sum(max(0, ends[tp] - offset) for tp, offset in known.items())


def _disk(answer: dict[str, Any]) -> DiskView | None:
    if answer["error_code"]:
        return None
    well = [directory for directory in answer["results"] if not directory["error_code"]]
    used = sum(
        part["partition_size"] for directory in well for topic in directory["topics"] for part in topic["partitions"]
    )
    totals = [directory["total_bytes"] for directory in well]
    frees = [directory["usable_bytes"] for directory in well]
    known = bool(totals) and min(totals) >= 0 and min(frees) >= 0
    return DiskView(
        used,
        sum(totals) if known else None,
        sum(frees) if known else None,
        failed=len(answer["results"]) - len(well),
    )


def _assigned(member: dict[str, Any]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    if not member["member_assignment"]:
        return ()
    assignment = ConsumerProtocolMemberAssignment.decode(member["member_assignment"])
    return tuple(sorted((topic, tuple(sorted(partitions))) for topic, partitions in assignment.assignment))
