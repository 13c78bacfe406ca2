"""What `health` and `verify` ask a plant, as a list of checks that each came out well or not."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from controlroom.core import cells
from controlroom.errors import ControlroomError
from controlroom.wire import topic_specs

if TYPE_CHECKING:
    from controlroom.cli.options import Connections
    from controlroom.local import LocalPlant


class Check(msgspec.Struct, frozen=True):
    """One check: what was looked at, how it came out, what was found."""

    name: str
    ok: bool
    detail: str


async def health(connections: Connections, plant: LocalPlant | None) -> list[Check]:
    """Brokers, replication, bridges and database, as they are this moment.

    Args:
        connections: the plant's addresses.
        plant: the local plant if that is what they belong to: then its processes are looked at, too.
    """
    checks = _processes(plant) if plant else []
    checks += await _cluster(connections)
    checks.append(await _check("transactions", lambda: _transactions_end(connections)))
    checks.append(await _check("bridges", lambda: _bridges_are_well(connections)))
    checks.append(await _check("database", lambda: _database_answers(connections)))
    return checks


async def verify(connections: Connections, plant: LocalPlant | None) -> list[Check]:
    """Health, and what takes longer: files' hashes, the topics as specified, a record there and back, the schema."""
    checks = [_files(plant)] if plant else []
    checks += await health(connections, plant)
    checks.append(await _check("topics", lambda: _topics_as_specified(connections)))
    checks.append(await _check("record", lambda: _record_there_and_back(connections)))
    checks.append(await _check("schema", lambda: _schema_is_current(connections)))
    return checks


async def _check(name: str, work: Callable[[], Awaitable[tuple[bool, str]]]) -> Check:
    try:
        ok, detail = await work()
    except ControlroomError as error:
        return Check(name, ok=False, detail=str(error))
    return Check(name, ok=ok, detail=detail)


def _processes(plant: LocalPlant) -> list[Check]:
    return [
        Check(
            f"{component.name} process",
            ok=component.state == "running",
            detail=f"{component.state}, port {component.port}" + (f", pid {component.pid}" if component.pid else ""),
        )
        for component in plant.status().components
    ]


def _files(plant: LocalPlant) -> Check:
    problems = plant.verify_files()
    return Check("files", ok=not problems, detail="; ".join(problems) or "every hash is the pinned one")


async def _cluster(connections: Connections) -> list[Check]:
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.probe import ClusterProbe

    settings = connections.settings
    kafka = KafkaConnection.of(connections.brokers, settings)
    names = [spec.name for spec in topic_specs(settings.topics)]
    probe = ClusterProbe(kafka, names)
    try:
        view = await probe.probe()
        if view.reachable and view.error:
            # The broker that was asked may be the one that is dead; the next one knows.
            view = await probe.probe()
    finally:
        await probe.close()
    if not view.reachable:
        return [Check("brokers", ok=False, detail=view.error or f"none answers at {connections.brokers}")]
    online = {broker.broker_id for broker in view.brokers if broker.online}
    away = sorted(broker.broker_id for broker in view.brokers if not broker.online)
    behind = sum(len(part.in_sync) < len(part.replicas) for part in view.partitions)
    leaderless = sum(part.leader is None for part in view.partitions)
    listed = ", ".join(map(str, sorted(online)))
    replication = f"{len(view.partitions)} partitions, {behind} lack an in-sync replica, {leaderless} a leader"
    return [
        Check("brokers", ok=not away, detail=f"{listed} up" + (f"; down: {', '.join(map(str, away))}" if away else "")),
        Check(
            "replication",
            ok=not behind and not leaderless and not view.error,
            # Where it could not be read, what is known of it is nothing, or old.
            detail=f"not known: {view.error}" if view.error else replication,
        ),
    ]


