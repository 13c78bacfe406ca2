"""The cluster screen's rows about bridges and their sources: who is connected, what comes, what waits."""

from __future__ import annotations

from controlroom.core.bridges import BridgesView, BridgeView
from controlroom.core.cells import left, right, tail
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.cluster_tables import Row, columns, heading, note
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import age_text, bytes_text, clock_text, count_text, duration_text
from controlroom.wire import SourceReport
from controlroom.wire.bridge import PART_KINDS

#: cells of a name at 80 columns
_NAME = 19
_ORDER = {"lost": 0, "runs": 2, "stopped": 3}


def bridge_rows(view: BridgesView | None, now: float, width: int, glyphs: Glyphs) -> list[Row]:
    """Every bridge with its sources, those in trouble first; no rows where there is no bridge."""
    if view is None or not view.bridges:
        return []
    name = _NAME + max(0, min(20, width - 80))
    rows = [heading("bridges", "BRIDGES", _about(view), view.checked_at, now, width)]
    names = f"{'rate/s':>6} {'last':>4} {'refused':>7} {'skew':>7} {'reconn':>6}"
    rows.append(columns("bridges", f"   {left('bridge, source', name)} {'kind':7} {left('since', 12)} {names}"))
    for bridge in sorted(view.bridges, key=_order):
        rows += _rows_of(bridge, now, name, glyphs)
    return rows


def _order(bridge: BridgeView) -> tuple[int, str]:
    return 1 if bridge.state == "runs" and not bridge.well else _ORDER[bridge.state], bridge.name


def _about(view: BridgesView) -> Line:
    states = [bridge.state for bridge in view.bridges]
    down = sum(len(bridge.down) for bridge in view.bridges)
    about: Line = [(f"{states.count('runs')} of {len(states)} run", Role.TITLE)]
    if lost := states.count("lost"):
        about.append((f"  {lost} lost", Role.TITLE_CRIT))
    if down:
        about.append((f"  {down} {'source' if down == 1 else 'sources'} down", Role.TITLE_CRIT))
    return about


def _rows_of(bridge: BridgeView, now: float, name: int, glyphs: Glyphs) -> list[Row]:
    report, runs = bridge.report, bridge.state == "runs"
    key = report.name
    mark, role, since = _state(bridge, now, glyphs)
    rate = sum(source.rate for source in report.sources)
    newest = max((source.last_at for source in report.sources if source.last_at is not None), default=None)
    line: Line = [
        (f"{mark} ", role),
        (left(bridge.name, name), Role.STRONG),
        (f" {'bridge':7} ", Role.DIM),
        (left(since, 12), role),
        *_flow(rate if runs else None, newest, now),
        *_buffered(bridge),
    ]
    rows = [Row(f"bridge:{key}", line), *_notes(bridge, now, glyphs)]
    for source in sorted(report.sources, key=lambda one: (one.connected_since is not None, one.name)):
        rows.append(Row(f"source:{key}/{source.name}", _source_line(bridge, source, now, name, glyphs)))
        if runs and source.connected_since is None and source.error:
            why = sanitise(source.error, limit=160)
            rows.append(note(f"why:{key}/{source.name}", [("       ", Role.TEXT), (why, Role.DIM)]))
    if report.left_out:
        rows.append(note(f"more:{key}", [(f"     and {report.left_out} more", Role.DIM)]))
    return rows


def _state(bridge: BridgeView, now: float, glyphs: Glyphs) -> tuple[str, Role, str]:
    """A bridge's mark, its role, and how it is since when."""
    age = age_text(now - bridge.report.at)
    if bridge.state == "lost":
        return glyphs.critical, Role.CRIT, f"LOST {age}"
    if bridge.state == "stopped":
        return " ", Role.DIM, f"stopped {age}"
    runs = f"runs {age_text(now - bridge.report.since)}"
    return (" ", Role.TEXT, runs) if bridge.report.well else (glyphs.warning, Role.WARN, runs)


def _flow(rate: float | None, newest: float | None, now: float) -> Line:
    """Readings a second, and how old the last value is."""
    said = "-" if rate is None else f"{rate:.1f}" if rate < 100 else count_text(rate)
    last = "-" if newest is None else age_text(now - newest)
    return [(f" {right(said, 6)} ", Role.TEXT), (right(last, 4), Role.TEXT), (" ", Role.TEXT)]


def _buffered(bridge: BridgeView) -> Line:
    """What waits in the spool, in place of what sources alone have."""
    report = bridge.report
    said = f"buffered {count_text(report.buffered)}"
    if report.buffered:
        said = f"{said}, {bytes_text(report.buffered_bytes)}"
    return [(right(said, 22), Role.TEXT if report.buffered else Role.DIM)]


def _notes(bridge: BridgeView, now: float, glyphs: Glyphs) -> list[Row]:
    """What is amiss with the bridge itself."""
    report, said = bridge.report, []
    if bridge.state == "lost":
        place = f"process {report.pid} on {sanitise(report.host, limit=40)}"
        said.append(f"nothing was heard of it after {clock_text(report.at)}Z ({place})")
    if bridge.state == "runs" and report.kafka_since is None:
        said.append("Kafka does not confirm its readings: they wait in its spool")
    if report.spool_error:
        said.append(f"its spool cannot be written: {sanitise(report.spool_error, limit=160)}")
    if report.dropped:
        when = f", the last {age_text(now - report.dropped_at)} ago" if report.dropped_at is not None else ""
        said.append(f"{count_text(report.dropped)} readings DROPPED, its spool was full{when}")
    return [
        note(f"amiss:{report.name}/{number}", [(f"   {glyphs.fault} ", Role.WARN), (text, Role.TEXT)])
        for number, text in enumerate(said)
    ]


def _name(source: SourceReport, width: int) -> str:
    """What it is called; of an edge node or a device what its source is called does not matter."""
    if source.kind in PART_KINDS:
        return "    " + tail(sanitise(source.name.partition("/")[2], limit=128), width - 4)
    return left(f"  {sanitise(source.name, limit=64)}", width)


def _source_line(bridge: BridgeView, source: SourceReport, now: float, name: int, glyphs: Glyphs) -> Line:
    runs = bridge.state == "runs"
    mark, role, since = " ", Role.TEXT, "-"
    if runs and source.connected_since is not None:
        since = f"up {age_text(now - source.connected_since)}"
    elif runs:
        mark, role = glyphs.critical, Role.CRIT
        since = "DOWN" if source.down_since is None else f"DOWN {age_text(now - source.down_since)}"
    refused = sum(source.refused.values())
    skew = "-" if source.skew_s is None else f"{'-' if source.skew_s < 0 else '+'}{duration_text(abs(source.skew_s))}"
    return [
        (f"{mark} ", role),
        (_name(source, name), Role.TEXT),
        (f" {left(sanitise(source.kind, limit=20), 7)} ", Role.DIM),
        (left(since, 12), role),
        *_flow(source.rate if runs else None, source.last_at, now),
        (right(count_text(refused), 7), Role.WARN if refused else Role.TEXT),
        (f" {right(skew, 7)} ", Role.TEXT),
        (right(count_text(source.reconnects), 6), Role.TEXT),
    ]
