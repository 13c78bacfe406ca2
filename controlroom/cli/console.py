"""`controlroom`: the control room itself, or, where there is no terminal, the same plant without one."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.config import config_option
from controlroom.cli.options import brokers_option, dir_option, dsn_option, log_format_option, resolve, settings_for
from controlroom.cli.restricted import restrict
from controlroom.errors import ConfigError, ControlroomError, TerminalError

if TYPE_CHECKING:
    from controlroom.config import Settings
    from controlroom.core.plant_state import PlantState
    from controlroom.local import Step
    from controlroom.ports import BrokerDrills
    from controlroom.services import Services

#: After a signal the screen has so long to close by itself; a stalled terminal never would.
GRACE_S = 3.0


@click.command()
@brokers_option
@dsn_option
@dir_option
@click.option("--attach", is_flag=True, help="Look at the local plant that runs already; start nothing.")
@click.option("--sensor", "sensor_id", metavar="ID", help="Open with the detail of this sensor.")
@click.option(
    "--ascii/--unicode", "ascii_glyphs", default=None, help="Draw with ASCII alone, or not (default: by the terminal)."
)
@click.option("--read-only", is_flag=True, help="Look, but change nothing.")
@click.option(
    "--wall",
    metavar="SECONDS",
    is_flag=False,
    flag_value=15.0,
    type=click.FloatRange(min=3, max=3600),
    help="For a screen on the wall: look only, no cursor, a page turned every 15 s, or as often as is said.",
)
@config_option
@click.option("--operator", "who", metavar="NAME", help="Who sits here, for the audit (default: the account).")
@click.option("--restricted", is_flag=True, help="As the forced command of an SSH login: see docs/ssh.md.")
@log_format_option
@click.option("--browser", is_flag=True, hidden=True, help="A session of `controlroom serve`.")
def console(
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
    attach: bool,  # noqa: FBT001 - flags of the command line
    sensor_id: str | None,
    ascii_glyphs: bool | None,  # noqa: FBT001
    read_only: bool,  # noqa: FBT001
    wall: float | None,
    config_file: Path | None,
    who: str | None,
    restricted: bool,  # noqa: FBT001
    browser: bool,  # noqa: FBT001
    log_format: str | None,
) -> None:
    """Open the control room.

    Alone it brings up a local plant of real Kafka brokers and a real PostgreSQL, 15 simulated sensors and a detection
    worker, and stops what it started when it ends. With --brokers and --dsn it attaches to a plant that runs elsewhere
    and starts nothing. Without a terminal (in a pipe, as a service) it runs the same plant and writes alarm events as
    JSON lines, until SIGTERM. With --restricted it starts nothing either, ignores its environment, and has no way to
    files or a shell.
    """
    asked = restrict() if restricted else False
    from controlroom.logs import choose_format

    settings = settings_for(directory, brokers=brokers, dsn=dsn, config_file=config_file, log_format=log_format)
    if attach or (restricted and settings.brokers is None):
        connections = resolve(brokers, dsn, directory, config_file=config_file)
        settings = settings_for(
            directory,
            brokers=connections.brokers,
            dsn=connections.dsn,
            config_file=config_file,
            log_format=log_format,
        )
    choose_format(settings.log_format)
    if (settings.brokers is None) != (settings.dsn is None):
        half, missing = ("brokers", "--dsn") if settings.brokers else ("a database", "--brokers")
        raise ConfigError(f"{half} given, but no {missing}", hint="give both, or neither for a local plant")
    if browser or (sys.stdin.isatty() and sys.stdout.isatty()):
        given: dict[str, object] = {
            "sensor_id": sensor_id,
            "read_only": read_only,
            "wall": wall,
            "operator": who,
            # Whoever sits at a browser must not write files on the server, or stop its brokers.
            "restricted": restricted or browser,
            "browser": browser,
            **({} if ascii_glyphs is None else {"ascii": ascii_glyphs}),
        }
        open_screen(settings, given, "the command that was asked for is ignored" if asked else "")
    elif restricted:
        raise TerminalError("a terminal is needed", hint="log in with `ssh -t`")
    else:
        _without_screen(settings)


def open_screen(settings: Settings, given: dict[str, object], notice: str = "") -> None:
    """The control room on this terminal, with these options; it returns when the operator has quit."""
    from controlroom import ui
    from controlroom.logs import log_to_file
    from controlroom.services import Services, operator

    if not given["browser"]:
        ui.check_terminal()
    given = {**ui.from_settings(settings.ui), **given}
    given["operator"] = who = given["operator"] or operator()
    try:
        log_to_file(settings.dir / "logs" / "console.log")
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}", hint="choose another directory with --dir") from None
    stopping = _signalled()
    with ExitStack() as stack:
        brokers, dsn, own = stack.enter_context(_endpoints(settings, stopping))
        services = Services(brokers, dsn, settings, own_plant=own, who=str(who))
        if notice:
            services.state.notify(notice, datetime.now(UTC), "warning")
        stack.enter_context(_running(services))
        banner = "local plant" if own else f"plant at {brokers}"
        options = ui.options_for(
            os.environ,
            banner=banner,
            stopping=stopping.is_set,
            alarms=services.alarms,
            learning=services.learning,
            history=services.history,
            shift=services.shift,
            trends=services.trends,
            drills=None if given["restricted"] else _drills(settings, brokers, services.state),
            **given,
        )
        with _ending_without_the_terminal(stopping, stack):
            status = ui.run(services.state, services.orders, options)
    if status:
        raise ControlroomError("the screen has ended with an error", hint="what is above tells more")
    if services.failed is not None:
        raise services.failed


def _drills(settings: Settings, brokers: str, state: PlantState) -> BrokerDrills | None:
    """Drills on the brokers that are shown, if they are the local plant's."""
    from controlroom.local import LocalPlant, locate
    from controlroom.local.drills import LocalDrills

    endpoints = locate(settings.dir)
    if endpoints is None or endpoints.brokers != brokers:
        return None
    return LocalDrills(LocalPlant(settings.dir), state)


