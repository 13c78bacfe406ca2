"""The cluster screen as rows: brokers, detection, groups, PostgreSQL, partitions. What is unknown is `?`, never zero.

A row has a key, so that the cursor stays on its broker, group or partition when rows come and go above it.
"""

from __future__ import annotations

from dataclasses import dataclass

from controlroom.core.cells import left, right
from controlroom.core.health_views import ClusterDetail
from controlroom.core.plant_state import BrokerView, ClusterView, PartitionView
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.cluster_line import STALE_AFTER_S
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, spread
from controlroom.ui.render.numbers import UNKNOWN, age_text, bytes_text, count_text

#: less free than this share of the disk is worth a warning
_DISK_LOW = 0.1
_ADDRESS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the screen."""

    key: str
    line: Line
    #: whether the cursor stops here; headings are passed over
    selectable: bool = True


def heading(key: str, text: str, about: Line, checked_at: float | None, now: float, width: int) -> Row:
    """A heading, with how old what is under it is."""
    if checked_at is None:
        age: Line = [("not known yet ", Role.TITLE_DIM)]
    else:
        old = now - checked_at
        role = Role.TITLE_WARN if old > STALE_AFTER_S else Role.TITLE_DIM
        age = [(f"checked {age_text(old)} ago ", role)]
    start: Line = [(f" {text} ", Role.TITLE_STRONG), (" ", Role.TITLE), *about]
    return Row(f"head:{key}", spread(start, age, width, Role.TITLE), selectable=False)


def columns(key: str, text: str) -> Row:
    """The names of the columns."""
    return Row(f"columns:{key}", [(text, Role.DIM)], selectable=False)


def note(key: str, line: Line) -> Row:
    """A line that is read, not chosen."""
    return Row(f"note:{key}", line, selectable=False)


# --- brokers


def broker_rows(
    cluster: ClusterView | None, detail: ClusterDetail | None, now: float, width: int, glyphs: Glyphs
) -> list[Row]:
    """Every broker, those that are offline first."""
    if cluster is None:
        return [heading("brokers", "BROKERS", [], None, now, width), note("brokers", [("   not asked yet", Role.DIM)])]
    about: Line = [
        (f"{cluster.online} of {len(cluster.brokers)} online", Role.TITLE),
        *_quorum(cluster, detail, glyphs),
    ]
    rows = [heading("brokers", "BROKERS", about, cluster.checked_at, now, width)]
    if not cluster.reachable:
        why = sanitise(cluster.error) or "none answers"
        rows.append(note("unreachable", [(f" {glyphs.critical} no broker answers: ", Role.CRIT), (why, Role.TEXT)]))
    address = _ADDRESS + max(0, min(20, width - 80))
    names = f"   {'id':>4} {left('address', address)} {'state':7} {'quorum':10} {'leads':>5} {'in sync':>7}"
    rows.append(columns("brokers", f"{names} {'logs':>8} {'free':>8}"))
    brokers = sorted(cluster.brokers, key=lambda broker: (broker.online, broker.broker_id))
    rows += [Row(f"broker:{one.broker_id}", _broker_line(one, detail, address, glyphs)) for one in brokers]
    return rows


def _quorum(cluster: ClusterView, detail: ClusterDetail | None, glyphs: Glyphs) -> Line:
    quorum = detail.quorum if detail is not None else None
    if cluster.quorum is False:
        return [("  ", Role.TITLE), (f"{glyphs.critical} QUORUM LOST", Role.TITLE_CRIT)]
    if quorum is None or quorum.leader is None:
        known = UNKNOWN if cluster.quorum is None else "ok, leader ?"
        return [(f"  quorum {known}", Role.TITLE_DIM)]
    return [(f"  quorum led by {quorum.leader}, epoch {quorum.epoch}", Role.TITLE_DIM)]


def _broker_line(broker: BrokerView, detail: ClusterDetail | None, address: int, glyphs: Glyphs) -> Line:
    behind = broker.in_sync < broker.replicas
    state = ("online", Role.TEXT) if broker.online else ("OFFLINE", Role.WARN)
    disk = detail.disks.get(broker.broker_id) if detail is not None and broker.online else None
    free = (UNKNOWN, Role.STALE)
    if disk is not None and disk.failed:
        free = (f"{disk.failed} FAILED", Role.CRIT)
    elif disk is not None and disk.free is not None and disk.total:
        share = disk.free / disk.total
        free = (bytes_text(disk.free), Role.WARN if share < _DISK_LOW else Role.TEXT)
    return [
        (f"{' ' if broker.online else glyphs.warning} ", Role.WARN),
        (f"{broker.broker_id:>4} ", Role.TEXT),
        (left(sanitise(broker.address) or "never seen", address), Role.TEXT),
        (f" {left(state[0], 7)} ", state[1]),
        _voter(broker, detail),
        (f" {broker.leads:>5} ", Role.TEXT),
        (right(f"{broker.in_sync}/{broker.replicas}", 7), Role.WARN if behind else Role.TEXT),
        (f" {right(bytes_text(None if disk is None else disk.used), 8)} ", Role.TEXT if disk else Role.STALE),
        (right(free[0], 8), free[1]),
    ]


def _voter(broker: BrokerView, detail: ClusterDetail | None) -> tuple[str, Role]:
    """The broker's part in the quorum: asked of the quorum itself, for the metadata names any broker."""
    quorum = detail.quorum if detail is not None else None
    if quorum is None:
        return left(UNKNOWN, 10), Role.STALE
    if not any(voter.node_id == broker.broker_id for voter in quorum.voters):
        return left("no voter", 10), Role.DIM
    if broker.broker_id == quorum.leader:
        return left("leader", 10), Role.STRONG
    if not broker.online:
        return left("voter", 10), Role.DIM
    lag = quorum.lag_of(broker.broker_id)
    return left("voter" if not lag else f"voter -{count_text(lag)}", 10), Role.TEXT if not lag else Role.STRONG