async def _transactions_end(connections: Connections) -> tuple[bool, str]:
    """Whether no transaction hangs open on our topics."""
    import time

    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.transactions import look_for_open_transactions

    settings = connections.settings
    names = [spec.name for spec in topic_specs(settings.topics)]
    found = await look_for_open_transactions(KafkaConnection.of(connections.brokers, settings), names)
    if found is None:
        return True, "not known: the brokers do not tell"
    now = time.time()
    hanging = [view for view in found if view.hangs(now)]
    if not hanging:
        return True, f"{len(found)} open, none hangs"
    first = hanging[0]
    more = f"; {len(hanging) - 1} more" if len(hanging) > 1 else ""
    return False, (
        f"{first.producer} has held {first.topic}/{first.partition} open from offset {first.first_offset} on for "
        f"{now - first.since:.0f} s (last record {now - first.last_at:.0f} s ago): nothing behind it is read{more}"
    )


async def _bridges_are_well(connections: Connections) -> tuple[bool, str]:
    from controlroom.adapters.kafka.bridge_follower import BridgeFollower
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.core.bridges import troubles

    settings = connections.settings
    kafka = KafkaConnection.of(connections.brokers, settings)
    views = await BridgeFollower(kafka, settings.topics.bridges).look()
    if views is None:
        return True, f"not known: there is no topic {settings.topics.bridges}; `controlroom setup` makes it"
    amiss = troubles(views)
    if amiss:
        return False, "; ".join(amiss)
    running = [view for view in views if view.state == "runs"]
    sources = sum(len(view.report.sources) for view in running)
    stopped = len(views) - len(running)
    also = f", {stopped} stopped" if stopped else ""
    return True, f"{len(running)} run{also}, {sources} sources connected" if views else "none"


async def _database_answers(connections: Connections) -> tuple[bool, str]:
    from controlroom.adapters.postgres.session import Session, is_read_only

    async with Session(connections.dsn, "health") as session:
        connection = await session.connection()
        version = await connection.fetchval("SHOW server_version")
        if await is_read_only(connection):
            return False, f"PostgreSQL {version} answers, and is read-only (a standby): nothing can be stored"
        return True, f"PostgreSQL {version} answers"


async def _schema_is_current(connections: Connections) -> tuple[bool, str]:
    from controlroom.adapters.postgres.migrate import pending_migrations, schema_version
    from controlroom.adapters.postgres.session import Session

    async with Session(connections.dsn, "verify") as session:
        connection = await session.connection()
        missing = await pending_migrations(connection)
        version = await schema_version(connection)
    if missing:
        return False, f"version {version}, {len(missing)} migrations behind: run `controlroom setup`"
    return True, f"version {version}, the newest"


async def _topics_as_specified(connections: Connections) -> tuple[bool, str]:
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.topics import topics_drift

    settings = connections.settings
    specs = topic_specs(
        settings.topics, data_partitions=settings.sensor_partitions, alert_partitions=settings.alerts_partitions
    )
    drift = await topics_drift(
        connections.brokers,
        specs,
        replication_factor=settings.replication_factor,
        min_insync_replicas=settings.min_insync_replicas,
        client=KafkaConnection.of(connections.brokers, settings).options,
    )
    factor = f"{settings.replication_factor} replicas, {settings.min_insync_replicas} in sync at least"
    return not drift, "; ".join(drift) or f"{len(specs)} as specified, {factor}"


async def _record_there_and_back(connections: Connections) -> tuple[bool, str]:
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.roundtrip import record_round_trip

    settings = connections.settings
    trip = await record_round_trip(
        KafkaConnection.of(connections.brokers, settings),
        replication_factor=settings.replication_factor,
        min_insync_replicas=settings.min_insync_replicas,
    )
    took = f"read back in {trip.took_s * 1000:.0f} ms"
    if not trip.aborted:
        return True, f"{took}; this login may not write transactions"
    return True, f"written with acks=all and {took}"


def table(checks: list[Check]) -> str:
    """The checks as lines for people; what is well is cut at the terminal's width, what is wrong is told whole."""
    width = cells.widest(check.name for check in checks)
    columns = max(80, shutil.get_terminal_size().columns)
    return "\n".join(
        cells.crop(f"ok    {cells.left(check.name, width)}  {check.detail}", columns)
        if check.ok
        else f"FAIL  {cells.left(check.name, width)}  {check.detail}"
        for check in checks
    )
