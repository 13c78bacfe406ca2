"""`controlroom learning`: what operators tell the detectors of a sensor."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controlroom.cli.options import dir_option, dsn_option, resolve_dsn
from controlroom.cli.times import Duration
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import InputError, Stalled

if TYPE_CHECKING:
    from controlroom.adapters.postgres.learning import Ordered

_LOOK_S = 0.2


@click.group()
def learning() -> None:
    """Tell the detectors of a sensor when to learn, and what is normal.

    An order is audited with who, from where and when; the worker that watches the sensor carries it out within a
    second, or when there is one again. Alarms are raised all the same while nothing is learned.
    `controlroom alarms false SENSOR KIND` marks an alarm as false, and its detector's limit rises beyond it.
    """


def _ordering(command: Callable[..., None]) -> Callable[..., None]:
    """The options and arguments that every order has."""
    wait = click.option("--wait", type=click.FloatRange(min=0.1), metavar="SECONDS",
                        help="Wait until a worker has carried it out; exit status 7 when none did.")  # fmt: skip
    group = click.option("--group", help="Consumer group of those workers [controlroom-detect].")
    sensors = click.argument("sensors", nargs=-1, required=True, metavar="SENSOR...")
    for decorate in (sensors, group, wait, dsn_option, dir_option):
        command = decorate(command)
    return command


reason_option = click.option("--reason", default="", help="Why; it goes to the audit.")


@learning.command()
@reason_option
@_ordering
def freeze(**options: Any) -> None:  # noqa: ANN401 - click's options as they come
    """Stop learning until it is thawed: what is usual stays what it is now."""
    _order("FREEZE", "learning is frozen", **options)


@learning.command()
@reason_option
@_ordering
def thaw(**options: Any) -> None:  # noqa: ANN401
    """Go on learning; a maintenance window that is open ends."""
    _order("THAW", "learning goes on", **options)


@learning.command()
@click.option("--reason", required=True, help="Why; it goes to the audit.")
@_ordering
def reset(**options: Any) -> None:  # noqa: ANN401
    """Forget all that was learned: for a sensor that was replaced. Its alarms return to normal."""
    _order("RESET", "all is forgotten and learned anew", **options)


@learning.command()
@reason_option
@_ordering
def accept(**options: Any) -> None:  # noqa: ANN401
    """What is held is the new normal: a level that stays. The sensor's own limits stay as they are."""
    _order("ACCEPT", "what is held is normal from now on", **options)


@learning.command()
@click.option("--for", "seconds", type=Duration(), help="How long: 30m, 8h, 1d.")
@click.option("--from", "start", metavar="TIME", help="When it begins, ISO 8601, UTC where it names no zone [now].")
@click.option("--until", "end", metavar="TIME", help="When it ends, in place of --for.")
@click.option("--reason", required=True, help="Why; it goes to the audit.")
@_ordering
def maintenance(*, seconds: float | None, start: str | None, end: str | None, **options: Any) -> None:  # noqa: ANN401
    """A window in which nothing is learned, now or ahead: by the brokers' time, not the sensor's."""
    begins = time.time() if start is None else _moment(start)
    if (seconds is None) == (end is None):
        raise InputError("how long is the window?", hint="give --for or --until")
    ends = begins + seconds if seconds is not None else _moment(end or "")
    if ends <= begins:
        raise InputError("the window ends before it begins")
    said = f"nothing is learned from {_clock(begins)} until {_clock(ends)}"
    _order("MAINTENANCE", said, start=begins, end=ends, **options)


@learning.command("list")
@dir_option
@dsn_option
@click.option("--group", help="Consumer group of the workers [controlroom-detect].")
@click.option("--sensor", metavar="PATTERN", help="Only these sensors (* and ?).")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON, one document a line.")
def list_(
    directory: Path | None, dsn: str | None, group: str | None, sensor: str | None, limit: int, *, as_json: bool
) -> None:
    """List orders, the latest first, and whether they were carried out."""
    from controlroom.adapters.postgres.learning import LearningStore

    address, settings = resolve_dsn(dsn, directory, group=group)

    async def run() -> list[Ordered]:
        async with LearningStore(address, who="", whence="") as store:
            return await store.list(settings.group, sensor, limit)

    for order in asyncio.run(run()):
        click.echo(json_line(_document(order)) if as_json else _line(order))


def _order(
    action: str,
    said: str,
    *,
    directory: Path | None,
    dsn: str | None,
    group: str | None,
    wait: float | None,
    sensors: tuple[str, ...],
    reason: str,
    start: float | None = None,
    end: float | None = None,
) -> None:
    from controlroom.adapters.postgres.learning import LearningStore
    from controlroom.core.learning import LearningAction
    from controlroom.services import operator

    address, settings = resolve_dsn(dsn, directory, group=group)

    async def run() -> None:
        async with LearningStore(address, who=operator(), whence=socket.gethostname()) as store:
            orders = await store.order(
                list(dict.fromkeys(sensors)), LearningAction[action], reason=reason, start=start, end=end
            )
            deadline = time.monotonic() + (wait or 0.0)
            while wait is not None and await store.applied(settings.group, orders) < len(orders):
                if time.monotonic() > deadline:
                    raise Stalled(
                        f"ordered, but no worker of group {settings.group} carried it out in {wait:g} s",
                        hint="it is done when one runs that watches the sensor; `controlroom learning list` tells",
                    )
                await asyncio.sleep(_LOOK_S)

    asyncio.run(run())
    tense = "" if wait is not None else "ordered: "
    for sensor in dict.fromkeys(sensors):
        click.echo(f"{sanitise(sensor)}: {tense}{said}")


def _line(order: Ordered) -> str:
    from controlroom.core.learning import WORDS

    done = f"done before offset {order.off}" if order.off is not None else "waits for a worker"
    text = str(order.request.get("reason", ""))
    if order.action == "MaintenanceWindow":
        text = f"{_clock(order.request['start'])} to {_clock(order.request['end'])} {text}"
    if order.kind:
        text = f"{order.kind} {text}"
    return (
        f"{order.at:%Y-%m-%d %H:%M:%S}  {sanitise(order.who):10} {sanitise(order.sensor_id):22} "
        f"{WORDS[order.action]:12} {done:24} {sanitise(text)}"
    ).rstrip()


def _document(order: Ordered) -> dict[str, Any]:
    from controlroom.core.learning import WORDS

    return {
        "id": order.id, "at": order.at, "who": order.who, "sensor_id": order.sensor_id, "action": WORDS[order.action],
        "kind": order.kind, "request": order.request, "applied_at": order.applied_at, "partition": order.part,
        "offset": order.off,
    }  # fmt: skip


def _moment(text: str) -> float:
    from controlroom.tabular import Undecided, parse_time

    try:
        return parse_time(text).timestamp()
    except Undecided as error:
        raise InputError(error.message, hint="as 2026-05-01T06:00:00Z") from None
    except ValueError as error:
        raise InputError(str(error), hint="as 2026-05-01T06:00:00Z") from None


def _clock(t: float) -> str:
    return f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d %H:%M:%S} UTC"
