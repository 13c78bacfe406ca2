"""`controlroom alarms`: look at alarms, and act on them, from a shell."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from controlroom.cli.alarm_ack import ack_seen, check_choice, seen_on, waiting
from controlroom.cli.alarm_action_log import actions
from controlroom.cli.alarm_text import details, document, line, table, terminal_width, told
from controlroom.cli.alarm_why import picture, reasons_of
from controlroom.cli.options import brokers_option, dir_option, dsn_option, hush_clients, resolve_brokers, resolve_dsn
from controlroom.cli.report import report
from controlroom.cli.times import Duration, Instant
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import ActionRefused, InputError

if TYPE_CHECKING:
    from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
    from controlroom.core.alarms.model import Alarm

json_option = click.option("--json", "as_json", is_flag=True, help="JSON, one document a line.")


@click.group()
def alarms() -> None:
    """List alarms and act on them. An alarm is named by its sensor and its kind: temp-sensor-001 limit.

    Actions are done as the database's login allows, and audited with who, from where and when. An action that is
    refused ends with exit status 8 and says why.
    """


alarms.add_command(report)
alarms.add_command(actions)

# Looking


@alarms.command("list")
@dir_option
@dsn_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Also alarms that do not stand now.")
@click.option("--state", metavar="STATE", help="UNACK, ACKED, RTN-UNACK, SHELVED, ...")
@click.option("--sensor", metavar="PATTERN", help="Only these sensors (* and ?).")
@click.option("--kind", metavar="PATTERN", help="Only these kinds.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=1000, show_default=True)
def list_(directory: Path | None, dsn: str | None, *, as_json: bool, **filters: Any) -> None:  # noqa: ANN401
    """List the alarms that stand, the latest change first."""
    from controlroom.adapters.postgres.alarm_query import AlarmQueries

    address, _ = resolve_dsn(dsn, directory)
    if filters["state"] is not None:
        filters["state"] = _label(filters["state"])

    async def run() -> None:
        async with AlarmQueries(address) as queries:
            found = await queries.find(**filters)
            hidden = 0 if filters["everything"] or filters["state"] else await queries.suppressed()
        if len(found) == filters["limit"]:
            click.echo(f"controlroom: the first {len(found)}; --limit shows more", err=True)
        if as_json:
            for alarm in found:
                click.echo(json_line(document(alarm)))
            return
        for row in table(found, terminal_width()):
            click.echo(row)
        if hidden:
            click.echo(f"and {hidden} suppressed by design (--state by-design lists them)")

    asyncio.run(run())


@alarms.command()
@dir_option
@dsn_option
@json_option
@click.option(
    "--why", is_flag=True, help="Also why it was raised: the curve, each detector's evidence, what was before."
)
@click.argument("sensor")
@click.argument("kind")
def show(directory: Path | None, dsn: str | None, sensor: str, kind: str, *, why: bool, as_json: bool) -> None:
    """Show one alarm: its state, what to do about it, the alarms that it stands for; --why: why it was raised."""
    from controlroom.adapters.files.definitions_file import load_definitions
    from controlroom.adapters.postgres.alarm_query import AlarmQueries

    address, settings = resolve_dsn(dsn, directory)
    definitions = load_definitions(settings.alarms_file)

    async def run() -> None:
        async with AlarmQueries(address) as queries:
            alarm = await queries.meant(sensor, kind)
            if alarm is None:
                raise ActionRefused(f"there is no alarm {kind!r} of {sensor!r}")
            sensor_type = await queries.sensor_type(sensor)
            children = await queries.children(alarm.occurrence_id) if alarm.occurrence_id else []
            reasons = await reasons_of(queries, alarm, definitions, settings) if why else None
        definition = definitions.resolve(sensor, sensor_type, alarm.kind)
        guidance = {
            name: getattr(definition, name)
            for name in ("cause", "consequence", "action", "runbook", "allowed_response_s")
            if getattr(definition, name)
        }
        if as_json:
            found = {**document(alarm), "guidance": guidance, "children": [document(child) for child in children]}
            click.echo(json_line(found if reasons is None else {**found, "why": reasons}))
            return
        for name, value in (*details(alarm), *guidance.items()):
            click.echo(f"{name:<18} {sanitise(str(value))}")
        if children:
            click.echo(f"stands for {len(children)} alarms:")
            for row in table(children):
                click.echo(f"  {row}")
        for row in picture(reasons, terminal_width()) if reasons is not None else ():
            click.echo(row)

    asyncio.run(run())


@alarms.command()
@dir_option
@dsn_option
@json_option
@click.option("--sensor", metavar="PATTERN", help="Only these sensors (* and ?).")
@click.option("--kind", metavar="PATTERN", help="Only these kinds.")
@click.option("--from", "start", type=Instant(), help="Not before: 2026-03-01, '2026-03-01 06:00' (UTC), 8h (ago).")
@click.option("--to", "end", type=Instant(), help="Before.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=100, show_default=True)
def history(
    directory: Path | None,
    dsn: str | None,
    sensor: str | None,
    kind: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """What happened to alarms, the latest last."""
    from controlroom.adapters.postgres.alarm_query import AlarmQueries

    address, _ = resolve_dsn(dsn, directory)

    async def run() -> None:
        async with AlarmQueries(address) as queries:
            found = await queries.history(sensor=sensor, kind=kind, start=start, end=end, limit=limit)
        for recorded, event in reversed(found):
            if as_json:
                click.echo(json_line({"recorded_at": recorded, "event": event}))
            else:
                click.echo(told(event))

    asyncio.run(run())


@alarms.command()
@dir_option
@brokers_option
@json_option
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="End after N events.")
@click.option("--rings", is_flag=True, help="Only what is annunciated.")
def watch(directory: Path | None, brokers: str | None, limit: int | None, *, as_json: bool, rings: bool) -> None:
    """Follow what happens to alarms, until Ctrl-C."""
    import msgspec

    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.tail import tail
    from controlroom.wire import AlarmEvent

    hush_clients()
    addresses, settings = resolve_brokers(brokers, directory)

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        records = tail(
            KafkaConnection.of(addresses, settings),
            settings.topics.alerts,
            ready=lambda _: click.echo("controlroom: watching alarms", err=True),
        )
        seen = 0
        try:
            async for record in records:
                try:
                    event = msgspec.convert(record.value, AlarmEvent)
                except msgspec.ValidationError:
                    continue
                if rings and not event.annunciated:
                    continue
                click.echo(json_line(event) if as_json else told(event))
                seen += 1
                if seen == limit:
                    return
        except asyncio.CancelledError:
            return
        finally:
            await records.aclose()

    asyncio.run(run())


# Acting


def _acting(
    directory: Path | None, dsn: str | None, act: Callable[[AlarmActionStore], Awaitable[Alarm]], *, as_json: bool
) -> None:
    """Do one action and print the alarm as it is then."""

    async def work(store: AlarmActionStore, _: str) -> None:
        _tell(await act(store), as_json=as_json)

    _at_work(directory, dsn, work)


def _at_work(directory: Path | None, dsn: str | None, work: Callable[[AlarmActionStore, str], Awaitable[None]]) -> None:
    """Run `work` with a store of this login's actions and the database's address."""
    from controlroom.adapters.files.definitions_file import load_definitions
    from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
    from controlroom.services import operator

    address, settings = resolve_dsn(dsn, directory)

    async def run() -> None:
        definitions = load_definitions(settings.alarms_file)
        store = AlarmActionStore(address, definitions, who=operator(), whence=socket.gethostname(), by_any_kind=True)
        try:
            await work(store, address)
        finally:
            await store.close()

    asyncio.run(run())


def _tell(alarm: Alarm, *, as_json: bool) -> None:
    click.echo(json_line(document(alarm)) if as_json else line(alarm))


def _action(command: Callable[..., None]) -> Callable[..., None]:
    """The options and arguments that every action on one alarm has."""
    for decorate in (click.argument("kind"), click.argument("sensor"), json_option, dsn_option, dir_option):
        command = decorate(command)
    return command


@alarms.command()
@dir_option
@dsn_option
@json_option
@click.argument("sensor", required=False)
@click.argument("kind", required=False)
@click.option("--occurrence", metavar="ID", help="Only if this occurrence still stands.")
@click.option("--version", type=click.IntRange(min=0), help="Only if severity has not risen since this version.")
@click.option("--page", type=click.File(), metavar="FILE",
              help="All that FILE shows, as it was seen: lines of `alarms list --json` (- for stdin).")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All that wait for an ack now.")
@click.option("--sensor", "sensors", metavar="PATTERN", help="With --all: only these sensors (* and ?).")
@click.option("--kind", "kinds", metavar="PATTERN", help="With --all: only these kinds.")
@click.option("--severity", type=click.Choice(["warning", "critical"]), help="With --all: only those of this peak.")
@click.option("--comment", default="", metavar="TEXT", help="A note that goes with it.")
def ack(
    directory: Path | None,
    dsn: str | None,
    sensor: str | None,
    kind: str | None,
    occurrence: str | None,
    version: int | None,
    page: IO[str] | None,
    sensors: str | None,
    kinds: str | None,
    severity: str | None,
    comment: str,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """Acknowledge an alarm, as it stands or as it was seen (--occurrence and --version); a page; or all.

    What has become worse since it was seen is refused, and the others are done.
    """
    check_choice(sensor, kind, occurrence, version, page, every=everything)

    async def act(store: AlarmActionStore, dsn: str) -> None:
        if page is not None:
            await ack_seen(store, seen_on(page), comment, as_json=as_json)
        elif everything:
            seen = await waiting(dsn, sensor=sensors, kind=kinds, severity=severity)
            await ack_seen(store, seen, comment, as_json=as_json)
        elif occurrence is None or version is None:
            _tell(await store.ack_now(str(sensor), str(kind), comment), as_json=as_json)
        else:
            _tell(await store.ack(str(sensor), str(kind), occurrence, version, comment), as_json=as_json)

    _at_work(directory, dsn, act)


@alarms.command()
@click.option("--for", "seconds", type=Duration(), required=True, help="How long: 90s, 30m, 8h, 1d.")
@click.option("--reason", required=True, help="Why.")
@click.option("--one-shot", is_flag=True, help="Ends at the next return to normal, if that is earlier.")
@_action
def shelve(
    directory: Path | None,
    dsn: str | None,
    sensor: str,
    kind: str,
    seconds: float,
    reason: str,
    *,
    one_shot: bool,
    as_json: bool,
) -> None:
    """Silence an alarm for a time. It is still evaluated and logged."""
    _acting(directory, dsn, lambda s: s.shelve(sensor, kind, seconds, reason, one_shot=one_shot), as_json=as_json)


@alarms.command()
@click.option("--reason", default="", help="Why.")
@_action
def unshelve(directory: Path | None, dsn: str | None, sensor: str, kind: str, reason: str, *, as_json: bool) -> None:
    """End a shelve before its time."""
    _acting(directory, dsn, lambda s: s.unshelve(sensor, kind, reason), as_json=as_json)


@alarms.command("out-of-service")
@click.option("--reason", required=True, help="Why.")
@_action
def out_of_service(
    directory: Path | None, dsn: str | None, sensor: str, kind: str, reason: str, *, as_json: bool
) -> None:
    """Take an alarm out of service for maintenance; it has no expiry."""
    _acting(directory, dsn, lambda s: s.out_of_service(sensor, kind, reason), as_json=as_json)


@alarms.command("return")
@click.option("--reason", default="", help="What was done.")
@_action
def return_(directory: Path | None, dsn: str | None, sensor: str, kind: str, reason: str, *, as_json: bool) -> None:
    """Return an alarm to service."""
    _acting(directory, dsn, lambda s: s.return_to_service(sensor, kind, reason), as_json=as_json)


@alarms.command()
@_action
def reset(directory: Path | None, dsn: str | None, sensor: str, kind: str, *, as_json: bool) -> None:
    """Reset the latch of an alarm whose condition is back to normal."""
    _acting(directory, dsn, lambda s: s.reset(sensor, kind), as_json=as_json)


@alarms.command()
@_action
@click.argument("text")
def comment(directory: Path | None, dsn: str | None, sensor: str, kind: str, text: str, *, as_json: bool) -> None:
    """Add a note to an alarm's journal."""
    _acting(directory, dsn, lambda s: s.comment(sensor, kind, text), as_json=as_json)


@alarms.command("false")
@click.option("--reason", default="", help="What it really was.")
@_action
def false(directory: Path | None, dsn: str | None, sensor: str, kind: str, reason: str, *, as_json: bool) -> None:
    """Call an alarm's latest occurrence a false alarm."""
    _acting(directory, dsn, lambda s: s.mark_false(sensor, kind, reason), as_json=as_json)


def _label(text: str) -> str:
    """A state as it is written in any way: `by-design`, `RTN_UNACK`.

    Raises:
        InputError: there is none of that name.
    """
    from controlroom.core.alarms.model import Label

    for label in Label:
        if label.replace("_", "-") == text.upper().replace("_", "-"):
            return str(label)
    raise InputError(f"there is no state {text!r}", hint=f"one of {', '.join(Label)}")
