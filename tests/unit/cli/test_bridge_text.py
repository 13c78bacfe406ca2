"""How a bridge's report is said."""

from __future__ import annotations

import time

from controlroom.cli.bridge_text import status_lines
from controlroom.wire import BridgeReport, SourceReport


def report(**changed: object) -> BridgeReport:
    now = time.time()
    source = SourceReport(
        name="line", kind="mqtt", connected_since=now - 130, error="", reconnects=2, messages=9, readings=1_234,
        rate=12.34, repeated=3, retained=4, refused={"not-utf8": 1, "too-large": 2}, last_at=now - 4, skew_s=-0.25,
        tags=5,
    )  # fmt: skip
    fields: dict[str, object] = {
        "name": "hall", "pid": 7, "host": "gw\x1b[2J", "at": now, "since": now - 200, "topic": "sensor-data",
        "kafka_since": now - 100, "kafka_reconnects": 1, "sent": 5_000, "buffered": 70, "buffered_bytes": 2_500_000,
        "oldest_at": now - 7_300, "dropped": 0, "spool_error": "", "sources": (source,),
    }  # fmt: skip
    return BridgeReport(**{**fields, **changed})  # type: ignore[arg-type]


def test_a_bridge_that_runs():
    text = "\n".join(status_lines(report(), runs=True))
    assert "bridge    hall runs since " in text
    assert "\x1b" not in text
    assert "5,000 readings sent to sensor-data, 1 reconnects" in text
    assert "buffered  70 readings, 2.5 MB, the oldest for 2.0 h" in text
    row = next(line for line in text.splitlines() if line.startswith("line  "))
    assert " ".join(row.split()) == "line mqtt 2 min 12.3 4 s ago 1,234 3 3 -0.25 s 2"
    assert "line: refused: not-utf8 1, too-large 2" in text
    assert "line: 4 retained messages passed over" in text


def test_a_bridge_that_has_ended_or_drops_or_cannot_write():
    text = "\n".join(status_lines(report(dropped=12_000, spool_error="disk is full"), runs=False))
    assert "hall does not run; last seen " in text
    assert "kafka     not connected, " in text
    assert "12,000 DROPPED" in text
    assert "the spool cannot be written: disk is full" in text
    assert not report(spool_error="disk is full").well
    assert report().well
