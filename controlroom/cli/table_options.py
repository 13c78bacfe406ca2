"""Options that say how a recorded table is written, the same for every command that reads one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from controlroom.tabular.form import (
    DECIMAL_SIGNS,
    DELIMITERS,
    UNITS,
    Form,
    delimiter_of,
    encoding_of,
    time_format_of,
    zone_of,
)

F = TypeVar("F", bound=Callable[..., Any])

_TELL_EVERY_S = 0.5


def _by(parse: Callable[[str], object]) -> Callable[[click.Context, click.Parameter, str | None], object]:
    def callback(_ctx: click.Context, _param: click.Parameter, value: str | None) -> object:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback


_OPTIONS = (
    click.option("--delimiter", metavar="CHAR", callback=_by(delimiter_of), help="What stands between the columns: a "
                 f"character, or {', '.join(name for name in DELIMITERS if name.isalpha())} [as the file shows it]."),
    click.option("--decimal", type=click.Choice(list(DECIMAL_SIGNS)), help="The decimal sign of the numbers [as they "
                 "tell it; where they do not, this is asked for]."),
    click.option("--encoding", callback=_by(encoding_of), metavar="NAME", help="How the text is encoded, as cp1252 "
                 "[UTF-8, or UTF-16 with a byte order mark]."),
    click.option("--time-format", callback=_by(time_format_of), metavar="FORMAT", help="How times are written: of "
                 f"strptime, as '%d/%m/%Y %H:%M'; or {', '.join(UNITS)} since 1970 [as the column shows it; where it "
                 "does not, this is asked for]."),
    click.option("--time-zone", callback=_by(zone_of), metavar="ZONE", help="Where times are from that do not say it, "
                 "as Europe/Berlin [UTC]."),
    click.option("--time-column", multiple=True, metavar="NAME", help="Column of the times; give it twice for a date "
                 "and a time of day [timestamp, or the one that holds times]."),
    click.option("--order", type=click.Choice(["time", "as-is"]), default="time", help="Take rows in the order of "
                 "time, or as the file has them, as a live log may be in disorder [time]."),
)  # fmt: skip


def table_options(command: F) -> F:
    """Adds the options; the command gets them as `form` and `as_is`."""

    @wraps(command)
    def with_form(
        *args: object,
        delimiter: str | None,
        decimal: str | None,
        encoding: str | None,
        time_format: str | None,
        time_zone: Any,  # noqa: ANN401 - a ZoneInfo or None, from the callback
        time_column: tuple[str, ...],
        order: str,
        **others: object,
    ) -> object:
        sign = DECIMAL_SIGNS.get(decimal or "")
        form = Form(delimiter, sign, encoding, time_format, time_zone, time_column)
        return command(*args, form=form, as_is=order == "as-is", **others)

    optioned: Any = with_form
    for option in reversed(_OPTIONS):
        optioned = option(optioned)
    return optioned  # type: ignore[no-any-return] # the command with more options


class ProgressLine:
    """One line that changes, on a terminal.

    Args:
        quiet: tell nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._live = sys.stderr.isatty() and not quiet
        self._told = 0.0

    def __call__(self, text: str) -> None:
        """Tell how far it is, now and then."""
        now = time.monotonic()
        if self._live and now - self._told >= _TELL_EVERY_S:
            self._told = now
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def clear(self) -> None:
        """Leave nothing behind."""
        if self._live and self._told:
            click.echo("\r\x1b[K", nl=False, err=True)
