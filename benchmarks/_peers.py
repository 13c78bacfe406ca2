"""`python -m benchmarks._peers ENGINE BROKERS TOPIC ALERTS COUNT`: the job of `pipeline` by another engine, as it is.

The job: decode JSON, an exponentially weighted z-score a sensor with a warm-up, two limits with hysteresis, an alarm as
JSON to a topic on each transition. Each engine with its own JSON, its defaults, state in memory, one process: none of
these stores anything outside Kafka or survives a kill without loss or repeats. The last line is readings per second
from the first record to the last. Imports nothing of ours, so that any Python with the engine can run it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

ENGINES = ("quixstreams", "bytewax", "faust")
BAND = 0.02
RATE = 1 / 64
WARM_UP = 30
Z_SQUARED = 64.0


class Watch:
    """One sensor: level by its limits, spikes by their distance from a running mean."""

    __slots__ = ("level", "mean", "n", "variance")

    def __init__(self) -> None:
        self.level = 0
        self.n = 0
        self.mean = self.variance = 0.0

    def update(self, reading: dict[str, Any]) -> dict[str, Any] | None:
        """The alarm that a reading comes to, if any."""
        value, limits = reading["value"], reading["metadata"]
        warning, critical = limits["warning_threshold"], limits["critical_threshold"]
        level = self.level
        if value >= critical:
            level = 2
        elif value >= warning:
            level = 2 if level == 2 and value > critical * (1 - BAND) else 1
        elif value <= warning * (1 - BAND):
            level = 0
        d = value - self.mean
        spike = self.n >= WARM_UP and d * d > Z_SQUARED * self.variance
        self.n += 1
        rate = max(1 / self.n, RATE)
        if not spike:
            self.mean += rate * d
            self.variance += rate * ((1 - rate) * d * d - self.variance)
        if level == self.level and not spike:
            return None
        self.level = level
        return {"sensor_id": reading["sensor_id"], "level": level, "spike": spike, "value": value}


class Clock:
    """Counts, and tells how long all of it took."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen = 0
        self.alarms = 0
        self._began = 0.0

    def saw_one(self) -> bool:
        """Whether that was the last."""
        if not self.seen:
            self._began = time.perf_counter()
        self.seen += 1
        return self.seen == self.count

    def tell(self) -> None:
        """Readings per second, and the end: how an engine stops is not what is measured."""
        told = {"per_second": self.seen / (time.perf_counter() - self._began), "alarms": self.alarms}
        # Some engines put something else in the place of stdout.
        print(json.dumps(told), file=sys.__stdout__, flush=True)
        os._exit(0)


def _job(clock: Clock) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    watches: dict[str, Watch] = {}

    def update(reading: dict[str, Any]) -> dict[str, Any] | None:
        watch = watches.get(reading["sensor_id"])
        if watch is None:
            watch = watches[reading["sensor_id"]] = Watch()
        alarm = watch.update(reading)
        clock.alarms += alarm is not None
        return alarm

    return update


def quixstreams(brokers: str, topic: str, alerts: str, count: int) -> None:
    """A streaming data frame with a dict of sensors."""
    from quixstreams import Application

    clock = Clock(count)
    update = _job(clock)
    app = Application(
        broker_address=brokers, consumer_group=f"quix-{uuid4().hex[:8]}", auto_offset_reset="earliest", loglevel="ERROR"
    )
    frame = app.dataframe(app.topic(topic, value_deserializer="json"))

    def process(reading: dict[str, Any]) -> dict[str, Any] | None:
        last = clock.saw_one()
        alarm = update(reading)
        if last:
            clock.tell()
        return alarm

    frame = frame.apply(process)
    frame = frame.filter(lambda alarm: alarm is not None)
    frame.to_topic(app.topic(alerts, value_serializer="json"))
    app.run(count=count)


def bytewax(brokers: str, topic: str, alerts: str, count: int) -> None:
    """A flow that reads the topic to its end in batches."""
    import bytewax.operators as op
    from bytewax.connectors.kafka import KafkaSinkMessage
    from bytewax.connectors.kafka import operators as kop
    from bytewax.dataflow import Dataflow
    from bytewax.testing import run_main

    clock = Clock(count)
    update = _job(clock)

    def process(message: Any) -> Any:  # noqa: ANN401 - the engine's
        last = clock.saw_one()
        alarm = update(json.loads(message.value))
        if last:
            clock.tell()
        return None if alarm is None else KafkaSinkMessage(message.key, json.dumps(alarm).encode())

    flow = Dataflow("job")
    source = kop.input("in", flow, brokers=brokers.split(","), topics=[topic], tail=False, batch_size=5000)
    kop.output("out", op.filter_map("job", source.oks, process), brokers=brokers.split(","), topic=alerts)
    run_main(flow)


def faust(brokers: str, topic: str, alerts: str, count: int) -> None:
    """An agent that takes event by event."""
    import faust as engine

    clock = Clock(count)
    update = _job(clock)
    app = engine.App(
        f"faust-{uuid4().hex[:8]}",
        broker=[f"kafka://{address}" for address in brokers.split(",")],
        value_serializer="json",
        topic_disable_leader=True,
        topic_replication_factor=3,
        store="memory://",
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
    )
    source, sink = app.topic(topic, value_serializer="json"), app.topic(alerts, value_serializer="json")

    @app.agent(source)  # type: ignore[untyped-decorator]  # the engine publishes no types
    async def watch(stream: Any) -> None:  # noqa: ANN401
        async for reading in stream:
            last = clock.saw_one()
            alarm = update(reading)
            if alarm is not None:
                await sink.send(key=alarm["sensor_id"], value=alarm)
            if last:
                clock.tell()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    engine.Worker(app, loop=loop, loglevel="ERROR", redirect_stdouts=False).execute_from_commandline()


def main() -> int:
    """Run one engine."""
    name, brokers, topic, alerts, count = sys.argv[1:6]
    {"quixstreams": quixstreams, "bytewax": bytewax, "faust": faust}[name](brokers, topic, alerts, int(count))
    return 0


if __name__ == "__main__":
    sys.exit(main())
