"""What is committed to its topic: alarm events to the alerts, rejects to the dead letters.

At least once, in order per partition of the readings, with stable ids: a record is in the outbox, written with its
alarm or its reject in one transaction, until the brokers have confirmed it. A crash in between delivers it again later.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.postgres.alarm_journal import OutboxEntry
from controlroom.adapters.postgres.outbox import Outbox, Outgoing
from simulator.closing import close_producer

log = logging.getLogger(__name__)

RETRY_S = 1.0
STOP_TIMEOUT_S = 3.0
#: Events that are sent before the first of them is confirmed.
WINDOW = 500


class Relay:
    """Sends what it is given to one topic, in order, for as long as it takes."""

    def __init__(self, kafka: KafkaConnection, topic: str, outbox: Outbox) -> None:
        self._kafka = kafka
        self._topic = topic
        self._outbox = outbox
        self._queue: deque[Outgoing] = deque()
        #: ids of entries that were pushed and are still in the outbox: one that is found there again is not sent again
        self._known: set[int] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._producer: AIOKafkaProducer | None = None

    def push(self, entries: Sequence[OutboxEntry]) -> None:
        """Send these alarm events too, each once however often it is pushed."""
        self.send([Outgoing(outbox_id, key.encode(), payload) for outbox_id, key, payload in entries])

    def send(self, entries: Sequence[Outgoing]) -> None:
        """Send these too, each once however often it is given."""
        fresh = [entry for entry in entries if entry.outbox_id not in self._known]
        if fresh:
            self._known.update(entry.outbox_id for entry in fresh)
            self._queue.extend(fresh)
            self._idle.clear()
            self._wake.set()

    async def drained(self) -> None:
        """Return when everything that was pushed is confirmed."""
        await self._idle.wait()

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    window = [self._queue[i] for i in range(min(WINDOW, len(self._queue)))]
                    try:
                        await self._send(window)
                    except (KafkaError, TimeoutError, OSError) as error:
                        log.warning("%s: records wait for the brokers: %s", self._topic, error or type(error).__name__)
                        await self._discard_producer()
                        await asyncio.sleep(RETRY_S)
                        continue
                    for _ in window:
                        self._queue.popleft()
                    self._known -= await self._outbox.mark_sent([entry[0] for entry in window])
                self._idle.set()
        finally:
            await self._discard_producer()

    async def _send(self, entries: Sequence[Outgoing]) -> None:
        if self._producer is None:
            producer = AIOKafkaProducer(**self._options())
            await producer.start()
            self._producer = producer
        futures = [
            await self._producer.send(self._topic, key=entry.key, value=entry.value, headers=list(entry.headers))
            for entry in entries
        ]
        await asyncio.gather(*futures)

    def _options(self) -> dict[str, Any]:
        # No linger: an alarm does not wait for company.
        return self._kafka.options | {"acks": "all", "enable_idempotence": True, "linger_ms": 0}

    async def _discard_producer(self) -> None:
        # After an error the producer is made anew: an out-of-order sequence never heals, and stop() can hang.
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer, STOP_TIMEOUT_S)
