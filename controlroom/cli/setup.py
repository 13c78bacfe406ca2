"""`controlroom setup`: the topics and the schema on a cluster and a database that run elsewhere.

The local plant needs it not: `controlroom up` does the same for it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import brokers_option, dir_option, dsn_option, hush_clients, resolve
from controlroom.wire import topic_specs

if TYPE_CHECKING:
    from controlroom.cli.options import Connections


@click.command()
@dir_option
@brokers_option
@dsn_option
@click.option("--replication-factor", type=click.IntRange(1, 10), metavar="N", help="Copies of each partition.")
@click.option("--min-insync-replicas", type=click.IntRange(1, 10), metavar="N", help="Copies that confirm a write.")
def setup(
    directory: Path | None,
    brokers: str | None,
    dsn: str | None,
    replication_factor: int | None,
    min_insync_replicas: int | None,
) -> None:
    """Make the topics that are missing and migrate the schema. Safe to run again, and by two at once."""
    hush_clients()
    connections = resolve(
        brokers,
        dsn,
        directory,
        replication_factor=replication_factor,
        min_insync_replicas=min_insync_replicas,
    )
    asyncio.run(_setup(connections))


async def _setup(connections: Connections) -> None:
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.topics import ensure_topics
    from controlroom.adapters.postgres.migrate import migrate

    settings = connections.settings
    report = await ensure_topics(
        connections.brokers,
        topic_specs(
            settings.topics, data_partitions=settings.sensor_partitions, alert_partitions=settings.alerts_partitions
        ),
        replication_factor=settings.replication_factor,
        min_insync_replicas=settings.min_insync_replicas,
        client=KafkaConnection.of(connections.brokers, settings).options,
    )
    click.echo(f"topics: made {', '.join(report.created)}" if report.created else "topics: all there")
    for line in report.drift:
        click.echo(f"topics: {line}; left as it is", err=True)
    applied = await migrate(connections.dsn)
    click.echo(f"schema: applied {', '.join(map(str, applied))}" if applied else "schema: up to date")
