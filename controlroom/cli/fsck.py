"""`controlroom fsck`: audit a database against its topic."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import click

from controlroom.cli.options import brokers_option, dir_option, dsn_option, hush_clients, resolve
from controlroom.core.json_line import json_line


@click.command()
@brokers_option
@dsn_option
@dir_option
@click.option("--group", help="Whose work is audited (default: controlroom-detect).")
@click.option("--alarms/--no-alarms", default=True, help="Compare alarm events with an uninterrupted run's.")
@click.option("--states/--no-states", default=True, help="Compare what the detectors have learned.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def fsck(
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
    group: str | None,
    *,
    alarms: bool,
    states: bool,
    as_json: bool,
) -> None:
    """Audit the database against the topic: nothing lost, nothing twice, the alarms and states of an uninterrupted run.

    Reads the whole topic once more and changes nothing. Exit status 1 when something is wrong.
    """
    connections = resolve(brokers, dsn, directory, group=group)

    from controlroom.adapters.fsck.audit import AuditOptions, audit
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.options import worker_options

    hush_clients()
    settings = connections.settings
    every = settings.store_readings == "all"
    found = asyncio.run(
        audit(
            KafkaConnection.of(connections.brokers, settings),
            connections.dsn,
            worker_options(settings),
            AuditOptions(every_reading=every, alarms=alarms, states=states),
        )
    )
    if as_json:
        click.echo(json_line(asdict(found)))
    else:
        click.echo(
            f"{found.records} records, {found.readings} readings, {found.rejects} rejects, "
            f"{found.alarm_events} alarm events and {found.states} detector states compared"
        )
        for note in found.notes:
            click.echo(f"note: {note}")
        for finding in found.findings:
            click.echo(f"wrong: {finding}")
        click.echo("nothing is wrong" if not found.findings else f"{len(found.findings)} findings")
    raise SystemExit(1 if found.findings else 0)
