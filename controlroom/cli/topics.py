"""`controlroom topics` and `controlroom tail`: what is on the cluster and on the wire."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from controlroom.cli.options import brokers_option, dir_option, hush_clients, resolve_brokers
from controlroom.core import cells
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.wire import topic_specs

if TYPE_CHECKING:
    from controlroom.adapters.kafka.describe import TopicDescription
    from controlroom.config import Settings


@click.command()
@dir_option
@brokers_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with every partition.")
def topics(directory: Path | None, brokers: str | None, *, as_json: bool) -> None:
    """List the topics: partitions, replicas, what is in sync, how many records are kept."""
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.describe import describe_topics

    hush_clients()
    addresses, settings = resolve_brokers(brokers, directory)
    found = asyncio.run(describe_topics(KafkaConnection.of(addresses, settings)))
    if as_json:
        click.echo(json_line([{**msgspec.structs.asdict(topic), "note": _note(topic, settings)} for topic in found]))
        return
    width = max(5, cells.widest(sanitise(topic.name) for topic in found), cells.widest(_specs(settings)))
    click.echo(f"{'TOPIC':<{width}}  PARTITIONS  REPLICAS     RECORDS  NOTE")
    for topic in found:
        row = f"{len(topic.partitions):>10}  {topic.replication_factor:>8}  {topic.kept:>10}  {_note(topic, settings)}"
        click.echo(f"{cells.left(sanitise(topic.name), width)}  {row}".rstrip())
    names = {topic.name for topic in found}
    for spec in _specs(settings):
        if spec not in names:
            click.echo(f"{cells.left(spec, width)}  missing: `controlroom setup` makes it")


def _specs(settings: Settings) -> dict[str, int]:
    specs = topic_specs(
        settings.topics, data_partitions=settings.sensor_partitions, alert_partitions=settings.alerts_partitions
    )
    return {spec.name: spec.partitions for spec in specs}


def _note(topic: TopicDescription, settings: Settings) -> str:
    """What is wrong or odd about a topic; empty when it is as it should be."""
    notes = []
    if topic.leaderless:
        notes.append(f"{topic.leaderless} without a leader")
    if topic.under_replicated:
        notes.append(f"{topic.under_replicated} under-replicated")
    wanted = _specs(settings).get(topic.name)
    if wanted is None:
        notes.append("not the plant's")
    elif wanted != len(topic.partitions):
        notes.append(f"settings say {wanted} partitions")
    return ", ".join(notes)


@click.command()
@dir_option
@brokers_option
@click.argument("topic", required=False)
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest record that is kept.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="End after N records.")
@click.option(
    "--until-idle", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End after S quiet seconds."
)
def tail(
    directory: Path | None,
    brokers: str | None,
    topic: str | None,
    limit: int | None,
    until_idle: float | None,
    *,
    from_beginning: bool,
) -> None:
    """Follow TOPIC (the readings' when none is named): one JSON line for each record, until Ctrl-C.

    No consumer group is joined and nothing is committed.
    """
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.tail import tail as follow

    hush_clients()
    addresses, settings = resolve_brokers(brokers, directory)
    name = topic or settings.topics.data

    def ready(partitions: int) -> None:
        click.echo(f"controlroom: following {name}, partitions: {partitions}", err=True)

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        # A follower that is told to end has done its work: no traceback and no failure.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        records = follow(
            KafkaConnection.of(addresses, settings),
            name,
            from_beginning=from_beginning,
            limit=limit,
            until_idle=until_idle,
            ready=ready,
        )
        try:
            async for record in records:
                click.echo(json_line(record))
        except asyncio.CancelledError:
            return
        finally:
            await records.aclose()

    asyncio.run(run())
