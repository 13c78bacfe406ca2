"""`controlroom record` and `controlroom replay-session`: what a control room saw, kept in a file and seen again."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.config import config_option
from controlroom.cli.options import brokers_option, dir_option, dsn_option, resolve, settings_for
from controlroom.errors import TerminalError

if TYPE_CHECKING:
    from controlroom.adapters.files.recordings import RecordingWriter
    from controlroom.wire import FaultSpec, SensorSpec

_WRITE_EVERY_S = 1.0


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@brokers_option
@dsn_option
@dir_option
@click.option("--for", "seconds", type=click.FloatRange(min=0.1), metavar="SECONDS", help="End after so long.")
@click.option(
    "--most-mb", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="End when the file is so large."
)
def record(
    file: Path,
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
    seconds: float | None,
    most_mb: int,
) -> None:
    """Record what the control room sees into FILE: readings, states, alarms, and how the cluster and PostgreSQL are.

    The plant must run; nothing is started. Ends with Ctrl-C, SIGTERM, or the limits. A recording that is cut off, by a
    kill or a full disk, can be replayed up to there. `controlroom replay-session FILE` shows it.
    """
    from controlroom import __version__
    from controlroom.adapters.files.recordings import RecordingWriter, new_header
    from controlroom.core.recording import RecordedState
    from controlroom.logs import log_to_stderr
    from controlroom.services import Services

    connections = resolve(brokers, dsn, directory)
    log_to_stderr(verbose=False, log_format=connections.settings.log_format)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    header = new_header(f"plant at {connections.brokers}", __version__)
    with RecordingWriter(file, header, most_bytes=most_mb * 1_000_000) as writer:
        state = RecordedState(writer.add, time.time)
        services = Services(
            connections.brokers, connections.dsn, connections.settings, own_plant=False, state=state, every_reading=True
        )
        try:
            services.start()
        except BaseException:
            writer.close()
            file.unlink(missing_ok=True)  # nothing is in it
            raise
        try:
            why = _until_done(writer, stopping, seconds)
        finally:
            services.stop()
    if services.failed is not None:
        raise services.failed
    click.echo(f"{file}: {writer.lines - 1} things seen, {writer.size / 1e3:.0f} kB; {why}", err=True)


def _until_done(writer: RecordingWriter, stopping: threading.Event, seconds: float | None) -> str:
    began, live = time.monotonic(), sys.stderr.isatty()
    if live:
        click.echo("recording, until Ctrl-C", err=True)
    end = began + seconds if seconds is not None else float("inf")
    while True:
        stopped = stopping.wait(max(0.0, min(_WRITE_EVERY_S, end - time.monotonic())))
        writer.write_out()
        if live:
            click.echo(f"\r{time.monotonic() - began:6.0f} s  {writer.size / 1e3:10.0f} kB ", nl=False, err=True)
        if stopped or writer.full or time.monotonic() >= end:
            if live:
                click.echo(err=True)
            return "ended as asked" if stopped else "the file has its size" if writer.full else "the time is over"


@click.command("replay-session")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True, help="Times as quick.")
@click.option("--at", "begin_s", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Begin there.")
@click.option("--paused", is_flag=True, help="Begin without playing.")
@click.option("--sensor", "sensor_id", metavar="ID", help="Open with the detail of this sensor.")
@click.option(
    "--ascii/--unicode", "ascii_glyphs", default=None, help="Draw with ASCII alone, or not (default: by the terminal)."
)
@config_option
def replay_session(
    file: Path,
    speed: float,
    begin_s: float,
    paused: bool,  # noqa: FBT001 - flags of the command line
    sensor_id: str | None,
    ascii_glyphs: bool | None,  # noqa: FBT001
    config_file: Path | None,
) -> None:
    """Open the control room on a recording. It shows the past: no order can be given.

    P pauses, ; steps, < and > go 10 seconds, { and } 5 minutes, ( and ) change the speed.
    """
    from controlroom import ui
    from controlroom.adapters.files.recordings import RecordingReader
    from controlroom.adapters.files.session_player import SessionPlayer

    reader = RecordingReader(file)
    ui.check_terminal()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    player = SessionPlayer(reader, speed=speed, begin_s=begin_s)
    player.paused = paused
    given: dict[str, object] = {
        **ui.from_settings(settings_for(None, config_file=config_file).ui),
        **({} if ascii_glyphs is None else {"ascii": ascii_glyphs}),
    }
    began = datetime.fromtimestamp(reader.header.started_at, UTC)
    options = ui.options_for(
        os.environ,
        banner=f"{file.name}, {began:%Y-%m-%d %H:%M} UTC",
        read_only=True,
        clock=player,
        replay=player,
        current_state=lambda: player.state,
        sensor_id=sensor_id,
        stopping=stopping.is_set,
        **given,
    )
    player.start()
    try:
        status = ui.run(player.state, _NoOrders(), options)
    finally:
        player.close()
    if status:
        raise TerminalError("the screen has ended with an error", hint="what is above tells more")


class _NoOrders:
    """Implements `controlroom.ports.OperatorCommands`: the past takes no orders, and there is no key for one."""

    def spawn(self, spec: SensorSpec) -> None:
        """Never called."""

    def pause(self, sensor_id: str) -> None:
        """Never called."""

    def resume(self, sensor_id: str) -> None:
        """Never called."""

    def rerate(self, sensor_id: str, interval: float) -> None:
        """Never called."""

    def remove(self, sensor_id: str) -> None:
        """Never called."""

    def inject(self, sensor_id: str, fault: FaultSpec) -> None:
        """Never called."""

    def clear(self, sensor_id: str, fault_id: str | None = None) -> None:
        """Never called."""
