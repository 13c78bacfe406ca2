"""The one line that says whether the pipeline is well. What is unknown is `?`, what is old is said with its age."""

from __future__ import annotations

from controlroom.core.bridges import BridgesView
from controlroom.core.plant_state import ClusterView, DatabaseView, PipelineView
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import UNKNOWN, age_text, count_text

#: a probe runs every 2 s; what is older than this is not the present
STALE_AFTER_S = 10.0
#: records behind that are more than a batch on its way
_LAG_WORTH_SAYING = 5_000


def cluster_line(
    cluster: ClusterView | None,
    database: DatabaseView | None,
    pipeline: PipelineView | None,
    now: float,
    glyphs: Glyphs,
    bridges: BridgesView | None = None,
) -> Line:
    """Brokers, replication, lag, workers, bridges if there are any, database: what stops the plant comes first."""
    line: Line = [(" ", Role.TEXT)]
    for part in (
        _brokers(cluster, now, glyphs),
        _replication(cluster, glyphs),
        _lag(pipeline, now),
        _workers(pipeline),
        _bridges(bridges, glyphs),
        _database(database, now, glyphs),
    ):
        if part:
            line += [*part, ("  ", Role.TEXT)]
    return line


def _brokers(cluster: ClusterView | None, now: float, glyphs: Glyphs) -> Line:
    if cluster is None:
        return _figure("brokers", UNKNOWN)
    if not cluster.reachable:
        known = f"0/{len(cluster.brokers)}" if cluster.brokers else "none"
        return [(f"{glyphs.critical} NO BROKER ANSWERS", Role.CRIT), (f" {known}", Role.CRIT), *_old(cluster, now)]
    total, online = len(cluster.brokers), cluster.online
    text = f"{online}/{total}"
    if online < total:
        return [(f"{glyphs.warning} brokers {text}", Role.WARN), *_old(cluster, now)]
    return [*_figure("brokers", text), *_old(cluster, now)]


def _replication(cluster: ClusterView | None, glyphs: Glyphs) -> Line:
    if cluster is None:
        return _figure("ISR", UNKNOWN)
    if cluster.quorum is False:
        return [(f"{glyphs.critical} QUORUM LOST", Role.CRIT)]
    if cluster.leaderless:
        return [(f"{glyphs.critical} {cluster.leaderless} leaderless", Role.CRIT)]
    if not cluster.reachable or not cluster.partitions:
        return _figure("ISR", UNKNOWN)
    if cluster.under_replicated:
        return [(f"{glyphs.warning} {cluster.under_replicated} under-replicated", Role.WARN)]
    return _figure("ISR", "ok")


def _lag(pipeline: PipelineView | None, now: float) -> Line:
    if pipeline is None or pipeline.total_lag is None:
        return _figure("lag", UNKNOWN)
    old = _age(now - pipeline.checked_at)
    if pipeline.unclaimed and pipeline.workers:
        count = len(pipeline.unclaimed)
        said = "1 partition unread" if count == 1 else f"{count} partitions unread"
        return [(f"{said}, lag {count_text(pipeline.total_lag)}", Role.WARN), *old]
    if pipeline.total_lag > _LAG_WORTH_SAYING:
        return [(f"lag {count_text(pipeline.total_lag)}", Role.WARN), *old]
    return [*_figure("lag", count_text(pipeline.total_lag)), *old]


def _workers(pipeline: PipelineView | None) -> Line:
    if pipeline is None or (pipeline.error and not pipeline.workers):
        return _figure("workers", UNKNOWN)
    line = _figure("workers", str(len(pipeline.workers)))
    if not pipeline.workers:
        line = [("no worker", Role.WARN)]
    if pipeline.rate is not None:
        line.append((f" {count_text(pipeline.rate)}/s", Role.DIM))
    return line


def _bridges(view: BridgesView | None, glyphs: Glyphs) -> Line:
    if view is None or not view.bridges:
        return []
    lost = sum(bridge.state == "lost" for bridge in view.bridges)
    if lost:
        return [(f"{glyphs.critical} {lost} {'bridge' if lost == 1 else 'bridges'} lost", Role.CRIT)]
    down = sum(len(bridge.down) for bridge in view.bridges)
    if down:
        return [(f"{glyphs.critical} {down} {'source' if down == 1 else 'sources'} down", Role.CRIT)]
    amiss = sum(not bridge.well for bridge in view.bridges)
    if amiss:
        return [(f"{glyphs.warning} {amiss} {'bridge' if amiss == 1 else 'bridges'} amiss", Role.WARN)]
    return _figure("bridges", str(sum(bridge.state == "runs" for bridge in view.bridges)))


def _database(database: DatabaseView | None, now: float, glyphs: Glyphs) -> Line:
    if database is None:
        return _figure("db", UNKNOWN)
    old = _age(now - database.checked_at)
    if not database.reachable:
        return [(f"{glyphs.critical} DATABASE DOWN", Role.CRIT), *old]
    if database.read_only:
        return [(f"{glyphs.critical} DATABASE READ-ONLY", Role.CRIT), *old]
    latency = "" if database.latency_ms is None else f" {database.latency_ms:.1f} ms"
    return [*_figure("db", f"ok{latency}"), *old]


def _figure(name: str, value: str) -> Line:
    return [(f"{name} ", Role.DIM), (value, Role.STALE if value == UNKNOWN else Role.TEXT)]


def _old(cluster: ClusterView, now: float) -> Line:
    return _age(now - cluster.checked_at)


def _age(age: float) -> Line:
    return [(f" {age_text(age)} ago", Role.STALE)] if age > STALE_AFTER_S else []
