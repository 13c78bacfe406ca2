"""One Kafka producer's life, from its connection until it is given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, NodeNotReadyError, ProducerClosed
from aiokafka.producer.transaction_manager import PidAndEpoch

from kafka_clients.closing import close_producer
from kafka_clients.errors import BrokersUnreachable, NotAllowed

#: A batch as large as brokers take with room to spare; filled only when there is that much to send.
BATCH_BYTES = 256 * 1024
#: After so long without an acknowledgement it is said; after so long the producer is not trusted any more (#1154).
SLOW_S = 5.0
STUCK_S = 30.0

#: What brokers know an idempotent producer by: its id and epoch. With the number of its next record on a partition it
#: tells a batch that is sent again from one that is new.
Identity = tuple[int, int]


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A producer that writes each record once and has it acknowledged by all in-sync replicas."""

    producer: AIOKafkaProducer
    #: done when the producer is given up: nobody waits for its acknowledgements any longer
    over: asyncio.Future[None]

    @classmethod
    async def open(cls, options: Mapping[str, Any], may_send: Callable[[], bool] = _always) -> Session:
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

    @property
    def identity(self) -> Identity:
        """What the brokers know this producer by."""
        manager = self.producer._txn_manager  # noqa: SLF001 - as above
        return manager.producer_id, manager.producer_epoch

    def go_on_as(self, identity: Identity) -> None:
        """Be the producer that an earlier process was, before the first batch is sent (see `continue_at`)."""
        # Private, because aiokafka offers an identity that outlives a process with transactions alone, and an open
        # transaction of a dead process would hold up every reader.
        self.producer._txn_manager._pid_and_epoch = PidAndEpoch(*identity)  # noqa: SLF001

    def continue_at(self, topic: str, partition: int, sequence: int) -> None:
        """The next batch for this partition begins with the record of this number.

        If the brokers have that very batch already, sent by a producer of the same identity, they acknowledge it and do
        not write it again.
        """
        numbers = self.producer._txn_manager._sequence_numbers  # noqa: SLF001 - as above
        numbers[TopicPartition(topic, partition)] = sequence

    async def deliver(self, batch: Any, topic: str, partition: int, waiting: Callable[[float], None]) -> Any:  # noqa: ANN401 - no types
        """Send a batch and wait for its acknowledgement; returns its metadata.

        Args:
            batch: made by the producer's `create_batch`.
            topic: where it goes.
            partition: of that topic.
            waiting: hears every few seconds for how long nothing has come.

        Raises:
            KafkaTimeoutError: none has come for so long that the producer is not to be trusted.
            ProducerClosed: the producer was given up in the meantime.
            KafkaError: the brokers refuse it.
        """
        started = time.monotonic()
        delivered = await self.producer.send_batch(batch, topic, partition=partition)
        # If we are cancelled nobody asks for its outcome any more, and that is no reason to complain.
        delivered.add_done_callback(lambda done: done.cancelled() or done.exception())
        while not delivered.done():
            await asyncio.wait({delivered, self.over}, timeout=SLOW_S, return_when=asyncio.FIRST_COMPLETED)
            if delivered.done():
                break
            if self.over.done():
                raise ProducerClosed
            waiting(time.monotonic() - started)
            if time.monotonic() - started > STUCK_S:
                raise KafkaTimeoutError
        return delivered.result()

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
