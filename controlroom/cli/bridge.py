"""`controlroom bridge`: values of real sensors become readings."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import (
    brokers_option,
    dir_option,
    hush_clients,
    log_format_option,
    resolve_brokers,
    settings_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridges.bridge import Bridge
    from bridges.file import BridgeFile

_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


class _FileOrCommand(click.Group):
    """`controlroom bridge FILE` is `controlroom bridge run FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in {"-h", "--help"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_FileOrCommand)
def bridge() -> None:
    """Bring values of real sensors to the plant: `controlroom bridge FILE.toml`.

    The file names the sources (MQTT brokers, Sparkplug edge nodes, OPC UA servers, Kafka topics of others) and says
    which topics and variables become which sensors; docs/bridges.md shows one.
    """


@bridge.command()
@_FILE
@brokers_option
@dir_option
@click.option("--metrics-port", type=click.IntRange(0, 65_535), metavar="PORT",
              help="Serve /metrics, /healthz, /readyz.")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@log_format_option
def run(
    file: Path,
    brokers: str | None,
    directory: Path | None,
    metrics_port: int | None,
    verbose: bool,  # noqa: FBT001 - a flag of the command line
    log_format: str | None,
) -> None:
    """Run the bridge that FILE describes until SIGTERM (`run` may be left out).

    A value is acknowledged at its source when it is on disk, and kept there until Kafka has confirmed it. What changes
    in FILE counts within seconds; a change that is wrong is logged, and the bridge goes on as it was.
    """
    from bridges.bridge import Bridge
    from bridges.file import load_bridge
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.logs import log_to_stderr

    log_to_stderr(verbose=verbose, log_format=settings_for(directory, log_format=log_format).log_format)
    with _translated():
        described = load_bridge(file)
        addresses, settings = resolve_brokers(brokers, directory)
        options = KafkaConnection.of(addresses, settings).options
        asyncio.run(
            _run(
                Bridge(described, _directory_of(described), options, settings.topics.data, settings.topics.bridges),
                file,
                described,
                metrics_port,
            )
        )


@bridge.command()
@_FILE
@click.option("--live", is_flag=True, help="Connect, and show each topic's first readings; nothing is sent to Kafka.")
@click.option("--seconds", type=click.FloatRange(0.5, 3600), default=10.0, show_default=True, help="Look for so long.")
def check(file: Path, live: bool, seconds: float) -> None:  # noqa: FBT001 - a flag of the command line
    """Say whether FILE is right. Exit 0 when it is, 4 when it is not, 3 when a source does not answer (--live)."""
    from bridges.file import load_bridge

    with _translated():
        found = load_bridge(file)
        if not live:
            from bridges.sources.kinds import make_source

            for table in found.source:
                # Certificates and passwords are read too.
                make_source(table, found.sensors, found.bridge.name, lambda _: None, live=True)
            tags = sum(len(table.tag) for table in found.source)
            click.echo(f"{file}: good; {len(found.source)} sources, {tags} tags, {len(found.sensors)} sensors by name")
            return
        from controlroom.cli.bridge_text import live_lines
        from controlroom.logs import log_to_stderr

        log_to_stderr(verbose=False)
        for line in live_lines(found, seconds):
            click.echo(line)


@bridge.command()
@click.argument("server", metavar="URL|FILE")
@click.option("--node", metavar="NODE", help="Begin at this node; else at Objects.")
@click.option("--write", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write a bridge's file with the variables that are numbers.")  # fmt: skip
@click.option("--user", metavar="NAME", help="Log in as this user.")
@click.option("--password-env", metavar="VARIABLE", help="The environment variable that has the user's password.")
def browse(server: str, node: str | None, target: Path | None, user: str | None, password_env: str | None) -> None:
    """List the variables of an OPC UA server: node id, data type, value, unit, range.

    The server is named by its URL, opc.tcp://host:port, or by a bridge's FILE with a source of type opcua: that may
    have certificates too.
    """
    from controlroom.core.sanitise import sanitise
    from controlroom.extras import require

    require("asyncua", "opcua", "OPC UA")
    with _translated():
        from bridges.opcua_browse import browse as look
        from bridges.opcua_browse import server_table, tree, write_file

        table = server_table(server, user, password_env)
        found = look(table, node)
        for line in tree(found):
            click.echo(sanitise(line))
        if target is not None:
            count = write_file(target, table, found)
            click.echo(f"{target}: written, {count} variables; controlroom bridge check --live {target}", err=True)


@bridge.command()
@_FILE
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def status(file: Path, as_json: bool) -> None:  # noqa: FBT001
    """How the bridge of FILE is. Exit 0 when it runs and is connected to all, 3 when not."""
    import time

    from bridges.file import load_bridge
    from bridges.status import FRESH_S, read_report
    from controlroom.cli.bridge_text import status_lines
    from controlroom.core.json_line import json_line
    from controlroom.errors import Unreachable

    with _translated():
        described = load_bridge(file)
        report = read_report(_directory_of(described))
    if report is None:
        raise Unreachable(f"the bridge {described.bridge.name!r} has never run here", hint=f"controlroom bridge {file}")
    runs = time.time() - report.at < FRESH_S and not report.stopped
    if as_json:
        click.echo(json_line({"running": runs, **_plain(report)}))
    else:
        for line in status_lines(report, runs=runs):
            click.echo(line)
    if not (runs and report.well):
        raise click.exceptions.Exit(Unreachable.exit_code)


@bridge.command()
@click.argument("name")
@brokers_option
@dir_option
def forget(name: str, brokers: str | None, directory: Path | None) -> None:
    """Let the control room forget the bridge NAME, which will not come back: its rows and alarms end.

    A bridge that still runs is there again within a second.
    """
    from controlroom.adapters.kafka.bridge_follower import forget_bridge
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.core.sanitise import sanitise
    from controlroom.errors import InputError

    with _translated():
        addresses, settings = resolve_brokers(brokers, directory)
        kafka = KafkaConnection.of(addresses, settings)
        if not asyncio.run(forget_bridge(kafka, settings.topics.bridges, name)):
            raise InputError(f"no bridge {name!r} has told anything", hint="screen 3 of the terminal lists them")
    click.echo(f"{sanitise(name)} is forgotten")


def _plain(report: object) -> dict[str, object]:
    import msgspec

    found: dict[str, object] = msgspec.to_builtins(report)
    return found


def _directory_of(file: BridgeFile) -> Path:
    """Where the bridge keeps its spool."""
    from controlroom.config import default_dir

    return file.bridge.spool or default_dir() / "bridges" / file.bridge.name


async def _run(bridge: Bridge, path: Path, file: BridgeFile, metrics_port: int | None) -> None:
    import contextlib

    from bridges.errors import BridgeError
    from bridges.file import load_bridge
    from bridges.metrics import BridgeMetrics
    from controlroom.adapters.files.followed_file import follow_file
    from controlroom.adapters.metrics import serving
    from controlroom.errors import ConfigError
    from controlroom.headless import stop_on_signals

    def load(_: Path) -> BridgeFile:
        try:
            return load_bridge(path)
        except BridgeError as error:
            raise ConfigError(str(error)) from None

    def adopt(found: BridgeFile) -> None:
        try:
            bridge.adopt(found)
        except BridgeError as error:
            raise ConfigError(str(error)) from None

    stop = asyncio.Event()
    stop_on_signals(asyncio.get_running_loop(), stop)
    async with contextlib.AsyncExitStack() as stack:
        if metrics_port is not None:
            await stack.enter_async_context(serving(BridgeMetrics(bridge.report), metrics_port))
        following = [
            asyncio.create_task(follow_file(one, load, adopt, "the bridge's settings"))
            for one in (path, file.bridge.sensors_file)
            if one is not None
        ]
        try:
            await bridge.run(stop)
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise `ControlroomError`s where the bridge raises its own."""
    from bridges.errors import BridgeError, BridgeFileError
    from controlroom.cli.client_errors import clients_translated
    from controlroom.errors import ControlroomError, InputError

    hush_clients()
    try:
        with clients_translated():
            yield
    except BridgeFileError as error:
        raise InputError(str(error), hint="docs/bridges.md lists every key") from None
    except BridgeError as error:
        raise ControlroomError(str(error)) from None
