"""What a bridge says of itself to Prometheus: `/metrics`, `/healthz`, `/readyz`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controlroom.wire import BridgeReport


class BridgeMetrics(Collector):
    """Reads the bridge's report at the moment of a scrape. Ready: every source and Kafka are connected."""

    def __init__(self, report: Callable[[], BridgeReport]) -> None:
        self._report = report
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body of a GET."""
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(self._registry)
        if path == "/healthz":
            return 200, "text/plain", b"ok\n"
        if path == "/readyz":
            return (200, "text/plain", b"ok\n") if self._report().well else (503, "text/plain", b"not connected\n")
        return 404, "text/plain", b"/metrics, /healthz, /readyz\n"

    def collect(self) -> Iterable[Metric]:
        """The figures as they are now."""
        report = self._report()
        now = time.time()
        yield _gauge("kafka_connected", "1 while Kafka confirms", float(report.kafka_since is not None))
        yield _counter("sent", "Readings confirmed by Kafka", report.sent)
        yield _gauge("buffered_readings", "Readings on disk that Kafka has not confirmed", report.buffered)
        yield _gauge("buffered_bytes", "Their size", report.buffered_bytes)
        oldest = now - report.oldest_at if report.oldest_at is not None else 0.0
        yield _gauge("buffered_age_seconds", "How long the oldest of them waits", oldest)
        yield _counter(
            "dropped",
            "Readings dropped: the spool was full, or they had waited too long",
            report.dropped,
        )
        yield _gauge("spool_failed", "1 while the spool cannot be written", float(bool(report.spool_error)))
        source = ["source"]
        connected = _family(GaugeMetricFamily, "source_connected", "1 while the source is connected", source)
        since = _family(GaugeMetricFamily, "source_connected_seconds", "For how long it has been", source)
        reconnects = _family(CounterMetricFamily, "source_reconnects", "Connections made after the first", source)
        messages = _family(CounterMetricFamily, "source_messages", "Messages received", source)
        readings = _family(CounterMetricFamily, "source_readings", "Readings stored", source)
        repeated = _family(CounterMetricFamily, "source_repeated", "Messages that had come before", source)
        retained = _family(CounterMetricFamily, "source_retained", "Retained messages passed over", source)
        refused = _family(CounterMetricFamily, "source_refused", "Values refused, by reason", ["source", "reason"])
        age = _family(GaugeMetricFamily, "source_last_value_age_seconds", "Time since the last value", source)
        skew = _family(GaugeMetricFamily, "source_skew_seconds", "The source's time less the bridge's", source)
        tags = _family(GaugeMetricFamily, "source_tags", "Topics that became sensors", source)
        for one in report.sources:
            label = [one.name]
            connected.add_metric(label, float(one.connected_since is not None))
            since.add_metric(label, now - one.connected_since if one.connected_since is not None else 0.0)
            reconnects.add_metric(label, one.reconnects)
            messages.add_metric(label, one.messages)
            readings.add_metric(label, one.readings)
            repeated.add_metric(label, one.repeated)
            retained.add_metric(label, one.retained)
            tags.add_metric(label, one.tags)
            for reason, count in one.refused.items():
                refused.add_metric([one.name, reason], count)
            if one.last_at is not None:
                age.add_metric(label, now - one.last_at)
            if one.skew_s is not None:
                skew.add_metric(label, one.skew_s)
        yield from (connected, since, reconnects, messages, readings, repeated, retained, refused, age, skew, tags)


_PREFIX = "controlroom_bridge_"


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, value=value)


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, text, value=value)


def _family(kind: type[Metric], name: str, text: str, labels: list[str]) -> GaugeMetricFamily | CounterMetricFamily:
    return kind(_PREFIX + name, text, labels=labels)  # type: ignore[call-arg, return-value] # both take these
