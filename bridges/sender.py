"""From the spool to Kafka: one batch under way for each partition, confirmed by all in-sync replicas."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    TopicAuthorizationFailedError,
    UnknownProducerId,
)

from bridges.lane import Batch
from bridges.producer import RETRY_S, Producer
from bridges.spool_writer import SpoolWriter
from kafka_clients.closing import CLOSE_S
from kafka_clients.session import Session

#: The brokers' numbers have 31 bits; long before, a new producer begins at 0.
_LAST_SEQUENCE = 2**30
_NO_PATIENCE_S = 0.1
_IDENTITY_LOST = (OutOfOrderSequenceNumber, ProducerFenced, UnknownProducerId)


class _NumbersUsedUp(Exception):
    """The producer has sent so many records that another one must go on."""


class Sender:
    """Sends what the spool holds.

    Args:
        options: arguments for aiokafka's clients: bootstrap servers, security.
        topic: where readings go.
        writer: the spool's; it hands the batches over.
    """

    def __init__(self, options: Mapping[str, Any], topic: str, writer: SpoolWriter) -> None:
        self._topic = topic
        self._writer = writer
        self._producer = Producer(options, topic, writer, self.take)
        self._loop = asyncio.get_running_loop()
        self._batches: dict[int, Batch] = {}
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._wakes: dict[int, asyncio.Event] = {}

    @property
    def connected_since(self) -> float | None:
        """When the brokers were last reached after they were not, seconds since 1970; None: they are away."""
        return self._producer.connected_since

    @property
    def reconnects(self) -> int:
        """Connections made after the first."""
        return max(0, self._producer.reconnects)

    def take(self, batches: list[Batch]) -> None:
        """Send these; from any thread."""
        self._loop.call_soon_threadsafe(self._add, batches)

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            ClientError: at the start the brokers refuse us, or there is no such topic.
        """
        try:
            await self._producer.ready()
            while True:
                await asyncio.sleep(RETRY_S)
                for task in self._lanes.values():
                    if task.done():
                        task.result()
                await self._producer.look()
        finally:
            for task in self._lanes.values():
                task.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)
            await self._producer.end(_NO_PATIENCE_S if self._batches else CLOSE_S)

    async def connected(self, running: asyncio.Task[None]) -> None:
        """Wait for the first connection.

        Raises:
            ClientError: as of `run`, which is `running`.
        """
        waiting = asyncio.create_task(self._producer.first.wait())
        await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if running.done():
            running.result()

    def _add(self, batches: list[Batch]) -> None:
        for batch in batches:
            part = batch.partition
            known = self._batches.get(part)
            if known is None or known.era <= batch.era:
                self._batches[part] = batch
            if part not in self._lanes:
                self._wakes[part] = asyncio.Event()
                self._lanes[part] = asyncio.create_task(self._drive(part), name=f"lane-{part}")
            self._wakes[part].set()

    async def _drive(self, part: int) -> None:
        """Send one partition's batches, one after the other."""
        wake = self._wakes[part]
        doubted = False
        while True:
            await wake.wait()
            wake.clear()
            while part in self._batches:
                session = await self._producer.ready()
                # Looked up now: with another producer it has another number, or nothing of it is left to be sent.
                batch = self._batches.get(part)
                if batch is None:
                    break
                failure: Exception | None = None
                next_offset: int | None = None
                self._producer.sending.add(part)
                try:
                    next_offset = await self._send(session, batch)
                except (KafkaError, _NumbersUsedUp) as error:
                    failure = error
                finally:
                    self._producer.sending.discard(part)
                if failure is not None:
                    doubted = await self._mend(failure, session, doubted=doubted)
                    continue
                doubted = False
                self._batches.pop(part, None)
                self._writer.confirm(batch, next_offset)
                self._producer.back()

    def _replace(self, left: list[Batch], era: int) -> None:
        """Another producer: these are under way now, and what has come of its era already."""
        kept = {part: batch for part, batch in self._batches.items() if batch.era >= era}
        self._batches = {**kept, **{batch.partition: batch for batch in left}}

    async def _mend(self, failure: Exception, session: Session, *, doubted: bool) -> bool:
        """A batch was not confirmed: do what helps; whether the brokers' word is to be taken the next time.

        A client that is confused is cured by another connection. If the brokers say again that the producer is not one
        that they know, it is true.
        """
        if isinstance(failure, _NumbersUsedUp) or (doubted and isinstance(failure, _IDENTITY_LOST)):
            await self._producer.renew(failure, self._replace)
            return False
        if isinstance(failure, MessageSizeTooLargeError):
            self._producer.say(f"{self._topic} takes no batch of 256 KiB: raise its max.message.bytes; readings wait")
        elif isinstance(failure, TopicAuthorizationFailedError):
            self._producer.say(f"the brokers do not let us write to {self._topic}; readings wait")
        else:
            self._producer.away(f"sending fails ({type(failure).__name__}), trying on")
        await self._producer.give_up(session, RETRY_S)
        return isinstance(failure, _IDENTITY_LOST)

    async def _send(self, session: Session, batch: Batch) -> int | None:
        """Send a batch; where its partition goes on, if the brokers say."""
        if batch.sequence + len(batch.records) > _LAST_SEQUENCE:
            raise _NumbersUsedUp("its numbers are used up")
        now = int(time.time() * 1000)
        builder = session.producer.create_batch()
        for key, value in batch.records:
            # Kafka's time of a record is when it was sent, even if the reading says otherwise: retention goes by it.
            added = builder.append(timestamp=now, key=key, value=value, headers=[])
            if added is None:
                raise MessageSizeTooLargeError
        session.continue_at(self._topic, batch.partition, batch.sequence)
        metadata = await session.deliver(builder, self._topic, batch.partition, self._producer.waited)
        offset = metadata.offset if metadata is not None else -1
        return offset + len(batch.records) if offset >= 0 else None
