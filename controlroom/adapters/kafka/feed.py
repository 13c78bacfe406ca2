"""What the control room sees: readings, alarm events and sensor states, from the topics into the plant's state.

Where workers tell the last reading of every sensor (`summary_follower`), readings are not read one by one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.raw_readings import RawReadings
from controlroom.adapters.kafka.summary_follower import SummaryFollower
from controlroom.core.plant_state import PlantState
from controlroom.wire import BadMessage, SensorCommand, TopicNames, decode_reading
from controlroom.wire.alarm import decode_alarm_event
from controlroom.wire.command import decode_command
from controlroom.wire.reading import HEADER_SIMULATED
from controlroom.wire.status import decode_status
from kafka_clients.closing import close_consumer

log = logging.getLogger(__name__)

#: How much of the past is read at the start: enough to draw with, little enough to be quick.
PAST_READINGS = 2_000
PAST_EVENTS = 200
POLL_MS = 200
MAX_POLL_RECORDS = 500
METADATA_RETRY_S = 0.1


class Feed:
    """Follows four topics without a group: every control room sees everything.

    `commands` is the desired state of each simulated sensor as it stands on the compacted topic.

    Args:
        summary: stands for the readings of the partitions that workers tell of; None: each reading is read.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        topics: TopicNames,
        state: PlantState,
        *,
        now: Callable[[], float] = time.time,
        summary: SummaryFollower | None = None,
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._state = state
        self._now = now
        self._summary = summary
        self._raw: RawReadings | None = None
        self.commands: dict[str, SensorCommand] = {}
        #: partition -> offset of the first reading that was written after the begin
        self._live_from: dict[int, int] = {}

    async def run(self) -> None:
        """Follow until cancelled. Raises KafkaError when the brokers stay away; then run it again."""
        names = self._topics
        # Without a group the consumer gives itself every partition of these, also ones that are added later.
        consumer = AIOKafkaConsumer(
            names.data,
            names.alerts,
            names.status,
            names.commands,
            **self._kafka.reading,
            enable_auto_commit=False,
            # A record that retention took from under us is not missed by a screen.
            auto_offset_reset="latest",
            max_poll_records=MAX_POLL_RECORDS,
        )
        try:
            await consumer.start()
            await self._position(consumer)
            handlers = {
                self._topics.data: self._reading,
                self._topics.alerts: self._alarm,
                self._topics.status: self._status,
                self._topics.commands: self._command,
            }
            raw = self._raw = RawReadings(consumer, names.data, self._live_from, self._summary)
            while True:
                self._state.take_health(await raw.turn())
                polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_POLL_RECORDS)
                for tp, records in polled.items():
                    handle = handlers[tp.topic]
                    for record in records:
                        try:
                            handle(record)
                        except BadMessage:
                            self._state.rejected += 1
                await asyncio.sleep(0)
        finally:
            self._state.follow(following=False)
            self._raw = None
            await close_consumer(consumer)

    async def _position(self, consumer: AIOKafkaConsumer) -> None:
        names = self._topics
        past = {names.data: PAST_READINGS, names.alerts: PAST_EVENTS, names.status: None, names.commands: None}
        # A topic that was made a moment ago is not in every broker's metadata yet.
        while {tp.topic for tp in consumer.assignment()} != set(past):  # noqa: ASYNC110 - aiokafka has no event for it
            await asyncio.sleep(METADATA_RETRY_S)
        tps = list(consumer.assignment())
        first = await consumer.beginning_offsets(tps)
        end = await consumer.end_offsets(tps)
        for tp in tps:
            much = past[tp.topic]
            consumer.seek(tp, first[tp] if much is None else max(first[tp], end[tp] - much))
        self._live_from = {tp.partition: end[tp] for tp in tps if tp.topic == names.data}
        self._state.follow(following=True)

    def _reading(self, record: ConsumerRecord) -> None:
        if self._raw is not None:
            self._raw.have_read(record.partition, record.offset)
        simulated = any(name == HEADER_SIMULATED for name, _ in record.headers)
        # An old reading was not received just now: an age is counted from when the broker had it.
        seen_at = min(self._now(), record.timestamp / 1000)
        # A partition that was added since has no past.
        live = record.offset >= self._live_from.get(record.partition, 0)
        self._state.apply_reading(decode_reading(record.value), seen_at=seen_at, simulated=simulated, live=live)

    def _alarm(self, record: ConsumerRecord) -> None:
        self._state.apply_alarm(decode_alarm_event(record.value))

    def _status(self, record: ConsumerRecord) -> None:
        sensor_id = (record.key or b"").decode("utf-8", "replace")
        self._state.apply_status(decode_status(record.value) if record.value else None, sensor_id)

    def _command(self, record: ConsumerRecord) -> None:
        sensor_id = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            self.commands.pop(sensor_id, None)
        else:
            self.commands[sensor_id] = decode_command(record.value)
