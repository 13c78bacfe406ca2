"""`controlroom history`: what a sensor's readings came to, from the roll-ups."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import dir_option, dsn_option, resolve_dsn
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import InputError

if TYPE_CHECKING:
    from controlroom.adapters.postgres.rollup_query import Summary

_UNITS = {"m": 60, "h": 3600, "d": 86_400}
_BY = {"second": "rollup_second", "minute": "rollup_minute", "hour": "rollup_hour"}
#: Lines that a person still reads; finer buckets are asked for with --by.
_MOST = 200


@click.command()
@click.argument("sensor")
@dsn_option
@dir_option
@click.option("--last", default="24h", show_default=True, metavar="SPAN", help="How far back: 90m, 24h, 7d.")
@click.option("--until", metavar="TIME", help="The end of the span, ISO 8601 (default: now).")
@click.option("--by", type=click.Choice(list(_BY)), help="Buckets (default: the finest that are few enough to read).")
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
def history(
    sensor: str, dsn: str | None, directory: Path | None, last: str, until: str | None, by: str | None, *, as_json: bool
) -> None:
    """Show count, extremes, mean, deviation and bad readings of SENSOR by second, minute or hour.

    Seconds are there with the setting rollup_second_days.
    """
    from controlroom.adapters.postgres.rollup_query import table_for

    span = _span(last)
    end = _time(until) if until else datetime.now(UTC)
    table = _BY[by] if by else table_for(span.total_seconds(), _MOST)
    address, _ = resolve_dsn(dsn, directory)
    found = asyncio.run(_read(address, sensor, end - span, end, table))
    if as_json:
        for one in found:
            click.echo(json_line(asdict(one)))
        return
    if not found:
        click.echo(f"no readings of {sanitise(sensor)} in the {last} before {end:%Y-%m-%d %H:%M:%S}Z")
        return
    click.echo(f"{'UTC':20}{'count':>8}{'bad':>6}{'min':>12}{'mean':>12}{'max':>12}{'std dev':>12}{'last':>12}")
    for one in found:
        figures = "".join(
            f"{'-' if x is None else format(x, '.5g'):>12}"
            for x in (one.low, one.mean, one.high, one.deviation, one.last)
        )
        click.echo(f"{one.start:%Y-%m-%d %H:%M:%S} {one.count:8}{one.bad:6}{figures}")


async def _read(dsn: str, sensor: str, since: datetime, until: datetime, table: str) -> list[Summary]:
    from controlroom.adapters.postgres.rollup_query import sensor_history
    from controlroom.adapters.postgres.session import Session

    async with Session(dsn, "history") as session:
        return await sensor_history(await session.connection(), sensor, since, until, table)


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if found is None or not int(found[1]):
        raise InputError(f"--last {text}: not a span of time", hint="say 90m, 24h or 7d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--until {text}: not a time", hint="say 2026-03-01T12:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
