"""Which partitions a topic has, and which of them a key belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.protocol.metadata import MetadataRequest

from kafka_clients.errors import TopicMissing

_choose = DefaultPartitioner()


def partition_of(key: bytes, partitions: list[int]) -> int:
    """The partition of records with this key, chosen as every Kafka client chooses by default (murmur2)."""
    partition: int = _choose(key, partitions, partitions)
    return partition


async def partitions_of(producer: AIOKafkaProducer, topics: Sequence[str], brokers: str) -> dict[str, list[int]]:
    """The partitions of each topic, in order.

    Raises:
        TopicMissing: one of the topics is not there; `brokers` names the cluster in the message.
    """
    # All metadata at once: asked for one topic that is not there, aiokafka waits for it to come.
    cluster = await producer.client.fetch_all_metadata()
    found: dict[str, list[int]] = {}
    for topic in topics:
        partitions = cluster.partitions_for_topic(topic)
        if not partitions:
            raise TopicMissing(f"there is no topic {topic!r} on the brokers at {brokers}")
        found[topic] = sorted(partitions)
    return found


async def topics_of(client: AIOKafkaClient) -> dict[str, set[int]]:
    """All topics of the cluster that we may see, with their partitions.

    Raises:
        KafkaError: no broker answers.
    """
    cluster = await client.fetch_all_metadata()
    return {topic: set(cluster.partitions_for_topic(topic) or ()) for topic in cluster.topics()}


async def cluster_id_of(client: AIOKafkaClient) -> str:
    """What the cluster calls itself.

    Raises:
        KafkaError: no broker answers.
    """
    response = await client.send(client.get_random_node(), MetadataRequest([]))
    return str(response.cluster_id)
