"""`controlroom drill`: a rehearsal with a score."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import brokers_option, dir_option, dsn_option, hush_clients, settings_for
from controlroom.cli.simulator_errors import translated
from controlroom.core import cells
from controlroom.core.json_line import json_line
from controlroom.errors import ConfigError, DrillFailed, InputError

if TYPE_CHECKING:
    from controlroom.config import Settings
    from controlroom.drill import Outcome, Progress
    from simulator.scenario import Scenario

_MAX_WIDTH = 120
_SUFFIX = ".toml"


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--list", "listing", is_flag=True, help="List the drills that come with the program.")
@dir_option
@brokers_option
@dsn_option
@click.option("--speed", type=click.FloatRange(1, 100_000), help="Simulated seconds a second, at most [3600].")
@click.option("--seed", type=int, help="Other values and noise than the file's seed gives.")
@click.option("--keep", is_flag=True, help="Leave the drill's topics and database there, and say what they are called.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a drill.")
def drill(
    files: tuple[str, ...],
    directory: Path | None,
    brokers: str | None,
    dsn: str | None,
    *,
    listing: bool,
    speed: float | None,
    seed: int | None,
    keep: bool,
    as_json: bool,
) -> None:
    """Run drills: simulated sensors, known faults, the real pipeline; then the score.

    FILE is a TOML file, or the name of a drill that comes with the program (--list). It runs many times faster than the
    clock on topics and a database of its own, on the local plant (one is started if none runs) or on clusters that
    --brokers and --dsn name. Exit status 9 when an expectation of a file is not met.
    """
    if listing:
        _list(as_json=as_json)
        return
    if not files:
        raise click.UsageError("name a drill: a file, or one of `controlroom drill --list`")
    with translated():
        scenarios = [_scenario(name, seed) for name in files]
        hush_clients()
        with _interruptible() as cancel, _plant(directory, brokers, dsn, cancel) as (addresses, address, settings):
            outcomes = []
            for scenario in scenarios:
                outcome = _run(addresses, address, settings, scenario, speed, keep=keep)
                outcomes.append(outcome)
                _show(outcome, as_json=as_json, keep=keep)
    failed = [outcome.scenario.name for outcome in outcomes if not outcome.score.passed]
    if failed:
        raise DrillFailed(f"not as expected: {', '.join(failed)}")


def library() -> list[str]:
    """The names of the drills that come with the program."""
    entries = resources.files("controlroom").joinpath("drills").iterdir()
    return sorted(entry.name.removesuffix(_SUFFIX) for entry in entries if entry.name.endswith(_SUFFIX))


def _scenario(name: str, seed: int | None) -> Scenario:
    from dataclasses import replace

    from simulator.scenario import load_scenario

    path = Path(name)
    if path.is_file():
        found = load_scenario(path)
    elif name in library():
        with resources.as_file(resources.files("controlroom").joinpath("drills", name + _SUFFIX)) as shipped:
            found = load_scenario(shipped)
    else:
        raise InputError(f"there is no file and no drill {name!r}", hint="`controlroom drill --list` lists the drills")
    return found if seed is None else replace(found, seed=seed)


def _list(*, as_json: bool) -> None:
    names = library()
    width = cells.widest(names)
    for name in names:
        with translated():
            found = _scenario(name, None)
        if as_json:
            listed = {"name": name, "title": found.title, "about": found.about, "sensors": len(found.sensors)}
            click.echo(json_line({**listed, "faults": len(found.faults), "duration_s": found.duration}))
        else:
            click.echo(f"{cells.left(name, width)}  {found.title}")


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """SIGTERM ends a drill as Ctrl-C does: in good order, with nothing left behind."""
    cancel = threading.Event()

    def interrupt(*_: object) -> None:
        cancel.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _plant(
    directory: Path | None, brokers: str | None, dsn: str | None, cancel: threading.Event
) -> Iterator[tuple[str, str, Settings]]:
    """(brokers, DSN, settings): what was given, the local plant that runs, or one for as long as this lasts."""
    settings = settings_for(directory, brokers=brokers, dsn=dsn)
    if (settings.brokers is None) != (settings.dsn is None):
        half, missing = ("brokers", "--dsn") if settings.brokers else ("a database", "--brokers")
        raise ConfigError(f"{half} given, but no {missing}", hint="give both, or neither for a local plant")
    from controlroom.cli.narrate import Narrator
    from controlroom.local import LocalPlant, locate

    if settings.brokers is not None and settings.dsn is not None:
        yield settings.brokers, settings.dsn.get_secret_value(), settings
        return
    running = locate(settings.dir)
    if running is not None:
        yield running.brokers, running.dsn, settings
        return
    plant = LocalPlant(settings.dir)
    narrator = Narrator()
    endpoints = plant.start(narrator, cancel=cancel)
    try:
        yield endpoints.brokers, endpoints.dsn, settings
    finally:
        if plant.started:
            plant.stop(narrator, only=plant.started)


def _run(brokers: str, dsn: str, settings: Settings, scenario: Scenario, speed: float | None, *, keep: bool) -> Outcome:
    from controlroom.drill import SPEED, run_drill
    from controlroom.services import operator

    progress = _Progress(scenario.title)
    try:
        return asyncio.run(
            run_drill(
                brokers,
                dsn,
                settings,
                scenario,
                operator=operator(),
                speed=speed or SPEED,
                keep=keep,
                tell=progress,
            )
        )
    finally:
        progress.end()


class _Progress:
    """One line on stderr that changes; elsewhere than on a terminal one every tenth of the way."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = sys.stderr.isatty()
        self._tenths = -1

    def __call__(self, progress: Progress) -> None:
        part = min(1.0, progress.simulated / progress.duration)
        hours = f"{progress.simulated / 3600:.1f} of {progress.duration / 3600:.1f} h"
        line = f"{self._title}: {hours}, {progress.readings:,} readings, {progress.watched:,} watched"
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K{cells.crop(line, width)}", nl=False, err=True)
        elif int(part * 10) > self._tenths:
            self._tenths = int(part * 10)
            click.echo(line, err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            click.echo("\r\x1b[K", nl=False, err=True)


def _show(outcome: Outcome, *, as_json: bool, keep: bool) -> None:
    from controlroom.cli.drill_text import document, lines

    if as_json:
        click.echo(json_line(document(outcome, keep=keep)))
        return
    for line in lines(outcome, min(_MAX_WIDTH, shutil.get_terminal_size().columns)):
        click.echo(line)
    if keep:
        click.echo(f"kept: topics {outcome.topics.data}, {outcome.topics.alerts}, ...; database {outcome.dsn}")
