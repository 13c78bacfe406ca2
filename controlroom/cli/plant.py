"""`controlroom up | down | status | health | verify | clean | broker`: the local plant, and how well a plant is."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import (
    Connections,
    brokers_option,
    dir_option,
    dsn_option,
    log_format_option,
    resolve,
    settings_for,
)
from controlroom.core.json_line import json_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from controlroom.cli.checks import Check
    from controlroom.local import ComponentStatus, LocalPlant

_HEAP = re.compile(r"[1-9]\d*[kmgKMG]")
_MEGA = 1_000_000


def _heap(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _HEAP.fullmatch(value):
        raise click.BadParameter("give a number with k, m or g, such as 96m")
    return value


def _ports(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    ports = tuple(int(word) for word in value.split(",") if word.isdigit() and 0 < int(word) < 65536)
    if len(ports) != 3 or len(set(ports)) != 3 or len(value.split(",")) != 3:
        raise click.BadParameter("give three different ports, such as 9092,9094,9096")
    return ports


@click.command()
@dir_option
@click.option("--heap", metavar="SIZE", callback=_heap, help="Java heap of each broker, such as 96m (default) or 512m.")
@click.option(
    "--ports", metavar="A,B,C", callback=_ports, help="The brokers' ports (default: 9092,9094,9096 or others)."
)
@log_format_option
def up(directory: Path | None, heap: str | None, ports: tuple[int, ...] | None, log_format: str | None) -> None:
    """Start the local plant, three Kafka brokers and PostgreSQL, and make its topics and schema.

    What runs already is left alone. The first start fetches what the brokers need, later ones need no network.
    """
    from controlroom.cli.bring_up import bring_up
    from controlroom.cli.narrate import Narrator
    from controlroom.local import LocalPlant
    from controlroom.local.progress import Cancelled
    from controlroom.logs import choose_format, say

    settings = settings_for(directory, log_format=log_format)
    choose_format(settings.log_format)
    plant = LocalPlant(settings.dir, heap=heap, ports=ports)
    began = time.monotonic()
    with _until_signalled() as cancel:
        try:
            endpoints = bring_up(plant, settings, Narrator(), cancel=cancel)
        except Cancelled as error:
            say(str(error), text=f"controlroom: {error}")
            raise click.Abort from error
    if plant.started:
        click.echo(
            f"up after {time.monotonic() - began:.1f} s: brokers {endpoints.brokers}, data in {plant.paths.root}"
        )
    else:
        click.echo(f"already running: brokers {endpoints.brokers}, data in {plant.paths.root}")


@click.command()
@dir_option
def down(directory: Path | None) -> None:
    """Stop the local plant. What is stored stays."""
    from controlroom.cli.narrate import Narrator

    plant = _plant(directory)
    with _until_signalled():  # an orderly stop is short; a second Ctrl-C must not leave half of it running
        stopped = plant.stop(Narrator())
    click.echo("down" if stopped else f"nothing runs in {plant.paths.root}")


@click.command()
@dir_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def status(directory: Path | None, *, as_json: bool) -> None:
    """List each broker and the database: state, pid, port, memory, version, uptime."""
    plant = _plant(directory)
    found = plant.status()
    if as_json:
        click.echo(json_line(found.as_dict()))
        return
    if not found.components:
        click.echo(f"no plant in {plant.paths.root}; `controlroom up` makes one")
        return
    click.echo(f"{'COMPONENT':<10} {'STATE':<8} {'PID':>8} {'PORT':>6} {'MEMORY':>8}  {'VERSION':<8} UPTIME")
    for component in found.components:
        click.echo(_row(component))


def _row(component: ComponentStatus) -> str:
    memory = f"{component.rss / _MEGA:.0f} MB" if component.rss is not None else "-"
    uptime = _duration(component.uptime) if component.uptime is not None else "-"
    return (
        f"{component.name:<10} {component.state:<8} {component.pid or '-':>8} {component.port:>6} {memory:>8}  "
        f"{component.version:<8} {uptime}"
    )


def _duration(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour} h"
    return f"{hour} h {minute} min" if hour else f"{minute} min {second} s" if minute else f"{second} s"


@click.command()
@dir_option
@brokers_option
@dsn_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def health(directory: Path | None, brokers: str | None, dsn: str | None, *, as_json: bool) -> None:
    """Is the plant well: every broker there, every replica in sync, the database answering? Exit 0 if so, else 1."""
    from controlroom.cli.checks import health as check

    _report(check, brokers, dsn, directory, as_json=as_json)


@click.command()
@dir_option
@brokers_option
@dsn_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def verify(directory: Path | None, brokers: str | None, dsn: str | None, *, as_json: bool) -> None:
    """Prove the plant: health, files' hashes, topics and factors, a record there and back, the schema's version."""
    from controlroom.cli.checks import verify as check

    _report(check, brokers, dsn, directory, as_json=as_json)


def _report(
    check: Callable[[Connections, LocalPlant | None], Awaitable[list[Check]]],
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run the checks, print them, and end with 1 if one of them failed."""
    from controlroom.cli.checks import table
    from controlroom.local import LocalPlant

    # What a client has to say on its way to an answer is in the answer.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    connections = resolve(brokers, dsn, directory)
    local = None if connections.settings.brokers else LocalPlant(connections.settings.dir)

    async def run() -> list[Check]:
        return await check(connections, local)

    checks = asyncio.run(run())
    well = all(one.ok for one in checks)
    click.echo(json_line({"ok": well, "checks": checks}) if as_json else table(checks))
    if not well:
        raise click.exceptions.Exit(1)


@click.command()
@dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Stop the plant first if it runs, and clean up one that is damaged.")
def clean(directory: Path | None, *, yes: bool, force: bool) -> None:
    """Delete the local plant's data: topics, database, logs. Fetched files stay in the cache."""
    from controlroom.cli.narrate import Narrator

    plant = _plant(directory)
    if not plant.exists():
        click.echo(f"no plant in {plant.paths.root}")
        return
    plant.require_cleanable(force=force)
    if not yes:
        click.confirm(f"Delete everything that is stored in {plant.paths.root}?", abort=True)
    plant.clean(Narrator(), force=force)
    click.echo(f"deleted the plant in {plant.paths.root}")


@click.command()
@dir_option
@click.argument("action", type=click.Choice(["stop", "kill", "start"]))
@click.argument("number", type=click.IntRange(1, 3))
def broker(directory: Path | None, action: str, number: int) -> None:
    """Stop, kill or start broker NUMBER (1, 2 or 3) of the local plant, for drills.

    `stop` is a controlled shutdown, `kill` is a crash. `up` brings back whatever is down.
    """
    from controlroom.cli.narrate import Narrator

    one = _plant(directory).broker(number)
    if action == "stop":
        one.stop(Narrator())
        outcome = "stopped"
    elif action == "kill":
        one.kill()
        outcome = "killed"
    else:
        one.start(Narrator())
        outcome = "runs"
    click.echo(f"broker {number}: {outcome}")


def _plant(directory: Path | None) -> LocalPlant:
    from controlroom.local import LocalPlant

    return LocalPlant(settings_for(directory).dir)


@contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, in place of what they do otherwise."""
    asked = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
