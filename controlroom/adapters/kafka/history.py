"""A sensor's readings as they are on the topic, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.core.backtest.series import Sample
from controlroom.core.records import SensorFacts
from controlroom.errors import InputError, KafkaUnreachable
from controlroom.wire import BadMessage, decode_reading
from simulator.closing import close_consumer

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
    consumer = AIOKafkaConsumer(**kafka.options, enable_auto_commit=False, auto_offset_reset="none")
    try:
        await consumer.start()
        parts = consumer.partitions_for_topic(topic) or set()
        tps = [TopicPartition(topic, part) for part in sorted(parts)]
        if not tps:
            raise InputError(f"there is no topic {topic}", hint="`controlroom topics` lists them")
        key = sensor_id.encode()
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        total = sum(ends[tp] - begins[tp] for tp in tps)
        done, known = 0, False
        for tp in tps:
            consumer.assign([tp])
            consumer.seek(tp, begins[tp])
            while await consumer.position(tp) < ends[tp]:
                async with asyncio.timeout(STALLED_S):
                    polled = (await consumer.getmany(tp, timeout_ms=POLL_MS)).get(tp, [])
                for record in polled:
                    done += 1
                    if record.key != key or record.offset >= ends[tp]:
                        continue
                    arrived = record.timestamp / 1000
                    try:
                        reading = decode_reading(record.value)
                    except BadMessage:
                        yield Sample(repr(arrived), arrived, None, 0, arrived)
                        continue
                    if (since and reading.timestamp < since) or (until and reading.timestamp >= until):
                        continue
                    if not known:
                        known = True
                        on_facts(SensorFacts.of(reading, simulated=False))
                    t = reading.timestamp.timestamp()
                    yield Sample(repr(t), t, reading.value, reading.metadata.reading_count, arrived)
                on_progress(done, total)
    except (KafkaError, TimeoutError) as error:
        raise KafkaUnreachable(
            f"reading {topic} from Kafka failed ({str(error) or type(error).__name__})", hint="check --brokers"
        ) from None
    finally:
        await close_consumer(consumer)
