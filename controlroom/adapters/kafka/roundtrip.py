"""Prove that the cluster stores: one record written with acks=all, and read back from where it was put.

Before it a transaction writes another record and is aborted: a cluster that is well does not hand that one over.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import ClusterAuthorizationFailedError, KafkaError, TransactionalIdAuthorizationFailed

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.errors import ControlroomError, KafkaUnreachable
from controlroom.wire import TopicSpec

_TIMEOUT = 30.0


class RoundTrip(NamedTuple):
    """What a round trip showed."""

    #: seconds from the write to the reading
    took_s: float
    #: whether a record of an aborted transaction was there and not read; False: the login may not write transactions
    aborted: bool


async def record_round_trip(kafka: KafkaConnection, *, replication_factor: int, min_insync_replicas: int) -> RoundTrip:
    """Write a record to a topic made for it, behind one of an aborted transaction; read it back, delete the topic.

    It is read as every consumer of ours reads: were that to take records of aborted transactions, it would show here.

    Raises:
        KafkaUnreachable: the cluster does not answer, or does not confirm the write.
        ControlroomError: what was read is not what was written.
    """
    topic = f"controlroom-verify-{secrets.token_hex(4)}"
    await ensure_topics(
        kafka.brokers,
        [TopicSpec(topic, 1, {})],
        replication_factor=replication_factor,
        min_insync_replicas=min_insync_replicas,
        client=kafka.options,
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            return await _there_and_back(topic, kafka)
    except (KafkaError, TimeoutError) as error:
        raise KafkaUnreachable(
            "a record was not stored and read back", hint=str(error) or f"no answer within {_TIMEOUT:.0f} s"
        ) from error
    finally:
        await _delete(topic, kafka.options)


async def _there_and_back(topic: str, kafka: KafkaConnection) -> RoundTrip:
    clock = asyncio.get_running_loop().time
    written = secrets.token_bytes(64)
    async with AIOKafkaProducer(**kafka.options, acks="all") as producer, AIOKafkaConsumer(**kafka.reading) as consumer:
        aborted = await _abort_one(topic, kafka.options)
        began = clock()
        where = await producer.send_and_wait(topic, written, partition=0)
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        consumer.seek(place, aborted or 0)
        record = await consumer.getone(place)
        took = clock() - began
    if record.value != written or record.offset != where.offset:
        raise ControlroomError("the record that was read is not the one that was written", hint="see the brokers' logs")
    return RoundTrip(took, aborted is not None)


async def _abort_one(topic: str, options: Mapping[str, Any]) -> int | None:
    """Write a record in a transaction and abort it; its offset. None: the login may not, which readings do not need."""
    producer = AIOKafkaProducer(**options, transactional_id=topic)
    try:
        await producer.start()
        await producer.begin_transaction()
        where = await producer.send_and_wait(topic, b"never to be read", partition=0)
        await producer.abort_transaction()
    except (TransactionalIdAuthorizationFailed, ClusterAuthorizationFailedError):
        return None
    finally:
        await producer.stop()
    offset: int = where.offset
    return offset


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
