"""What topics there are on a cluster, and how well each is replicated."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection

_TIMEOUT = 15.0
#: Of one topic's offsets, seconds.
_OFFSETS_TIMEOUT = 4.0
_CLOSE_TIMEOUT = 5.0


class PartitionDescription(msgspec.Struct, frozen=True):
    """One partition.

    Attributes:
        partition: its number.
        leader: id of the broker that leads it; None when there is none.
        replicas: ids of the brokers that hold it.
        in_sync: ids of those that are in sync.
        first: offset of the oldest record that is kept; None when there is no leader that tells.
        end: offset that the next record will get; None likewise.
    """

    partition: int
    leader: int | None
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]
    first: int | None
    end: int | None

    @property
    def kept(self) -> int:
        """Records kept, at the most: a compacted topic has gaps in its offsets."""
        return 0 if self.first is None or self.end is None else self.end - self.first


class TopicDescription(msgspec.Struct, frozen=True):
    """One topic with its partitions, in order."""

    name: str
    partitions: tuple[PartitionDescription, ...]

    @property
    def replication_factor(self) -> int:
        """The fewest replicas of any partition."""
        return min((len(partition.replicas) for partition in self.partitions), default=0)

    @property
    def under_replicated(self) -> int:
        """How many partitions lack an in-sync replica."""
        return sum(len(partition.in_sync) < len(partition.replicas) for partition in self.partitions)

    @property
    def leaderless(self) -> int:
        """How many partitions nobody leads: these can be neither read nor written."""
        return sum(partition.leader is None for partition in self.partitions)

    @property
    def kept(self) -> int:
        """Records kept, at the most: a compacted topic has gaps in its offsets."""
        return sum(partition.kept for partition in self.partitions)


async def describe_topics(connection: KafkaConnection) -> list[TopicDescription]:
    """Every topic of the cluster but Kafka's own, by name.

    Args:
        connection: how to reach the brokers.

    Raises:
        KafkaUnreachable: no broker answers.
    """
    admin, consumer = AIOKafkaAdminClient(**connection.options), AIOKafkaConsumer(group_id=None, **connection.reading)
    try:
        async with asyncio.timeout(_TIMEOUT):
            await admin.start()
            await consumer.start()
            found = [topic for topic in await admin.describe_topics() if not topic["is_internal"]]
            ranges = await asyncio.gather(*(_ranges(consumer, topic) for topic in found))
    except (KafkaError, TimeoutError) as error:
        raise await connection.why_unreachable(error) from None
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await consumer.stop()
                await admin.close()
    described = [_described(topic, *known) for topic, known in zip(found, ranges, strict=True)]
    return sorted(described, key=lambda topic: topic.name)


_Offsets = Mapping[TopicPartition, int]


async def _ranges(consumer: AIOKafkaConsumer, topic: Mapping[str, Any]) -> tuple[_Offsets, _Offsets]:
    """(first offsets, ends) of the partitions that have a leader; nothing where these do not tell.

    Of a topic that was deleted a moment ago nobody tells, and aiokafka asks for as long as it is let: each topic is
    asked for itself, so that one does not hide the others.
    """
    led = [
        TopicPartition(topic["topic"], partition["partition"])
        for partition in topic["partitions"]
        if partition["leader"] >= 0
    ]
    if not led:
        return {}, {}
    try:
        async with asyncio.timeout(_OFFSETS_TIMEOUT):
            return await consumer.beginning_offsets(led), await consumer.end_offsets(led)
    except (KafkaError, TimeoutError):
        return {}, {}


def _described(topic: Mapping[str, Any], first: _Offsets, end: _Offsets) -> TopicDescription:
    partitions = []
    for partition in sorted(topic["partitions"], key=lambda partition: int(partition["partition"])):
        key = TopicPartition(topic["topic"], partition["partition"])
        partitions.append(
            PartitionDescription(
                partition=key.partition,
                leader=partition["leader"] if partition["leader"] >= 0 else None,
                replicas=tuple(partition["replicas"]),
                in_sync=tuple(partition["isr"]),
                first=first.get(key),
                end=end.get(key),
            )
        )
    return TopicDescription(topic["topic"], tuple(partitions))
