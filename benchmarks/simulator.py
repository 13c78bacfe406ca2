"""One process driving 50,000 simulated sensors, against the limit of the producer it sends with.

`ratio_to_producer` is the median over interleaved rounds of (readings a second that the simulator computes, encodes and
has acknowledged) / (records a second that aiokafka's `send_batch` has acknowledged of the same records, made before).
`real_time_cpu` is the processor time a second that the same sensors take at their own pace.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from benchmarks._plant import running
from benchmarks._topic import readings
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.wire import TopicNames, TopicSpec
from kafka_clients.session import BATCH_BYTES
from simulator.options import Options
from simulator.plant import default_plant
from simulator.runner import Simulator

_PARTITIONS = 3
_POLL_S = 0.02


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--sensors", type=int, default=50_000)
    parser.add_argument("--readings", type=int, default=300_000, help="readings a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--real-time", type=float, default=15.0, metavar="S", help="seconds at the sensors' own pace")
    parser.add_argument("--heap", default="512m", help="heap of each broker")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure."""
    with running(args.heap) as endpoints:
        return asyncio.run(_measure(endpoints.brokers, args))


async def _measure(brokers: str, args: argparse.Namespace) -> dict[str, Any]:
    records = readings(args.readings)
    limits, rates, ratios = [], [], []
    for number in range(args.rounds):
        names = TopicNames(f"data-{number}", f"alerts-{number}", f"commands-{number}", f"status-{number}")
        compacted = {"cleanup.policy": "compact"}
        await ensure_topics(
            brokers,
            [
                TopicSpec(names.data, _PARTITIONS, {}),
                TopicSpec(names.commands, 1, compacted),
                TopicSpec(names.status, 1, compacted),
            ],
        )
        limit = await _producer_limit(brokers, names.data, records)
        rate = await _simulate(brokers, names, args.sensors, args.readings)
        limits.append(limit)
        rates.append(rate)
        ratios.append(rate / limit)
        print(f"round {number + 1}: producer {limit:,.0f}/s, simulator {rate:,.0f}/s, ratio {rate / limit:.3f}")
    cpu, delivered = await _real_time(brokers, names, args.sensors, args.real_time)
    print(f"at their own pace: {delivered:,.0f} readings/s take {cpu:.2f} of a core")
    return {
        "sensors": args.sensors,
        "producer_per_second": round(statistics.median(limits)),
        "simulator_per_second": round(statistics.median(rates)),
        "ratio_to_producer": round(statistics.median(ratios), 3),
        "real_time_per_second": round(delivered),
        "real_time_cpu": round(cpu, 3),
    }


async def _producer_limit(brokers: str, topic: str, records: list[tuple[bytes, bytes]]) -> float:
    """Records a second of a producer with the simulator's settings that has nothing else to do."""
    producer = AIOKafkaProducer(
        bootstrap_servers=brokers, acks="all", enable_idempotence=True, linger_ms=0, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    partitions = sorted(await producer.partitions_for(topic))
    choose = DefaultPartitioner()
    by_partition: dict[int, list[tuple[bytes, bytes]]] = {partition: [] for partition in partitions}
    for key, value in records:
        by_partition[choose(key, partitions, partitions)].append((key, value))

    async def send(partition: int) -> None:
        batch = producer.create_batch()
        for key, value in by_partition[partition]:
            if batch.append(key=key, value=value, timestamp=None) is None:
                await (await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        await (await producer.send_batch(batch, topic, partition=partition))

    began = time.perf_counter()
    await asyncio.gather(*(send(partition) for partition in partitions))
    seconds = time.perf_counter() - began
    await producer.stop()
    return len(records) / seconds


async def _simulate(brokers: str, names: TopicNames, sensors: int, count: int) -> float:
    """Readings a second as fast as they can be taken, from the first to the last acknowledgement."""
    # A pace that no machine keeps up with: the simulated time is held back to what can be done.
    simulator = Simulator(brokers, names, default_plant(sensors).sensors, Options(speed=1000, readings=count))
    task = asyncio.create_task(simulator.run(asyncio.Event()))
    await _until(lambda: simulator.readings > 0 or task.done())
    began = time.perf_counter()
    await _until(lambda: simulator.delivered >= count or task.done())
    seconds = time.perf_counter() - began
    await task
    return simulator.delivered / seconds


async def _real_time(brokers: str, names: TopicNames, sensors: int, seconds: float) -> tuple[float, float]:
    """Processor time a second and readings a second, once the sensors have started."""
    simulator, stop = Simulator(brokers, names, default_plant(sensors).sensors), asyncio.Event()
    task = asyncio.create_task(simulator.run(stop))
    # until the backlog of statuses that every start has is gone
    await _until(lambda: simulator.delivered >= 3 * sensors // 10 or task.done())
    cpu, wall, delivered = time.process_time(), time.perf_counter(), simulator.delivered
    await asyncio.sleep(seconds)
    passed = time.perf_counter() - wall
    figures = (time.process_time() - cpu) / passed, (simulator.delivered - delivered) / passed
    stop.set()
    await task
    return figures


async def _until(done: Callable[[], bool]) -> None:
    while not done():
        await asyncio.sleep(_POLL_S)
