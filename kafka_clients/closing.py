"""How aiokafka's clients are closed in a bounded time, whatever state they and the brokers are in."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

CLOSE_S = 2.0


async def close_consumer(consumer: AIOKafkaConsumer) -> None:
    """Close a consumer.

    With brokers away its own `stop` waits without a bound, or ends in the CancelledError of one of its own tasks and
    leaves its connections open; that must not be taken for a cancellation of ours.
    """
    if not await _ended(consumer.stop(), CLOSE_S):
        # Private, because `stop` does nothing when it is called again.
        await _ended(consumer._client.close(), CLOSE_S)  # noqa: SLF001


async def close_producer(producer: AIOKafkaProducer, patience: float = CLOSE_S) -> None:
    """Close a producer; its own `stop` waits for acknowledgements that may never come (#1101).

    The futures of batches that were not acknowledged may stay pending for ever.
    """
    if await _ended(producer.stop(), patience):
        return
    # Private, because there is no other way to end its task.
    sender = producer._sender.sender_task  # noqa: SLF001
    if sender is not None:
        sender.cancel()
    await _ended(producer.client.close(), CLOSE_S)


async def _ended(closing: object, seconds: float) -> bool:
    """Run it for so many seconds at the most; says whether it came to its end."""
    task = asyncio.ensure_future(closing)  # type: ignore[call-overload]  # aiokafka publishes no types
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
        return False
    if task.cancelled():
        return False
    error = task.exception()
    if error is not None and not isinstance(error, KafkaError | TimeoutError):
        raise error
    return error is None
