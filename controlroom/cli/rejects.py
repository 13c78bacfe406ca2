"""`controlroom rejects`: records that could not be accepted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import brokers_option, dir_option, dsn_option, hush_clients, resolve, resolve_dsn
from controlroom.core import cells
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import InputError

if TYPE_CHECKING:
    from controlroom.adapters.rejects import StoredReject, Which

SHOWN_BYTES = 2000


@click.group()
def rejects() -> None:
    """List rejected records, show one, publish them again after their cause was mended."""


@rejects.command("list")
@dsn_option
@dir_option
@click.option("--reason", help="Only of this reason.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
def list_(dsn: str | None, directory: Path | None, reason: str | None, limit: int, *, as_json: bool) -> None:
    """The newest rejects: partition, offset, time, reason, what was wrong."""
    from controlroom.adapters.rejects import Which

    url, settings = resolve_dsn(dsn, directory)
    for reject in asyncio.run(_find(url, settings.sensor_topic, Which(reason=reason, limit=limit))):
        if as_json:
            click.echo(json_line(_as_json(reject)))
        else:
            click.echo(
                f"{reject.part:>4} {reject.off:>12}  {reject.log_ts:%Y-%m-%d %H:%M:%S}  {reject.reason:<16} "
                f"{cells.left(sanitise((reject.key or b'').decode('utf-8', 'replace')), 24)} {sanitise(reject.detail)}"
                f"{'  (replayed)' if reject.replayed_at else ''}"
            )


@rejects.command()
@dsn_option
@dir_option
@click.argument("partition", type=int)
@click.argument("offset", type=int)
def show(dsn: str | None, directory: Path | None, partition: int, offset: int) -> None:
    """One reject with its bytes."""
    from controlroom.adapters.rejects import Which

    url, settings = resolve_dsn(dsn, directory)
    found = asyncio.run(_find(url, settings.sensor_topic, Which(part=partition, off=offset)))
    if not found:
        raise InputError(f"partition {partition} offset {offset} is no reject", hint="see `controlroom rejects list`")
    for name, value in _as_json(found[0]).items():
        click.echo(f"{name:<12}{sanitise(str(value)) if value is not None else '-'}")


@rejects.command()
@brokers_option
@dsn_option
@dir_option
@click.option("--reason", help="All of this reason that were not replayed before.")
@click.option("--at", nargs=2, type=int, metavar="PARTITION OFFSET", help="This one.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="At most so many.")
def replay(
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
    reason: str | None,
    at: tuple[int, int] | None,
    limit: int,
) -> None:
    """Publish rejects to the readings' topic again: they become new records of it."""
    if (reason is None) == (at is None):
        raise InputError("say which rejects", hint="either --reason or --at")

    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.postgres.session import Session
    from controlroom.adapters.rejects import Which, find_rejects, replay_rejects

    hush_clients()
    connections = resolve(brokers, dsn, directory)
    settings = connections.settings
    which = (
        Which(part=at[0], off=at[1], limit=1) if at is not None else Which(reason=reason, replayed=False, limit=limit)
    )

    async def work() -> int:
        async with Session(connections.dsn, "rejects") as session:
            connection = await session.connection()
            found = await find_rejects(connection, settings.sensor_topic, which)
            kafka = KafkaConnection.of(connections.brokers, settings)
            return await replay_rejects(kafka, connection, settings.sensor_topic, found) if found else 0

    click.echo(f"{asyncio.run(work())} published again")


async def _find(dsn: str, topic: str, which: Which) -> list[StoredReject]:
    from controlroom.adapters.postgres.session import Session
    from controlroom.adapters.rejects import find_rejects

    async with Session(dsn, "rejects") as session:
        return await find_rejects(await session.connection(), topic, which)


def _as_json(reject: StoredReject) -> dict[str, object]:
    def text(raw: bytes | None) -> str | None:
        return raw[:SHOWN_BYTES].decode("utf-8", "backslashreplace") if raw is not None else None

    return {
        "partition": reject.part,
        "offset": reject.off,
        "received": reject.log_ts.isoformat(),
        "reason": reject.reason,
        "detail": reject.detail,
        "key": text(reject.key),
        "bytes": reject.size,
        "sha256": reject.sha256.hex(),
        "replayed_at": reject.replayed_at.isoformat() if reject.replayed_at else None,
        "raw": text(reject.raw),
    }
