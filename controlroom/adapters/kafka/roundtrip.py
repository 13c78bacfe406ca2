"""Prove that the cluster stores: one record written with acks=all, and read back from where it was put."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.errors import ControlroomError, KafkaUnreachable
from controlroom.wire import TopicSpec

_TIMEOUT = 30.0


async def record_round_trip(
    brokers: str, *, replication_factor: int, min_insync_replicas: int, client: Mapping[str, Any] | None = None
) -> float:
    """Write a record to a topic made for it, read it back, delete the topic.

    Returns:
        Seconds from the write to the reading, without the making of the topic.

    Raises:
        KafkaUnreachable: the cluster does not answer, or does not confirm the write.
        ControlroomError: what was read is not what was written.
    """
    topic = f"controlroom-verify-{secrets.token_hex(4)}"
    options = {"bootstrap_servers": brokers, **(client or {})}
    await ensure_topics(
        brokers,
        [TopicSpec(topic, 1, {})],
        replication_factor=replication_factor,
        min_insync_replicas=min_insync_replicas,
        client=client,
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            return await _there_and_back(topic, options)
    except (KafkaError, TimeoutError) as error:
        raise KafkaUnreachable(
            "a record was not stored and read back", hint=str(error) or f"no answer within {_TIMEOUT:.0f} s"
        ) from error
    finally:
        await _delete(topic, options)


async def _there_and_back(topic: str, options: Mapping[str, Any]) -> float:
    clock = asyncio.get_running_loop().time
    written = secrets.token_bytes(64)
    async with AIOKafkaProducer(**options, acks="all") as producer, AIOKafkaConsumer(**options) as consumer:
        began = clock()
        where = await producer.send_and_wait(topic, written, partition=0)
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        consumer.seek(place, where.offset)
        record = await consumer.getone(place)
        took = clock() - began
    if record.value != written or record.offset != where.offset:
        raise ControlroomError("the record that was read is not the one that was written", hint="see the brokers' logs")
    return took


async def _delete(topic: str, options: Mapping[str, Any]) -> None:
    admin = AIOKafkaAdminClient(**options)
    try:
        async with asyncio.timeout(_TIMEOUT):
            await admin.start()
            await admin.delete_topics([topic])
    except (KafkaError, TimeoutError):
        return  # the failure that matters is told already; an empty topic is no harm
    finally:
        await admin.close()