@contextmanager
def _ending_without_the_terminal(stopping: threading.Event, stack: ExitStack) -> Iterator[None]:
    """A signal ends the process in good order although its terminal takes nothing any more (Ctrl-S, a dead link).

    The screen's loop then hangs in a write for ever, so another thread stops what was started and ends the process.
    """
    closed = threading.Event()

    def guard() -> None:
        stopping.wait()
        if not closed.wait(GRACE_S):
            stack.pop_all().close()
            os._exit(0)

    threading.Thread(target=guard, name="guard", daemon=True).start()
    try:
        yield
    finally:
        closed.set()


def _without_screen(settings: Settings) -> None:
    from controlroom import headless
    from controlroom.logs import log_to_stderr, say
    from controlroom.services import Services

    stopping = _signalled()  # before the line that promises it
    line = "no terminal here: alarm events follow as JSON lines, until SIGTERM"
    say(line, text=f"controlroom: {line}")
    log_to_stderr(verbose=False, log_format=settings.log_format)
    with _endpoints(settings, stopping) as (brokers, dsn, own), headless.writing(sys.stdout.buffer) as announce:
        services = Services(brokers, dsn, settings, own_plant=own, on_events=announce)
        with _running(services):
            headless.wait(stopping, services)
    if services.failed is not None:
        raise services.failed


@contextmanager
def _endpoints(settings: Settings, cancel: threading.Event) -> Iterator[tuple[str, str, bool]]:
    """(brokers, DSN, whether the plant is our own): what was given, or a local plant for as long as this lasts."""
    if settings.brokers is not None and settings.dsn is not None:
        yield settings.brokers, settings.dsn.get_secret_value(), False
        return

    from controlroom.cli.bring_up import bring_up
    from controlroom.cli.narrate import Narrator
    from controlroom.local import LocalPlant

    narrator = Narrator()

    def tell(step: Step) -> None:
        # After a signal nobody may be there to read it, and a write to a stalled terminal waits for ever.
        if not cancel.is_set():
            narrator(step)

    plant = LocalPlant(settings.dir)
    endpoints = bring_up(plant, settings, tell, cancel=cancel, settle=False)
    try:
        yield endpoints.brokers, endpoints.dsn, True
    finally:
        if plant.started:
            plant.stop(tell, only=plant.started)


@contextmanager
def _running(services: Services) -> Iterator[None]:
    services.start()
    try:
        yield
    finally:
        services.stop()


def _signalled() -> threading.Event:
    """Set by SIGTERM, SIGINT and SIGHUP: first it calls a start off, later it ends the screen."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
