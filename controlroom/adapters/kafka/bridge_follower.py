"""Follows what bridges tell on `bridge-status`, for the screens, for alarms and for metrics."""

from __future__ import annotations

import asyncio
import logging
import math
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.core.bridges import DOUBTED_S, LOST_S, Bridges, BridgesView, BridgeView
from controlroom.wire import BadMessage
from controlroom.wire.bridge import decode_bridge_report
from kafka_clients.closing import close_consumer, close_producer

log = logging.getLogger(__name__)

POLL_MS = 250
MAX_POLL_RECORDS = 500
RETRY_S = 2.0
#: A topic that is not there is looked for so often: a plant without bridges may do without it.
MISSING_S = 10.0
START_S = 15.0
#: The same for who looks once, and waits for the answer.
LOOK_S = 6.0
#: What was told no longer ago than this, by the broker's clock, may well come from a bridge that runs.
FRESH_S = 60.0
#: Who looks once listens for so long to bridges that seem lost; each tells something every second.
LISTEN_S = 2.5
#: The clock of listening goes on by this much at the most in one step: while brokers are away nobody can be heard.
STEP_S = 1.0


class BridgeFollower:
    """Runs in one event loop; what it knows may be asked from any thread."""

    def __init__(self, kafka: KafkaConnection, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        #: None: nothing is known, as before the topic was read for the first time
        self._bridges: Bridges | None = None
        self._clock = time.time()
        #: from when on we have listened without a break, by that clock
        self._from = math.inf
        self._answered = 0.0

    def view(self) -> BridgesView | None:
        """All bridges, and when they could last be heard; None: it is not known."""
        known = self._bridges
        return None if known is None else BridgesView(self._answered, known.views(self._clock))

    def views(self) -> tuple[BridgeView, ...] | None:
        """All bridges; None: it is not known."""
        known = self._bridges
        return None if known is None else known.views(self._clock)

    def lost(self) -> dict[str, str]:
        """The groups of sensors from which nothing can come, each with the reason."""
        known = self._bridges
        return {} if known is None or self._listened < DOUBTED_S else known.lost(self._clock)

    def alarms(self) -> dict[tuple[str, str], str] | None:
        """(group, kind of alarm) -> message, of what is an alarm; None: it is not known.

        Who has just begun to listen does not know: brokers may have been away, and every bridge's last report be old.
        """
        known = self._bridges
        return None if known is None or self._listened < LOST_S else known.alarms(self._clock)

    @property
    def _listened(self) -> float:
        return self._clock - self._from

    async def run(self) -> None:
        """Follow until cancelled; brokers that are away, and a topic that is missing, are waited for."""
        while True:
            wait = RETRY_S
            try:
                if not await self._follow():
                    wait, self._bridges, self._answered = MISSING_S, Bridges(), time.time()
                    self._from = -math.inf
            except (KafkaError, TimeoutError, OSError) as error:
                log.debug("what bridges tell is not read: %s", error or type(error).__name__)
            await asyncio.sleep(wait)

    async def look(self) -> tuple[BridgeView, ...] | None:
        """Read all that was told, and listen a while whether those that seem lost tell anything; None: no such topic.

        Raises:
            KafkaUnreachable: no broker answers, or it refuses us.
        """
        try:
            return self.views() if await self._follow(once=True) else None
        except (KafkaError, TimeoutError) as error:
            raise await self._kafka.why_unreachable(error) from None

    async def _follow(self, *, once: bool = False) -> bool:
        """Read on until something fails; whether the topic is there."""
        consumer = AIOKafkaConsumer(
            **self._kafka.reading,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=MAX_POLL_RECORDS,
        )
        try:
            async with asyncio.timeout(LOOK_S if once else START_S):
                await consumer.start()
                # Private: the public `topics` tells names alone, and who asks for one that is missing waits for it.
                cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001
                tps = [TopicPartition(self._topic, part) for part in cluster.partitions_for_topic(self._topic) or ()]
                if not tps:
                    return False
                consumer.assign(tps)
                await consumer.seek_to_beginning()
                ends = await consumer.end_offsets(tps)
            await self._listen(consumer, ends, once=once)
            return True
        finally:
            await close_consumer(consumer)

    async def _listen(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], *, once: bool) -> None:
        # What is read again is put together apart from what was known: a bridge may have been forgotten.
        bridges, caught_up = Bridges(), False
        self._from = math.inf
        deadline = time.monotonic() + (LOOK_S if once else START_S)
        before = 0.0
        while True:
            answered = min((consumer.last_poll_timestamp(tp) or 0) / 1000 for tp in ends)
            polled = await consumer.getmany(timeout_ms=POLL_MS)
            for records in polled.values():
                for record in records:
                    self._hear(bridges, record, LOST_S if once else FRESH_S, live=caught_up)
            if not caught_up:
                caught_up = all([await consumer.position(tp) >= end for tp, end in ends.items()])
                if caught_up:
                    self._bridges, self._from = bridges, self._clock
                    deadline = time.monotonic() + LISTEN_S
                elif time.monotonic() > deadline:
                    raise TimeoutError("the topic is not read to its end")
            elif before and answered > before:
                self._clock += min(answered - before, STEP_S)
            before = answered
            self._answered = answered or self._answered
            if once and caught_up:
                lost = any(view.state == "lost" for view in bridges.views(self._clock))
                if not lost or time.monotonic() > deadline:
                    return

    def _hear(self, bridges: Bridges, record: ConsumerRecord[bytes, bytes | None], fresh: float, *, live: bool) -> None:
        age = 0.0 if live else time.time() - record.timestamp / 1000
        name = (record.key or b"").decode("utf-8", "replace")
        try:
            report = decode_bridge_report(record.value) if record.value is not None else None
        except BadMessage as bad:
            log.debug("%s: %s", ascii(name[:120]), bad)
            return
        bridges.hear(name, report, self._clock - (age if age > fresh else 0.0))


async def forget_bridge(kafka: KafkaConnection, topic: str, name: str) -> bool:
    """Take back what a bridge has told, so that nobody lists it any more; whether it had told anything.

    Raises:
        KafkaUnreachable: no broker answers, or it refuses us.
    """
    producer = AIOKafkaProducer(**kafka.options, acks="all")
    try:
        views = await BridgeFollower(kafka, topic).look()
        if name not in {view.report.name for view in views or ()}:
            return False
        async with asyncio.timeout(START_S):
            await producer.start()
            await producer.send_and_wait(topic, None, key=name.encode())
        return True
    except (KafkaError, TimeoutError) as error:
        raise await kafka.why_unreachable(error) from None
    finally:
        await close_producer(producer)
