"""How `controlroom bridge status` and `bridge check --live` say what they found."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controlroom.core import cells
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise

if TYPE_CHECKING:
    from bridges.file import BridgeFile
    from bridges.values import Packet
    from controlroom.wire import BridgeReport, SourceReport

#: So many readings of a sensor are shown.
_SHOWN = 2


def status_lines(report: BridgeReport, *, runs: bool) -> Iterator[str]:
    """The report for a person to read."""
    now = time.time()
    state = f"runs since {_moment(report.since)}" if runs else f"does not run; last seen {_moment(report.at)}"
    yield f"bridge    {report.name} {state} (process {report.pid} on {sanitise(report.host)})"
    connected = runs and report.kafka_since is not None
    kafka = f"connected since {_moment(report.kafka_since or 0)}" if connected else "not connected"
    yield f"kafka     {kafka}, {report.sent:,} readings sent to {report.topic}, {report.kafka_reconnects} reconnects"
    waits = report.buffered and report.oldest_at is not None
    age = f", the oldest for {_span(now - (report.oldest_at or now))}" if waits else ""
    dropped = f", {report.dropped:,} DROPPED" if report.dropped else ""
    yield f"buffered  {report.buffered:,} readings, {report.buffered_bytes / 1e6:.1f} MB{age}{dropped}"
    if report.spool_error:
        yield f"          the spool cannot be written: {sanitise(report.spool_error)}"
    yield ""
    head = ("SOURCE", "KIND", "CONNECTED", "RATE/s", "LAST", "READINGS", "REPEATED", "REFUSED", "SKEW", "RECONNECTS")
    yield from cells.table([head, *(_row(source, now, runs=runs) for source in report.sources)])
    for source in report.sources:
        if source.error:
            yield f"{source.name}: {sanitise(source.error)}"
        if source.refused:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(source.refused.items()))
            yield f"{source.name}: refused: {reasons}"
        if source.retained:
            yield f"{source.name}: {source.retained:,} retained messages passed over"


def _row(source: SourceReport, now: float, *, runs: bool) -> tuple[str, ...]:
    since = source.connected_since
    return (
        source.name,
        source.kind,
        _span(now - since) if since is not None and runs else "no",
        f"{source.rate:,.1f}" if runs else "-",
        f"{_span(now - source.last_at)} ago" if source.last_at is not None else "never",
        f"{source.readings:,}",
        f"{source.repeated:,}",
        f"{sum(source.refused.values()):,}",
        f"{source.skew_s:+.3g} s" if source.skew_s is not None else "-",
        str(source.reconnects),
    )


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"


def _span(seconds: float) -> str:
    """A time in its largest unit.

    >>> _span(5), _span(600), _span(90_000)
    ('5 s', '10 min', '1.0 d')
    """
    for size, unit in ((86_400.0, "d"), (3_600.0, "h")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{max(0.0, seconds):.0f} s"


def live_lines(file: BridgeFile, seconds: float) -> Iterator[str]:
    """Connect to the sources for so long; each sensor's first readings as they would be sent.

    Raises:
        Unreachable: a source was not reached at all.
    """
    from bridges.sources.kinds import make_source
    from bridges.spool_writer import reading_of
    from controlroom.errors import Unreachable

    inbox: queue.Queue[Packet] = queue.Queue(10_000)
    sources = [make_source(table, file.sensors, file.bridge.name, inbox.put, live=True) for table in file.source]
    seen: dict[str, int] = {}
    reached: set[str] = set()
    until = time.monotonic() + seconds
    try:
        for source in sources:
            source.start()
        while (left := until - time.monotonic()) > 0:
            reached |= {source.name for source in sources if source.status.connected_since is not None}
            try:
                packet = inbox.get(timeout=min(left, 0.2))
            except queue.Empty:
                continue
            packet.source.confirm([packet.token], len(packet.drafts), 0)
            for draft in packet.drafts:
                count = seen[draft.sensor.sensor_id] = seen.get(draft.sensor.sensor_id, 0) + 1
                if count <= _SHOWN:
                    yield json_line(
                        reading_of(draft, draft.number or count, f"{file.bridge.name}/{packet.source.name}")
                    )
    finally:
        for source in sources:
            source.stop()
    for source in sources:
        status = source.status
        refused = ", ".join(f"{reason} {count:,}" for reason, count in sorted(status.refused.items()))
        yield (
            f"{source.name}: {status.messages:,} messages, {status.readings:,} readings of {status.tags:,} topics"
            f" in {seconds:g} s; refused: {refused or 'none'}"
        )
    if missing := [source for source in sources if source.name not in reached]:
        raise Unreachable(f"source {missing[0].name!r}: {missing[0].status.error or 'not reached'}")
