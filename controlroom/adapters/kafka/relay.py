"""What is committed to its topic: alarm events to the alerts, rejects to the dead letters.

At least once, in order per partition of the readings, with stable ids: a record is in the outbox, written with its
alarm or its reject in one transaction, until the brokers have confirmed it. A crash in between delivers it again later.

Memory holds a part of it: what is more than `MOST_QUEUED` stays in the outbox and is read from there, a page at a time,
when its turn comes. So brokers that stay away, or a flood of rejects, cost rows and no memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.postgres.alarm_journal import OutboxEntry
from controlroom.adapters.postgres.outbox import Outbox, Outgoing
from controlroom.adapters.postgres.session import PASSING_ERRORS
from kafka_clients.closing import close_producer

log = logging.getLogger(__name__)

RETRY_S = 1.0
STOP_TIMEOUT_S = 3.0
#: Events that are sent before the first of them is confirmed.
WINDOW = 500


#: Entries that wait in memory, at the most.
MOST_QUEUED = 500

#: (ids that are not wanted, how many at the most) -> the oldest others that are in the outbox
Load = Callable[[Collection[int], int], Awaitable[list[Outgoing]]]


class Relay:
    """Sends what it is given to one topic, in order, for as long as it takes.

    Args:
        load: finds what is in the outbox.
    """

    def __init__(self, kafka: KafkaConnection, topic: str, outbox: Outbox, load: Load) -> None:
        self._kafka = kafka
        self._topic = topic
        self._outbox = outbox
        self._load = load
        #: something may be in the outbox alone: until that is read, what is new stays there too, or it would overtake
        self._behind = False
        #: how often something was left there
        self._left = 0
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
        if not fresh:
            return
        if self._behind or len(self._queue) + len(fresh) > MOST_QUEUED:
            self.catch_up()
            return
        self._enqueue(fresh)

    def catch_up(self) -> None:
        """Send what is in the outbox: of a partition that we have just been given, say."""
        self._behind = True
        self._left += 1
        self._idle.clear()
        self._wake.set()

    def _enqueue(self, entries: Sequence[Outgoing]) -> None:
        self._known.update(entry.outbox_id for entry in entries)
        self._queue.extend(entries)
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
                while self._queue or self._behind:
                    if not self._queue:
                        await self._read_on()
                        continue
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

    async def _read_on(self) -> None:
        """The next page of the outbox; when that is the last one, what is new is taken directly again."""
        left = self._left
        try:
            page = await self._load(self._known, MOST_QUEUED)
        except PASSING_ERRORS as error:
            log.debug("%s: the outbox is not readable: %s", self._topic, error)
            await asyncio.sleep(RETRY_S)
            return
        self._enqueue(page)
        if len(page) < MOST_QUEUED and left == self._left:
            self._behind = False

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
