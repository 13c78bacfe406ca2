"""From nothing to a plant that can be worked on: processes, topics, schema."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from controlroom.wire import topic_specs

if TYPE_CHECKING:
    from controlroom.config import Settings
    from controlroom.local import Endpoints, LocalPlant, Progress
    from controlroom.local.progress import Reporter

_NOTICE = 0.1


def bring_up(
    plant: LocalPlant,
    settings: Settings,
    progress: Progress,
    *,
    cancel: threading.Event | None = None,
    settle: bool = True,
) -> Endpoints:
    """Start what of the plant does not run, make its topics and migrate its schema. Blocks; needs no running loop.

    Args:
        plant: the plant; its `started` then names what was started here.
        settings: names, partitions and factors of the topics.
        progress: is told each step.
        cancel: set it to give up.
        settle: wait also until every replica is in sync, a second or two longer: then `health` finds all well.

    Raises:
        ControlroomError: the plant could not be brought up. Whatever was started here is stopped again.
    """
    from controlroom.local.progress import Reporter

    reporter = Reporter(progress, cancel)
    endpoints = plant.start(progress, cancel=cancel)
    try:
        asyncio.run(_unless_cancelled(_prepare(endpoints, settings, reporter, settle=settle), reporter))
    except BaseException:
        plant.stop(progress, only=plant.started)
        raise
    return endpoints


async def _unless_cancelled(work: Coroutine[None, None, None], reporter: Reporter) -> None:
    """Run `work`, but give it up when the start is called off: a cluster without a quorum could hold it for long."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_NOTICE)
            reporter.check()
        await task
    finally:
        task.cancel()


async def _prepare(endpoints: Endpoints, settings: Settings, reporter: Reporter, *, settle: bool) -> None:
    from controlroom.adapters.kafka.topics import await_in_sync, ensure_topics
    from controlroom.adapters.postgres.migrate import migrate

    specs = topic_specs(
        settings.topics, data_partitions=settings.sensor_partitions, alert_partitions=settings.alerts_partitions
    )
    with reporter.step("topics", "making topics") as tell:
        report = await ensure_topics(
            endpoints.brokers,
            specs,
            replication_factor=settings.replication_factor,
            min_insync_replicas=settings.min_insync_replicas,
        )
        made = f"made {', '.join(report.created)}" if report.created else f"all {len(specs)} there"
        tell.conclude(f"topics: {'; '.join((made, *report.drift))}")
    with reporter.step("schema", "migrating the schema") as tell:
        applied = await migrate(endpoints.dsn)
        tell.conclude(f"schema: applied {', '.join(map(str, applied))}" if applied else "schema: up to date")
    if settle:
        with reporter.step("replicas", "waiting for the replicas to be in sync") as tell:
            in_sync = await await_in_sync(endpoints.brokers, specs)
            tell.conclude(
                "every replica in sync" if in_sync else "some replicas are still catching up: see `controlroom health`"
            )
