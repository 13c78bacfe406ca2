"""A bridge as a process between a real mosquitto and a topic, and a publisher that knows what was confirmed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks._mosquitto import Mosquitto, program
from controlroom.wire import Reading, decode_reading
from kafka_clients.closing import close_consumer
from tests.conftest import STATUS_TOPIC

needs_mosquitto = pytest.mark.skipif(
    program() is None, reason="mosquitto is not installed (Debian's package: mosquitto)"
)

FILE = """
[bridge]
name = "test"
spool = "spool"

[[source]]
name = "line"
type = "mqtt"
url = "{url}"
version = "{version}"

[[source.tag]]
topic = "plant/{{section}}/{{machine}}/{{sensor}}"
id = "{{machine}}-{{sensor}}"
type = "flow"
unit = "m³/h"
payload = "json"
value_path = "v"
{time}
"""


@dataclass
class Bridging:
    """A bridge and all that belongs to it."""

    directory: Path
    brokers: str
    topic: str
    #: None: its source is another
    mosquitto: Mosquitto | None = None
    process: subprocess.Popen[bytes] | None = None
    #: where it tells how it is; by default a topic of every test's plant that nobody reads
    status_topic: str = STATUS_TOPIC

    @property
    def file(self) -> Path:
        return self.directory / "bridge.toml"

    @property
    def log(self) -> Path:
        return self.directory / "bridge.log"

    def write(self, text: str | None = None, *, version: str = "5", timed: bool = True) -> None:
        """The bridge's file."""
        if text is not None:
            self.file.write_text(text)
            return
        assert self.mosquitto is not None
        time = 'time_path = "t"\ntime_format = "us"' if timed else ""
        self.file.write_text(FILE.format(url=self.mosquitto.url, version=version, time=time))

    def start_simulated(self) -> None:
        """Start it by the file that the simulator has written, with its spool in the test's directory."""
        text = self.file.read_text()
        if "spool =" not in text:
            self.file.write_text(text.replace('name = "simulated"', 'name = "simulated"\nspool = "spool"'))
        self.start()

    def start(self, *options: str) -> None:
        environment = {**os.environ, "KAFKA_BROKERS": self.brokers, "SENSOR_TOPIC": self.topic}
        environment["CONTROLROOM_BRIDGES_TOPIC"] = self.status_topic
        command = [sys.executable, "-m", "controlroom", "bridge", str(self.file), *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as `kill` does; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the bridge does not end:\n{self.said()}") from None
        return self.process.returncode

    def said(self) -> str:
        return self.log.read_text()[-3000:] if self.log.exists() else ""

    def status(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.directory / "spool" / "status.json").read_text())
        except FileNotFoundError:
            return {}
        return found if self.process is not None and found["pid"] == self.process.pid else {}

    @property
    def source(self) -> dict[str, Any]:
        sources = self.status().get("sources") or [{}]
        found: dict[str, Any] = sources[0]
        return found

    async def until(self, condition: Any, *, patience: float = 30.0) -> None:
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"it never came to that; status: {self.status()}\n{self.said()}")
            await asyncio.sleep(0.05)

    async def connected(self) -> None:
        await self.until(lambda: self.source.get("connected_since") is not None)

    async def drained(self, *, patience: float = 60.0) -> None:
        """Everything that the bridge holds is confirmed by Kafka."""
        await self.until(lambda: self.status().get("buffered") == 0, patience=patience)


async def on_topic(bridging: Bridging) -> list[Reading]:
    """All readings that are on the bridge's topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bridging.brokers, enable_auto_commit=False)
    await consumer.start()
    try:
        tps = [TopicPartition(bridging.topic, part) for part in range(3)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        count = sum((await consumer.end_offsets(tps)).values())
        found: list[Reading] = []
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                assert all(record.key == decode_reading(record.value).sensor_id.encode() for record in records)
                found += [decode_reading(record.value) for record in records]
        return found
    finally:
        await close_consumer(consumer)


class Publisher:
    """Values of some sensors, each value once: the n-th of a sensor is n. `confirmed` are those with a PUBACK."""

    def __init__(self, port: int, sensors: int = 20, rate: float = 300.0, most_under_way: int = 100) -> None:
        self.sensors = sensors
        self.rate = rate
        self.sent: set[tuple[str, int]] = set()
        #: (sensor, value) -> when it was confirmed, monotonic seconds
        self.confirmed: dict[tuple[str, int], float] = {}
        self._under_way: dict[int, tuple[str, int]] = {}
        self._early: set[int] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"publisher-{port}", protocol=4, clean_session=False
        )
        self._client.max_inflight_messages_set(most_under_way)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _on_publish(self, _client: Client, _data: object, mid: int, *_: object) -> None:
        with self._lock:
            one = self._under_way.pop(mid, None)
            if one is None:
                self._early.add(mid)
            else:
                self.confirmed[one] = time.monotonic()

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            for index in range(self.sensors):
                name = f"m-{index % 4}-s{index:02d}"
                payload = json.dumps({"v": number, "t": time.time_ns() // 1000})
                self.sent.add((name, number))
                mid = self._client.publish(f"plant/press/m-{index % 4}/s{index:02d}", payload, qos=1).mid
                with self._lock:
                    if mid in self._early:
                        self._early.discard(mid)
                        self.confirmed[name, number] = time.monotonic()
                    else:
                        self._under_way[mid] = (name, number)
            self._stop.wait(self.sensors / self.rate)

    def pause(self) -> None:
        """No more; what is under way goes on."""
        self._stop.set()

    async def finish(self) -> None:
        """No more; wait until everything is confirmed."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join)
        # mosquitto saves all that it holds with each of them: on a machine with other work that takes its time.
        deadline = time.monotonic() + 120
        while self._under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        assert not self._under_way


@contextmanager
def bridged(directory: Path, brokers: str, topic: str) -> Iterator[Bridging]:
    """A bridge that is not started yet, and a mosquitto for it."""
    mosquitto = Mosquitto(directory / "mqtt")
    mosquitto.start()
    made = Bridging(directory, brokers, topic, mosquitto)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()
    mosquitto.stop()
