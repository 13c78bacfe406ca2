"""`controlroom tour`: a guided tour of three minutes on the local plant."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from controlroom.cli.config import config_option
from controlroom.cli.options import dir_option, resolve, settings_for
from controlroom.errors import ConfigError, TerminalError


@click.command()
@dir_option
@click.option("--attach", is_flag=True, help="Use the local plant that runs already; start nothing.")
@click.option(
    "--ascii/--unicode", "ascii_glyphs", default=None, help="Draw with ASCII alone, or not (default: by the terminal)."
)
@config_option
@click.option("--operator", "who", metavar="NAME", help="Who sits here, for the audit (default: the account).")
def tour(
    directory: Path | None,
    attach: bool,  # noqa: FBT001 - flags of the command line
    ascii_glyphs: bool | None,  # noqa: FBT001
    config_file: Path | None,
    who: str | None,
) -> None:
    """Take a guided tour of three minutes on the local plant.

    It starts the plant as `controlroom` alone does, injects a fault into a simulated sensor, waits until it is
    detected, lets you acknowledge the alarm, and explains each step. `Q` leaves it at any time, and ends the fault.
    """
    from controlroom.cli.console import open_screen

    settings = settings_for(directory, config_file=config_file)
    if settings.brokers is not None or settings.dsn is not None:
        raise ConfigError(
            "the tour injects a fault, so it is for the local plant alone",
            hint="unset brokers and dsn (`controlroom config show` says where they are set)",
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError("no terminal to show the tour on")
    if attach:
        connections = resolve(None, None, directory, config_file=config_file)
        settings = settings_for(directory, brokers=connections.brokers, dsn=connections.dsn, config_file=config_file)
    given: dict[str, object] = {
        "tour": True,
        "operator": who,
        "restricted": False,
        "browser": False,
        **({} if ascii_glyphs is None else {"ascii": ascii_glyphs}),
    }
    open_screen(settings, given)
