"""`controlroom detect`: detection workers without a terminal."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from controlroom.cli.options import Connections, brokers_option, dir_option, dsn_option, log_format_option, resolve
from controlroom.errors import InputError

STAGES = ("detector", "aggregator")


@click.command()
@brokers_option
@dsn_option
@dir_option
@click.option("--group", help="Consumer group (default: controlroom-detect). Workers of one group share the work.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True,
              help="So many processes in the group; more than the topic has partitions stand by.")  # fmt: skip
@click.option("--stages", default=",".join(STAGES), show_default=True, metavar="NAMES",
              help="Run a part, in a group of its own: detector (alarms), aggregator (readings, sums).")  # fmt: skip
@click.option("--until-idle", type=click.FloatRange(min=0.1), metavar="SECONDS",
              help="End when nothing came for so long and everything is committed.")  # fmt: skip
@click.option("--from-end", is_flag=True, help="A new group begins with new readings, not with the oldest kept.")
@click.option("--store", type=click.Choice(["all", "sampled", "none"]), help="What to keep of raw readings.")
@click.option("--detectors", type=click.Choice(["default", "cheap"]), help="Every detector, or limits and a z-score.")
@click.option("--detectors-file", type=click.Path(dir_okay=False, path_type=Path),
              help="How each type of sensor is watched, TOML.")  # fmt: skip
@click.option(
    "--alarms", "alarms_file", type=click.Path(dir_okay=False, path_type=Path), help="Alarm definitions, TOML."
)
@click.option("--metrics-port", type=click.IntRange(0, 65_535), metavar="PORT",
              help="Serve /metrics, /healthz, /readyz; worker N of --workers on PORT + N, from 0.")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@log_format_option
def detect(
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
    group: str | None,
    workers: int,
    stages: str,
    until_idle: float | None,
    from_end: bool,  # noqa: FBT001 - a flag of the command line
    store: str | None,
    detectors: str | None,
    detectors_file: Path | None,
    alarms_file: Path | None,
    metrics_port: int | None,
    verbose: bool,  # noqa: FBT001
    log_format: str | None,
) -> None:
    """Run detection workers: alarm events as JSON lines on stdout, logs on stderr.

    A worker is a member of a Kafka consumer group: start as many as there are partitions, on any host. SIGTERM ends it
    cleanly, with everything it has read committed.
    """
    chosen = tuple(name.strip() for name in stages.split(","))
    if not set(chosen) <= set(STAGES):
        raise InputError(f"--stages {stages}: no such stage", hint=f"there are {' and '.join(STAGES)}")
    connections = resolve(
        brokers,
        dsn,
        directory,
        group=group,
        store_readings=store,
        alarms_file=alarms_file,
        detectors=detectors,
        detectors_file=detectors_file,
        log_format=log_format,
    )

    from controlroom import headless
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.options import worker_options
    from controlroom.logs import log_to_stderr

    log_to_stderr(verbose=verbose, log_format=connections.settings.log_format)
    if workers > 1:
        asyncio.run(
            headless.detect_with(
                workers,
                lambda index: _arguments(stages, until_idle, from_end, metrics_port, verbose, index),
                _environment(connections),
                stdout=sys.stdout.buffer,
            )
        )
        return
    settings = connections.settings
    options = worker_options(settings, start_at_end=from_end, until_idle=until_idle, stages=chosen)
    asyncio.run(
        headless.detect(
            KafkaConnection.of(connections.brokers, settings),
            connections.dsn,
            options,
            stdout=sys.stdout.buffer,
            metrics_port=metrics_port,
        )
    )


def _arguments(
    stages: str,
    until_idle: float | None,
    from_end: bool,  # noqa: FBT001 - as above
    metrics_port: int | None,
    verbose: bool,  # noqa: FBT001
    index: int,
) -> list[str]:
    """Of one of several workers; settings travel in its environment, where a password is not for all to see."""
    arguments = ["detect", "--stages", stages]
    if until_idle is not None:
        arguments += ["--until-idle", str(until_idle)]
    if metrics_port is not None:
        arguments += ["--metrics-port", str(metrics_port + index if metrics_port else 0)]
    return arguments + ["--from-end"] * from_end + ["--verbose"] * verbose


def _environment(connections: Connections) -> dict[str, str]:
    settings = connections.settings
    environment = {
        "KAFKA_BROKERS": connections.brokers,
        "CONTROLROOM_DSN": connections.dsn,
        "CONTROLROOM_GROUP": settings.group,
        "CONTROLROOM_STORE_READINGS": settings.store_readings,
        "CONTROLROOM_DETECTORS": settings.detectors,
        "CONTROLROOM_LOG_FORMAT": settings.log_format,
    }
    for name in ("alarms_file", "detectors_file"):
        if (path := getattr(settings, name)) is not None:
            environment[f"CONTROLROOM_{name.upper()}"] = str(path)
    return environment
