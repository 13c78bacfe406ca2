"""The cluster screen's tables: brokers, the detection group, PostgreSQL, partitions. What is unknown is `?`."""

from __future__ import annotations

from controlroom.core.plant_state import BrokerView, ClusterView, DatabaseView, PartitionView, PipelineView
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.cluster_line import STALE_AFTER_S
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, left, right, spread
from controlroom.ui.render.numbers import UNKNOWN, age_text, count_text

#: brokers that are listed before the rest is only counted
MOST_BROKERS = 6
#: the same for workers
MOST_WORKERS = 4


def title(text: str, about: Line, checked_at: float | None, now: float, width: int) -> Line:
    """A heading, with how old what is under it is."""
    if checked_at is None:
        age: Line = [("not known yet ", Role.TITLE_DIM)]
    else:
        old = now - checked_at
        role = Role.TITLE_WARN if old > STALE_AFTER_S else Role.TITLE_DIM
        age = [(f"checked {age_text(old)} ago ", role)]
    return spread([(f" {text} ", Role.TITLE_STRONG), (" ", Role.TITLE), *about], age, width, Role.TITLE)


def broker_lines(cluster: ClusterView | None, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """Every broker, those that are offline first."""
    if cluster is None:
        return [title("BROKERS", [], None, now, width), [("   not asked yet", Role.DIM)]]
    about: Line = [(f"{cluster.online} of {len(cluster.brokers)} online", Role.TITLE)]
    if cluster.quorum is False:
        about.append((f"  {glyphs.critical} QUORUM LOST", Role.TITLE_CRIT))
    elif cluster.quorum is None:
        about.append(("  quorum ?", Role.TITLE_DIM))
    else:
        about.append(("  quorum ok", Role.TITLE_DIM))
    lines = [title("BROKERS", about, cluster.checked_at, now, width)]
    if not cluster.reachable:
        why = sanitise(cluster.error) or "none answers"
        lines.append([(f" {glyphs.critical} no broker answers: ", Role.CRIT), (why, Role.TEXT)])
    lines.append([(f"   {'id':>5}  {left('address', 24)} {'state':10} {'leads':>6} {'in sync':>9}", Role.DIM)])
    brokers = sorted(cluster.brokers, key=lambda broker: (broker.online, broker.broker_id))
    lines += [_broker_line(broker, glyphs) for broker in brokers[:MOST_BROKERS]]
    if len(brokers) > MOST_BROKERS:
        lines.append([(f"   and {len(brokers) - MOST_BROKERS} more, all online", Role.DIM)])
    return lines


def _broker_line(broker: BrokerView, glyphs: Glyphs) -> Line:
    behind = broker.in_sync < broker.replicas
    state = ("online", Role.TEXT) if broker.online else ("OFFLINE", Role.WARN)
    return [
        (f" {' ' if broker.online else glyphs.warning} ", Role.WARN),
        (f"{broker.broker_id:>5}  ", Role.TEXT),
        (left(sanitise(broker.address), 24), Role.TEXT),
        (f" {left(state[0], 10)} ", state[1]),
        (f"{broker.leads:>6} ", Role.TEXT),
        (right(f"{broker.in_sync}/{broker.replicas}", 9), Role.WARN if behind else Role.TEXT),
    ]


def pipeline_lines(pipeline: PipelineView | None, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """The detection group: how far behind, per partition, and who works."""
    checked = pipeline.checked_at if pipeline is not None else None
    lag = pipeline.total_lag if pipeline is not None else None
    about: Line = [("lag ", Role.TITLE_DIM), (count_text(lag), Role.TITLE)]
    if pipeline is not None and pipeline.rate is not None:
        about += [(f"  {count_text(pipeline.rate)} readings/s", Role.TITLE_DIM)]
    lines = [title("DETECTION", about, checked, now, width)]
    if pipeline is None:
        return [*lines, [(f"   lag {UNKNOWN}, workers {UNKNOWN}", Role.DIM)]]
    if pipeline.error:
        lines.append([(f" {glyphs.fault} ", Role.WARN), (sanitise(pipeline.error), Role.TEXT)])
    if pipeline.lag:
        by_partition = "  ".join(f"{part}:{count_text(behind)}" for part, behind in sorted(pipeline.lag.items()))
        lines.append([("   lag by partition  ", Role.DIM), (by_partition, Role.TEXT)])
    if not pipeline.workers and not pipeline.error:
        lines.append([(f" {glyphs.warning} no worker: nothing is being detected", Role.WARN)])
    for name, partitions in sorted(pipeline.workers.items())[:MOST_WORKERS]:
        parts = " ".join(str(part) for part in partitions)
        lines.append(
            [("   worker  ", Role.DIM), (sanitise(name), Role.TEXT), ("  partitions ", Role.DIM), (parts, Role.TEXT)]
        )
    if len(pipeline.workers) > MOST_WORKERS:
        lines.append([(f"   and {len(pipeline.workers) - MOST_WORKERS} more workers", Role.DIM)])
    return lines


def database_lines(database: DatabaseView | None, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """PostgreSQL."""
    if database is None:
        return [title("DATABASE", [], None, now, width)]
    if not database.reachable:
        why = sanitise(database.error) or "does not answer"
        about: Line = [(f"{glyphs.critical} DOWN", Role.TITLE_CRIT)]
        return [
            title("DATABASE", about, database.checked_at, now, width),
            [(f" {glyphs.critical} ", Role.CRIT), (why, Role.TEXT)],
        ]
    latency = UNKNOWN if database.latency_ms is None else f"{database.latency_ms:.1f}"
    about = [
        (f"PostgreSQL {sanitise(database.version, limit=20) or UNKNOWN}", Role.TITLE),
        (f"  round trip {latency} ms", Role.TITLE_DIM),
    ]
    return [title("DATABASE", about, database.checked_at, now, width)]


def partition_head(partitions: int | None, trouble: int, width: int) -> list[Line]:
    """The heading over the partitions, and the names of the columns."""
    about: Line = [(UNKNOWN if partitions is None else str(partitions), Role.TITLE)]
    if trouble:
        about.append((f"  {trouble} in trouble, first", Role.TITLE_WARN))
    elif partitions:
        about.append(("  all well", Role.TITLE_DIM))
    return [
        spread([(" PARTITIONS ", Role.TITLE_STRONG), (" ", Role.TITLE), *about], [], width, Role.TITLE),
        [
            (
                f"   {left('topic', 20)} {'part':>5} {'leader':>7}   {left('replicas', 9)} {left('in sync', 9)}",
                Role.DIM,
            )
        ],
    ]


def partition_row(partition: PartitionView, width: int, glyphs: Glyphs, *, selected: bool) -> Line:
    """One partition: who leads it, who should have it, who has it."""
    if partition.leader is None:
        mark, role, said = glyphs.critical, Role.CRIT, "LEADERLESS"
    elif partition.under_replicated:
        missing = [str(broker) for broker in partition.replicas if broker not in partition.in_sync]
        mark, role, said = glyphs.warning, Role.WARN, f"without {' '.join(missing)}"
    else:
        mark, role, said = " ", Role.TEXT, ""
    leader = "none" if partition.leader is None else str(partition.leader)
    return [
        (glyphs.cursor if selected else " ", Role.CURSOR),
        (f"{mark} ", role),
        (left(sanitise(partition.topic, limit=64), 20), Role.TEXT),
        (f" {partition.partition:>5} ", Role.TEXT),
        (f"{leader:>7}   ", role if partition.leader is None else Role.TEXT),
        (left(" ".join(map(str, partition.replicas)), 9), Role.TEXT),
        (" ", Role.TEXT),
        (left(" ".join(map(str, partition.in_sync)) or "none", 9), role),
        (" ", Role.TEXT),
        (said, role),
        (" " * max(0, width), Role.TEXT),
    ]


def trouble_of(partition: PartitionView) -> int:
    """0 leaderless, 1 under-replicated, 2 well: the order of the list."""
    if partition.leader is None:
        return 0
    return 1 if partition.under_replicated else 2