# --- groups


def group_rows(detail: ClusterDetail | None, now: float, width: int, glyphs: Glyphs) -> list[Row]:
    """Every consumer group with its members and what each was given."""
    checked = detail.checked_at if detail is not None else None
    groups = detail.groups if detail is not None else None
    count = UNKNOWN if detail is None or detail.group_count is None else str(detail.group_count)
    rows = [heading("groups", "CONSUMER GROUPS", [(count, Role.TITLE)], checked, now, width)]
    if detail is not None and detail.error:
        rows.append(note("groups", [(f" {glyphs.fault} ", Role.WARN), (sanitise(detail.error), Role.TEXT)]))
    if not groups:
        return rows
    rows.append(columns("groups", f"   {left('group', 34)} {left('state', 12)} {'members':>7} {'lag':>6}  coordinator"))
    for group in groups:
        members = UNKNOWN if group.members is None else str(len(group.members))
        lag = count_text(group.lag) if group.reads else "-"
        rows.append(
            Row(
                f"group:{group.group_id}",
                [
                    ("  ", Role.TEXT),
                    (left(sanitise(group.group_id, limit=64), 34), Role.TEXT),
                    (f" {left(sanitise(group.state, limit=20) or UNKNOWN, 12)} ", Role.TEXT),
                    (right(members, 7), Role.STALE if group.members is None else Role.TEXT),
                    (f" {right(lag, 6)}", Role.STALE if lag == UNKNOWN else Role.TEXT),
                    (f"  broker {UNKNOWN if group.coordinator is None else group.coordinator}", Role.DIM),
                ],
            )
        )
        for number, member in enumerate(group.members or ()):
            given = "  ".join(f"{sanitise(topic)} {' '.join(map(str, parts))}" for topic, parts in member.assigned)
            rows.append(
                Row(
                    f"member:{group.group_id}/{number}",
                    [
                        ("    ", Role.TEXT),
                        (left(sanitise(member.client, limit=64), 32), Role.DIM),
                        (f" {left(sanitise(member.host, limit=64), 15)} ", Role.DIM),
                        (given or "nothing assigned", Role.TEXT if given else Role.DIM),
                    ],
                )
            )
    more = (detail.group_count or 0) - len(groups) if detail is not None else 0
    if more > 0:
        rows.append(note("more-groups", [(f"   and {more} more", Role.DIM)]))
    return rows


# --- partitions


def partition_rows(cluster: ClusterView | None, now: float, width: int, glyphs: Glyphs, *, trouble: bool) -> list[Row]:
    """Partitions by name: those in trouble alone (none: no heading either), or those that are well alone."""
    everything = cluster.partitions if cluster is not None else ()
    found = [part for part in everything if (trouble_of(part) < 2) is trouble]
    found.sort(key=lambda part: (trouble_of(part), part.topic, part.partition))
    if not found and (trouble or everything):
        return []
    checked = None if cluster is None else cluster.checked_at
    if trouble:
        about: Line = [(f"{len(found)} of {len(everything)}", Role.TITLE_WARN)]
        rows = [heading("trouble", "PARTITIONS IN TROUBLE", about, checked, now, width)]
    else:
        said = UNKNOWN if cluster is None else str(len(found))
        all_well: Line = [("  all well", Role.TITLE_DIM)] if found and len(found) == len(everything) else []
        rows = [heading("partitions", "PARTITIONS", [(said, Role.TITLE), *all_well], checked, now, width)]
    if not found:
        return rows
    name = f"   {left('topic', 24)} {'part':>5} {'leader':>7}   {left('replicas', 12)} {left('in sync', 12)}"
    rows.append(columns("trouble" if trouble else "partitions", name))
    rows += [Row(f"part:{part.topic}/{part.partition}", partition_line(part, glyphs)) for part in found]
    return rows


def partition_line(partition: PartitionView, glyphs: Glyphs) -> Line:
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
        (f"{mark} ", role),
        (left(sanitise(partition.topic, limit=64), 24), Role.TEXT),
        (f" {partition.partition:>5} ", Role.TEXT),
        (f"{leader:>7}   ", role if partition.leader is None else Role.TEXT),
        (left(" ".join(map(str, partition.replicas)), 12), Role.TEXT),
        (" ", Role.TEXT),
        (left(" ".join(map(str, partition.in_sync)) or "none", 12), role),
        (" ", Role.TEXT),
        (said, role),
    ]


def trouble_of(partition: PartitionView) -> int:
    """0 leaderless, 1 under-replicated, 2 well: the order of the list."""
    if partition.leader is None:
        return 0
    return 1 if partition.under_replicated else 2
