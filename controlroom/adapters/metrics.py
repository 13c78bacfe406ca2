"""What a worker says of itself over HTTP: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever starts it.

Healthy: the event loop answers. Ready: the group has given us our share, all of it is brought up, and commits do not
wait for the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controlroom.adapters.kafka.partition import Commit
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.errors import ConfigError
from controlroom.wire import AlarmEvent

log = logging.getLogger(__name__)

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60)
_RECORDS = (1, 10, 100, 500, 1000, 2000, 5000, 10_000, 20_000)
#: A request line and headers are shorter, and whoever sends them is quicker.
_REQUEST_BYTES = 8192
_REQUEST_S = 5.0


class Answers(Protocol):
    """What is served."""

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body of a GET."""
        ...


class Metrics:
    """Collects what the worker tells, and reads the rest of it when asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._worker: DetectionWorker | None = None
        self._commit = Histogram(
            "controlroom_commit_seconds", "Transaction of a batch, with its repeats", buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._latency = Histogram(
            "controlroom_batch_latency_seconds", "Receipt of a batch's first record to the end of its commit",
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._batch = Histogram(
            "controlroom_batch_records", "Records of a batch", buckets=_RECORDS, registry=self.registry
        )
        self._rejects = Counter("controlroom_rejects", "Rejected records by reason", ["reason"], registry=self.registry)
        self._surplus = Counter(
            "controlroom_sensors_with_surplus",
            "Sensors whose first record had duplicate keys or unknown fields; both are accepted",
            ["surplus"], registry=self.registry,
        )  # fmt: skip
        self._alarm = Histogram(
            "controlroom_alarm_latency_seconds", "A sensor's time of a reading to the committed alarm it raised",
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip

    def watch(self, worker: DetectionWorker) -> None:
        """Tell of this worker."""
        self._worker = worker
        self.registry.register(_Worker(worker))

    def committed(self, commit: Commit) -> None:
        """A batch was committed."""
        self._commit.observe(commit.took_s)
        for reason, count in commit.reasons.items():
            self._rejects.labels(reason).inc(count)
        for name, count in commit.surplus.items():
            self._surplus.labels(name).inc(count)
        if commit.records:
            self._latency.observe(commit.waited_s)
            self._batch.observe(commit.records)

    def announced(self, events: Sequence[AlarmEvent]) -> None:
        """Alarm events were committed."""
        now = time.time()
        for event in events:
            if event.event == "raised":
                self._alarm.observe(max(0.0, now - event.timestamp.timestamp()))

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body of a GET."""
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(self.registry)
        if path == "/healthz":
            return 200, "text/plain", b"ok\n"
        if path == "/readyz":
            waiting = self._worker.progress.waiting if self._worker is not None else "starting"
            if waiting:
                return 503, "text/plain", f"waiting: {waiting}\n".encode()
            return (200, "text/plain", b"ok\n") if self._joined else (503, "text/plain", b"no assignment yet\n")
        return 404, "text/plain", b"/metrics, /healthz, /readyz\n"

    @property
    def _joined(self) -> bool:
        return self._worker is not None and self._worker.joined


class _Worker(Collector):
    """Reads the worker's progress at the moment of a scrape."""

    def __init__(self, worker: DetectionWorker) -> None:
        self._worker = worker

    def collect(self) -> Iterable[Metric]:
        """The counters as they are now."""
        names = ("committed", "rejected", "events", "fenced")
        texts = ("Readings committed", "Records rejected", "Alarm events committed", "Times fenced")
        families = {
            name: CounterMetricFamily(f"controlroom_{name}", text, labels=["partition"])
            for name, text in zip(names, texts, strict=True)
        }
        waiting = GaugeMetricFamily(
            "controlroom_waiting",
            "1 while it waits for PostgreSQL or for moving sensors",
            labels=["partition"],
        )
        lag = GaugeMetricFamily("controlroom_lag_records", "Records behind the partition's end", labels=["partition"])
        for partition, progress in self._worker.by_partition.items():
            label = [str(partition)]
            for name, family in families.items():
                family.add_metric(label, getattr(progress, name))
            waiting.add_metric(label, float(bool(progress.waiting)))
        for partition, behind in self._worker.lag.items():
            lag.add_metric([str(partition)], behind)
        sides = ["partition", "side"]
        off = GaugeMetricFamily(
            "controlroom_sensors_clock_off", "Sensors whose clock is off by more than a minute", labels=sides
        )
        most = GaugeMetricFamily(
            "controlroom_clock_off_seconds", "Of the sensor whose clock is off the most", labels=sides
        )
        for partition, clocks in self._worker.clocks.items():
            off.add_metric([str(partition), "ahead"], clocks.ahead)
            off.add_metric([str(partition), "behind"], clocks.behind)
            most.add_metric([str(partition), "ahead"], clocks.most_ahead)
            most.add_metric([str(partition), "behind"], clocks.most_behind)
        owned = GaugeMetricFamily("controlroom_partitions", "Partitions that are ours and ready")
        owned.add_metric([], len(self._worker.partitions))
        return [*families.values(), waiting, lag, off, most, owned, *self._of_bridges()]

    def _of_bridges(self) -> Iterable[Metric]:
        """What bridges tell; nothing while it is not known."""
        up = GaugeMetricFamily("controlroom_bridge_up", "1 while the bridge tells how it is", labels=["bridge"])
        stopped = GaugeMetricFamily("controlroom_bridge_stopped", "1 if it has ended in order", labels=["bridge"])
        buffered = GaugeMetricFamily(
            "controlroom_bridge_waiting_readings",
            "Readings on its disk that Kafka has not confirmed",
            labels=["bridge"],
        )
        sources = ["bridge", "source"]
        connected = GaugeMetricFamily("controlroom_bridge_source_up", "1 while the source is connected", labels=sources)
        for view in self._worker.bridges or ():
            report = view.report
            runs = view.state == "runs"
            up.add_metric([report.name], float(runs))
            stopped.add_metric([report.name], float(view.state == "stopped"))
            buffered.add_metric([report.name], report.buffered)
            for source in report.sources:
                connected.add_metric([report.name, source.name], float(runs and source.connected_since is not None))
        return [up, stopped, buffered, connected]


@contextlib.asynccontextmanager
async def serving(metrics: Answers, port: int, host: str = "0.0.0.0") -> AsyncIterator[int]:  # noqa: S104 - scraped from elsewhere
    """Serve over HTTP while the context lasts; the port that it came to be (0 asks for any).

    Raises:
        ConfigError: the port is taken or not allowed.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, UnicodeDecodeError):
            async with asyncio.timeout(_REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
                status, kind, body = metrics.answer(path.partition("?")[0])
                if method != "GET":
                    status, kind, body = 405, "text/plain", b"GET only\n"
                writer.write(
                    f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(handle, host, port, limit=_REQUEST_BYTES)
    except OSError as error:
        raise ConfigError(f"metrics port {port}: {error.strerror}", hint="choose another with --metrics-port") from None
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
