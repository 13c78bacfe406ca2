"""What bridges tell, made up: one that runs with a source that is down, one that is lost, one that was stopped."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlroom.core.bridges import BridgesView, BridgeView
from controlroom.wire import BridgeReport, SourceReport


def source(name: str, now: float, **changed: Any) -> SourceReport:
    """A source that is connected and well."""
    usual: dict[str, Any] = {
        "name": name, "kind": "mqtt", "connected_since": now - 7_300, "error": "", "reconnects": 2, "messages": 9_000,
        "readings": 8_900, "rate": 12.34, "repeated": 0, "retained": 0, "refused": {}, "last_at": now - 1,
        "skew_s": -0.21, "tags": 40,
    }  # fmt: skip
    return SourceReport(**usual | changed)


def bridge(name: str, now: float, **changed: Any) -> BridgeReport:
    """A bridge that runs and is well, with one source."""
    usual: dict[str, Any] = {
        "name": name, "pid": 4711, "host": "gateway-1", "at": now - 0.4, "since": now - 9_000, "topic": "sensor-data",
        "kafka_since": now - 9_000, "kafka_reconnects": 0, "sent": 8_900, "buffered": 0, "buffered_bytes": 0,
        "oldest_at": None, "dropped": 0, "spool_error": "", "sources": (source("line", now),),
    }  # fmt: skip
    return BridgeReport(**usual | changed)


def bridges(at: datetime) -> BridgesView:
    """Four bridges; three of them are not well."""
    now = at.timestamp()
    down = source(
        "paint-shop",
        now,
        connected_since=None,
        down_since=now - 192,
        rate=0.0,
        last_at=now - 193,
        refused={"not-utf8": 12, "no-value": 1_340},
        error="mqtt://10.0.7.20:1883 does not answer (Connection refused)",
        skew_s=4.2,
    )
    hall = bridge(
        "hall-3",
        now,
        sources=(source("line", now, rate=1_204.0), down),
        buffered=1_204,
        buffered_bytes=402_000,
        oldest_at=now - 3,
        dropped=12_300,
        dropped_at=now - 4_000,
    )
    return BridgesView(
        now - 0.4,
        (
            BridgeView(bridge("annealing", now), "runs"),
            BridgeView(hall, "runs"),
            BridgeView(bridge("packaging", now, at=now - 75, host="gateway-2"), "lost"),
            BridgeView(bridge("trial", now, at=now - 86_000, stopped=True), "stopped"),
        ),
    )
