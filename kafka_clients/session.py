"""One Kafka producer's life, from its connection until it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError

from kafka_clients.closing import close_producer
from kafka_clients.errors import BrokersUnreachable, NotAllowed

#: A batch as large as brokers take with room to spare; filled only when there is that much to send.
BATCH_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A producer that writes each record once and has it acknowledged by all in-sync replicas."""

    producer: AIOKafkaProducer
    #: done when the producer is given up: nobody waits for its acknowledgements any longer
    over: asyncio.Future[None]

    @classmethod
    async def open(cls, options: Mapping[str, Any], may_send: Callable[[], bool]) -> Session:
        """Connect.

        Args:
            options: arguments for aiokafka's producer: bootstrap servers, security.
            may_send: asked at the moment of every request; while it says no, requests are refused and tried again.

        Raises:
            BrokersUnreachable: no broker answers.
            NotAllowed: the brokers refuse the login.
        """
        # linger: what is sent together is decided before it gets here
        producer = AIOKafkaProducer(
            **options, acks="all", enable_idempotence=True, linger_ms=0, max_batch_size=BATCH_BYTES
        )
        try:
            await producer.start()
        except KafkaError as error:
            await close_producer(producer)
            brokers = options["bootstrap_servers"]
            if isinstance(error, KafkaConnectionError) or error.retriable:
                raise BrokersUnreachable(f"no Kafka broker answers at {brokers}") from None
            raise NotAllowed(f"the brokers at {brokers} refuse us: {error}") from None
        except BaseException:
            await close_producer(producer)
            raise
        _guard(producer, may_send)
        return cls(producer, asyncio.get_running_loop().create_future())

    async def end(self, patience: float) -> None:
        """Give the producer up, after `patience` seconds at the most."""
        if not self.over.done():
            self.over.set_result(None)
        await close_producer(self.producer, patience)


def _guard(producer: AIOKafkaProducer, may_send: Callable[[], bool]) -> None:
    """Let nothing out while we may not send, not even what the producer already has.

    A process may be stopped between handing a batch over and its being sent, and wake when another has long taken over.
    aiokafka has no hook there, so its client's method is wrapped.
    """
    send = producer.client.send

    async def send_if_allowed(node_id: int, request: Any, **options: Any) -> Any:  # noqa: ANN401 - aiokafka has no types
        # Connecting may take time: what counts is whether we may send when it is done.
        await producer.client.ready(node_id, **options)
        if not may_send():
            raise NodeNotReadyError
        return await send(node_id, request, **options)

    producer.client.send = send_if_allowed
