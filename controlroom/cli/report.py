"""`controlroom report`: the measures of the alarm system against the targets of ISA-18.2 and EEMUA 191."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import dir_option, dsn_option, resolve_dsn
from controlroom.cli.times import Instant
from controlroom.core.json_line import json_line
from controlroom.errors import InputError

if TYPE_CHECKING:
    from controlroom.core.alarms.measures import Report

DEFAULT_PERIOD = timedelta(days=1)
MAX_PERIOD = timedelta(days=3660)
MAX_WIDTH = 120


@click.command()
@dir_option
@dsn_option
@click.option("--from", "start", type=Instant(), help="Begin: 2026-03-01, '2026-03-01 06:00' (UTC), 06:00, 8h (ago), "
              "yesterday (default: a day before the end).")  # fmt: skip
@click.option("--to", "end", type=Instant(), help="End, in the same ways (default: now).")
@click.option("--operators", type=click.IntRange(min=1), help="Who share the load (default: the setting operators, 1).")
@click.option("--drills/--no-drills", default=True, show_default=True, help="Count alarms of simulated sensors.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--html", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write a page, too.")
def report(
    directory: Path | None,
    dsn: str | None,
    start: datetime | None,
    end: datetime | None,
    operators: int | None,
    html: Path | None,
    *,
    drills: bool,
    as_json: bool,
) -> None:
    """How good the alarms are: load on the operators, floods, nuisances, response times, against their targets."""
    until = end if end is not None else datetime.now(UTC)
    since = start if start is not None else until - DEFAULT_PERIOD
    if since >= until:
        raise InputError(f"the period would be from {since:%F %T} to {until:%F %T}", hint="see --from and --to")
    if until - since > MAX_PERIOD:
        raise InputError("the period is longer than ten years", hint="see --from and --to")
    address, settings = resolve_dsn(dsn, directory, operators=operators)
    found = asyncio.run(_measure(address, since, until, settings.operators, drills=drills))
    if html is not None:
        from controlroom.cli.report_html import page

        try:
            html.write_text(page(found), "utf-8")
        except OSError as error:
            raise InputError(f"{html} cannot be written ({error.strerror})") from None
    if as_json:
        click.echo(json_line(found))
        return

    from controlroom.cli.report_text import lines

    width = min(MAX_WIDTH, shutil.get_terminal_size((100, 24)).columns)
    for line in lines(found, width):
        click.echo(line)


async def _measure(dsn: str, start: datetime, end: datetime, operators: int, *, drills: bool) -> Report:
    from controlroom.adapters.postgres.alarm_query import AlarmQueries
    from controlroom.core.alarms.measures import Measurement

    measurement = Measurement(start.timestamp(), operators=operators, include_simulated=drills)
    async with AlarmQueries(dsn) as queries:
        async for record in queries.journal(start, end):
            measurement.add(record)
    return measurement.report(end.timestamp())
