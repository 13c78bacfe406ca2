"""`controlroom alarms actions`: what operators did about alarms and detectors, or were refused."""

from __future__ import annotations

import asyncio
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from controlroom.cli.alarm_text import terminal_width
from controlroom.cli.options import dir_option, dsn_option, resolve_dsn
from controlroom.cli.times import Instant
from controlroom.core import cells
from controlroom.core.handover import Action
from controlroom.core.instants import instant
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import InputError


@click.command()
@dir_option
@dsn_option
@click.option("--json", "as_json", is_flag=True, help="JSON, one document a line.")
@click.option("--from", "start", type=Instant(), help="Not before: 2026-03-01, '2026-03-01 06:00' (UTC), 8h (ago).")
@click.option("--to", "end", type=Instant(), help="Before.")
@click.option("--who", metavar="PATTERN", help="Only of these operators (* and ?).")
@click.option("--sensor", metavar="PATTERN", help="Only about these sensors.")
@click.option("--action", metavar="PATTERN", help="Only these: ack, shelve, markfalse, freeze, ...")
@click.option("--search", "text", metavar="TEXT", help="Only those with TEXT in a name, a reason or a comment.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=100, show_default=True)
def actions(
    directory: Path | None,
    dsn: str | None,
    start: datetime | None,
    end: datetime | None,
    *,
    as_json: bool,
    **filters: Any,  # noqa: ANN401 - click's options as they come
) -> None:
    """List what operators did, or were refused, the latest last: the audit."""
    from controlroom.adapters.postgres.handovers import Handovers
    from controlroom.services import operator

    if start and end and start > end:
        raise InputError("--from is after --to")
    address, _ = resolve_dsn(dsn, directory)

    async def run() -> None:
        async with Handovers(address, who=operator(), whence=socket.gethostname()) as store:
            found = await store.actions(start=start, end=end, **filters)
        if len(found) == filters["limit"]:
            click.echo(f"controlroom: the latest {len(found)}; --limit shows more", err=True)
        if as_json:
            for act in reversed(found):
                click.echo(json_line(act))
            return
        width = terminal_width()
        rows = [("AT", "WHO", "FROM", "ACTION", "SENSOR", "KIND", "SAID"), *(_row(act) for act in reversed(found))]
        for line in cells.table(rows):
            click.echo(line if width is None else cells.crop(line, width))

    asyncio.run(run())


def _row(act: Action) -> tuple[str, ...]:
    said = f"refused: {act.refusal}" if act.refusal else act.text
    told = (act.who, act.whence, act.action, act.sensor_id, act.kind, said)
    return instant(act.at), *(sanitise(cell, limit=120) for cell in told)
