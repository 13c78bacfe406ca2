"""`python -m benchmarks._console PART ... BEGIN SECONDS`: one process of the benchmark `console`; figures as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from controlroom.adapters.console.link import Link
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.summary_publisher import DIGEST
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.config import Settings, load_settings
from controlroom.core.plant_state import PlantState
from controlroom.core.summary.writer import PartitionSummary
from controlroom.wire import Location, Metadata, Reading, encode_reading
from controlroom.wire.summary import SummaryBeat, SummaryRecord, encode_summary, summary_key

_PARTITIONS = 3
_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class _Made:
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def _reading(number: int, count: int) -> tuple[bytes, bytes]:
    name = f"temp-sensor-{number:06d}"
    place = Location("production", f"machine-{number // 20:05d}", f"zone-{number % 4}")
    value = 25 + (number * 7 + count * 13) % 17 / 4
    reading = Reading(datetime.now(UTC), name, "temperature", place, value, "°C", metadata=Metadata(count, 35.0, 40.0))
    return name.encode(), encode_reading(reading)


async def _beside(service: Coroutine[None, None, None], begin: float, seconds: float) -> tuple[float, float]:
    """Run a service; (CPU seconds, seconds) of the measured time."""
    task = asyncio.create_task(service)
    await asyncio.sleep(max(0.0, begin - time.time()))
    cpu, clock = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    used = time.process_time() - cpu, time.monotonic() - clock
    task.cancel()
    await asyncio.wait([task])
    return used


async def console(settings: Settings, begin: float, seconds: float, *, every_reading: bool) -> dict[str, object]:
    """A console's link, with nobody who draws."""
    state = PlantState()
    kafka = KafkaConnection.of(settings.brokers or "", settings)
    assert settings.dsn is not None
    link = Link(
        kafka, settings.dsn.get_secret_value(), settings.topics, settings.group, state, operator="benchmark",
        every_reading=every_reading,
    )  # fmt: skip
    stop = asyncio.Event()
    task = asyncio.create_task(link.run(stop))
    await asyncio.sleep(max(0.0, begin - time.time()))
    before, cpu, clock = state.live_readings or 0, time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - clock
    found: dict[str, object] = {
        "core": (time.process_time() - cpu) / took,
        "rate": ((state.live_readings or 0) - before) / took,
        "sensors": len(state.sensors),
        "skipped": state.feed_health is not None and state.feed_health.skipping,
        "by_reading": state.feed_health.by_reading if state.feed_health is not None else None,
    }
    stop.set()
    await task
    return found


async def work(settings: Settings, begin: float, seconds: float) -> dict[str, object]:
    """A detection worker."""
    assert settings.dsn is not None
    worker = DetectionWorker(
        KafkaConnection.of(settings.brokers or "", settings), settings.dsn.get_secret_value(), worker_options(settings)
    )
    cpu, took = await _beside(worker.run(asyncio.Event()), begin, seconds)
    return {"core": cpu / took}


async def send(settings: Settings, rate: int, begin: float, seconds: float) -> dict[str, object]:
    """So many readings a second, of 1,000 sensors."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all", linger_ms=5, max_batch_size=65_536)
    await producer.start()
    sent, clock = 0, time.monotonic()
    while time.time() < begin + seconds + 1:
        for _ in range(int(rate * _STEP_S)):
            key, value = _reading(sent % 1000, sent // 1000)
            await producer.send(settings.sensor_topic, key=key, value=value)
            sent += 1
        due = clock + sent / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    await producer.stop()
    return {"rate": sent / (time.monotonic() - clock)}


async def write(settings: Settings, sensors: int, begin: float, seconds: float) -> dict[str, object]:
    """The summary of 100,000 readings a second, of which `sensors` a second are the last of theirs.

    Only those are made: the others cost the writer what `benchmarks pipeline` measures, and a console nothing. A new
    time and value are written into each sensor's first message, and that is left out of what is measured.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.brokers, acks=1, linger_ms=5, max_batch_size=256 * 1024, compression_type="lz4"
    )
    await producer.start()
    parts = [PartitionSummary(settings.group, part, 1) for part in range(_PARTITIONS)]
    firsts = [[_parts_of(number) for number in range(part, sensors, _PARTITIONS)] for part in range(_PARTITIONS)]

    async def tell(part: int, records: Sequence[SummaryRecord]) -> None:
        for record in records:
            await producer.send(settings.topics.summary, encode_summary(record), summary_key(record), partition=part)

    def made(part: int, second: int) -> list[_Made]:
        now = time.time()
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
        return [
            _Made(
                second, int(now * 1000), key, b"".join((head, stamp, middle, b"%d" % (20 + (number + second) % 9), end))
            )
            for number, (key, head, middle, end) in enumerate(firsts[part])
        ]

    for part, summary in enumerate(parts):
        summary.note(made(part, 0))
        while summary.digest(DIGEST):
            pass
        # A worker describes a thousand new sensors a second; what is measured is what comes afterwards.
        while True:
            records = summary.beat(0, 0.0)
            await tell(part, records)
            if isinstance(records[-1], SummaryBeat) and not records[-1].untold:
                break
        await producer.flush()
    spent, second, began_at = 0.0, 0, 0.0
    beats, due = 0, time.monotonic()
    while time.time() < begin + seconds + 1:
        second += 1
        for part, summary in enumerate(parts):
            noted = made(part, second)
            cpu = time.process_time()
            summary.note(noted)
            while summary.digest(DIGEST):
                await asyncio.sleep(0)
            summary._readings += (100_000 - sensors) // _PARTITIONS  # noqa: SLF001 - these would all be noted
            await tell(part, summary.beat(second, 0.0))
            await producer.flush()
            if began_at:
                spent += time.process_time() - cpu
        if began_at:
            beats += 1
        elif time.time() >= begin:
            began_at = time.monotonic()
        due = max(due + 1.0, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
    took = time.monotonic() - began_at
    await producer.stop()
    return {"core": spent / took, "beats": beats / took}


def _parts_of(number: int) -> tuple[bytes, bytes, bytes, bytes]:
    """(key, what stands before the time, between time and value, after the value) of a sensor's message."""
    key, value = _reading(number, 0)
    before, _, rest = value.partition(b'"timestamp":"')
    middle, _, end = rest.partition(b'"value":')
    return key, before + b'"timestamp":"', middle[middle.index(b'"') :] + b'"value":', end[end.index(b",") :]


def main() -> int:
    """Run one part."""
    part, *given = sys.argv[1:]
    settings = load_settings()
    begin, seconds = float(given[-2]), float(given[-1])
    match part:
        case "send":
            work_ = send(settings, int(given[0]), begin, seconds)
        case "write":
            work_ = write(settings, int(given[0]), begin, seconds)
        case "work":
            work_ = work(settings, begin, seconds)
        case _:
            work_ = console(settings, begin, seconds, every_reading=part == "raw")
    print(json.dumps(asyncio.run(work_)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
