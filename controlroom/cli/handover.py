"""`controlroom handover`: the log of the shift, its report, and who takes over."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.alarm_text import terminal_width
from controlroom.cli.handover_text import html, markdown, text
from controlroom.cli.options import dir_option, dsn_option, resolve_dsn
from controlroom.cli.times import Instant
from controlroom.core import cells
from controlroom.core.handover import LONGEST_NOTE
from controlroom.core.handover_sections import signature_of
from controlroom.core.instants import instant
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import ActionRefused, InputError

if TYPE_CHECKING:
    from controlroom.adapters.postgres.handovers import Handovers
    from controlroom.core.handover import Given, Handover

format_option = click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "html", "json"]), default="text", show_default=True
)
output_option = click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it to FILE."
)


@click.group()
def handover() -> None:
    """Hand a shift over: notes, what stands, what is shelved and until when, what was marked as false.

    A shift begins where the last one ended. `give` ends it and keeps its report; whoever takes over signs it.
    """


def _at_work(directory: Path | None, dsn: str | None, work: Callable[[Handovers], Awaitable[None]]) -> None:
    from controlroom.adapters.postgres.handovers import Handovers
    from controlroom.services import operator

    address, _ = resolve_dsn(dsn, directory)

    async def run() -> None:
        async with Handovers(address, who=operator(), whence=socket.gethostname()) as store:
            await work(store)

    asyncio.run(run())


@handover.command()
@dir_option
@dsn_option
@format_option
@output_option
@click.option("--from", "start", type=Instant(), help="From 2026-03-01, '2026-03-01 06:00' (UTC), 8h (ago).")
@click.option("--to", "end", type=Instant(), help="Until.")
@click.argument("number", type=click.IntRange(min=1), required=False)
def show(
    directory: Path | None,
    dsn: str | None,
    form: str,
    output: Path | None,
    start: datetime | None,
    end: datetime | None,
    number: int | None,
) -> None:
    """Show the report of the running shift, of a period, or of handover NUMBER as it was given.

    What stands and what is shelved is always as of now, but for a handover that was given.
    """
    if number is not None and (start or end):
        raise InputError("a handover has its period: --from and --to go without NUMBER")
    if start and end and start > end:
        raise InputError("--from is after --to")

    async def work(store: Handovers) -> None:
        if number is None:
            report = await store.running(start.timestamp() if start else None, end.timestamp() if end else None)
            _write(report, None, form, output)
            return
        given = await store.given(number)
        if given is None:
            raise ActionRefused(f"there is no handover {number}", hint="`controlroom handover list` names them")
        _write(given.report, given, form, output)

    _at_work(directory, dsn, work)


@handover.command()
@dir_option
@dsn_option
@click.argument("text")
def note(directory: Path | None, dsn: str | None, text: str) -> None:
    """Write TEXT into the log of the shift."""
    _check_text(text)

    async def work(store: Handovers) -> None:
        await store.note(text)

    _at_work(directory, dsn, work)


@handover.command()
@dir_option
@dsn_option
@format_option
@output_option
@click.option("--note", "said", metavar="TEXT", help="A last note.")
def give(directory: Path | None, dsn: str | None, form: str, output: Path | None, said: str | None) -> None:
    """End the shift: keep its report, and begin the next shift."""
    if said is not None:
        _check_text(said)

    async def work(store: Handovers) -> None:
        if said is not None:
            await store.note(said)
        given = await store.give()
        _write(given.report, given, form, output)
        click.echo(f"controlroom: whoever takes over signs it: controlroom handover sign {given.number}", err=True)

    _at_work(directory, dsn, work)


@handover.command()
@dir_option
@dsn_option
@click.option("--remark", default="", metavar="TEXT", help="What is said with it.")
@click.argument("number", type=click.IntRange(min=1), required=False)
def sign(directory: Path | None, dsn: str | None, remark: str, number: int | None) -> None:
    """Take over: sign handover NUMBER, or the newest that nobody has signed."""

    async def work(store: Handovers) -> None:
        wanted = number
        if wanted is None:
            waiting = await store.unsigned()
            if waiting is None:
                raise ActionRefused("no handover waits for a signature", hint="`controlroom handover give` makes one")
            wanted = waiting.number
        given = await store.sign(wanted, remark)
        click.echo(sanitise(signature_of(given)))
        if given.signed is not None and given.signed.who == given.who:
            click.echo("controlroom: the same name has given and signed it", err=True)

    _at_work(directory, dsn, work)


@handover.command("list")
@dir_option
@dsn_option
@click.option("--json", "as_json", is_flag=True, help="JSON, one document a line.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
def list_(directory: Path | None, dsn: str | None, limit: int, *, as_json: bool) -> None:
    """List the handovers, the newest first."""

    async def work(store: Handovers) -> None:
        found = await store.newest(limit)
        if as_json:
            for given in found:
                click.echo(json_line(given))
            return
        rows = [("NUMBER", "FROM", "TO", "GIVEN BY", "SIGNED BY", "RANG", "STAND", "WAIT"), *map(_row, found)]
        for line in cells.table(rows):
            click.echo(line)

    _at_work(directory, dsn, work)


def _row(given: Given) -> tuple[str, ...]:
    report = given.report
    signed = sanitise(given.signed.who, limit=40) if given.signed is not None else "-"
    return (
        str(given.number), instant(report.since), instant(report.until), sanitise(given.who, limit=40), signed,
        str(report.rings), str(len(report.standing) + report.more_standing), str(report.waiting),
    )  # fmt: skip


def _check_text(text: str) -> None:
    if not text.strip():
        raise InputError("the note is empty")
    if len(text) > LONGEST_NOTE:
        raise InputError(f"the note has {len(text)} characters; {LONGEST_NOTE} are the most")


def _write(report: Handover, given: Given | None, form: str, output: Path | None) -> None:
    if form == "json":
        told = json_line(given if given is not None else report) + "\n"
    elif form == "markdown":
        told = markdown(report, given)
    elif form == "html":
        told = html(report, given)
    else:
        told = "\n".join(text(report, given, terminal_width() if output is None else None)) + "\n"
    if output is None:
        sys.stdout.write(told)
        return
    try:
        output.write_text(told, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}") from None
