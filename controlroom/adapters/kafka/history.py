"""A sensor's readings as they are on the topic, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.core.backtest.series import Sample
from controlroom.core.records import SensorFacts
from controlroom.errors import InputError, KafkaUnreachable
from controlroom.wire import BadMessage, decode_reading
from kafka_clients.closing import close_consumer

POLL_MS = 500
STALLED_S = 30.0


async def topic_history(
    kafka: KafkaConnection,
    topic: str,
    sensor_id: str,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    on_facts: Callable[[SensorFacts], None] = lambda _: None,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> AsyncIterator[Sample]:
    """The readings of a sensor that are kept on the topic now, whose event time is in [since, until).

    A payload that cannot be read is a sample without a value. All partitions are read: which one is the sensor's is
    its producer's affair.

    Args:
        kafka: where the brokers are.
        topic: the topic of the readings.
        sensor_id: the records' key.
        since: event time; None: from the oldest record that is kept.
        until: event time; None: to the newest.
        on_facts: hears what the first reading says of the sensor, before it is handed out.
        on_progress: hears how many records were read, of how many.

    Raises:
        KafkaUnreachable: no broker answers.
        InputError: there is no such topic.
    """
    await _require_topic(kafka, topic)
    consumer = AIOKafkaConsumer(topic, **kafka.reading, group_id=None, auto_offset_reset="earliest")
    try:
        await consumer.start()
        tps = sorted(consumer.assignment())
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        key, total = sensor_id.encode(), sum(ends[tp] - begins[tp] for tp in tps)
        await consumer.seek_to_beginning(*tps)
        done, known = 0, False
        left = {tp for tp in tps if begins[tp] < ends[tp]}
        while left:
            async with asyncio.timeout(STALLED_S):
                polled = await consumer.getmany(*left, timeout_ms=POLL_MS)
            for tp, records in polled.items():
                done += len(records)
                if records[-1].offset >= ends[tp] - 1:
                    left.discard(tp)
                for record in records:
                    if record.key != key or record.offset >= ends[tp]:
                        continue
                    sample, facts = _read(record)
                    if (since and sample.t < since.timestamp()) or (until and sample.t >= until.timestamp()):
                        continue
                    if not known and facts is not None:
                        known = True
                        on_facts(facts)
                    yield sample
            on_progress(done, total)
            left -= {tp for tp in left if await consumer.position(tp) >= ends[tp]}
    except (KafkaError, TimeoutError) as error:
        raise KafkaUnreachable(
            f"reading {topic} from Kafka failed ({str(error) or type(error).__name__})", hint="check --brokers"
        ) from None
    finally:
        await close_consumer(consumer)


def _read(record: ConsumerRecord) -> tuple[Sample, SensorFacts | None]:
    """A record as a sample; one that cannot be read has no value, and the broker's time."""
    arrived = record.timestamp / 1000
    try:
        reading = decode_reading(record.value)
    except BadMessage:
        return Sample(repr(arrived), arrived, None, 0, arrived), None
    t = reading.timestamp.timestamp()
    return Sample(repr(t), t, reading.value, reading.metadata.reading_count, arrived), SensorFacts.of(
        reading, simulated=False
    )


async def _require_topic(kafka: KafkaConnection, topic: str) -> None:
    # A consumer of a topic that is not there asks for it again and again before it gives up.
    consumer = AIOKafkaConsumer(**kafka.reading)
    try:
        await consumer.start()
        if topic not in await consumer.topics():
            raise InputError(f"there is no topic {topic}", hint="`controlroom topics` lists them")
    except KafkaError as error:
        raise KafkaUnreachable(
            f"no Kafka broker answers ({str(error) or type(error).__name__})", hint="check --brokers"
        ) from None
    finally:
        await close_consumer(consumer)
