"""`controlroom backup` and `controlroom restore`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from controlroom.cli.options import brokers_option, dir_option, dsn_option, hush_clients, resolve_dsn
from controlroom.errors import KafkaUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlroom.adapters.postgres.backup import Watermark
    from controlroom.adapters.postgres.restore import Restored
    from controlroom.config import Settings

T = TypeVar("T")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@dsn_option
@dir_option
def backup(file: Path, dsn: str | None, directory: Path | None) -> None:
    """Write a backup of the database to FILE, while workers and control rooms go on.

    It holds all of PostgreSQL's tables as of one moment, also how far the readings' topic had been read. Kafka's topics
    are not in it: after a restore workers read on from there. Needs pg_dump of the server's version.
    """
    address, _ = resolve_dsn(dsn, directory)

    from controlroom.adapters.postgres.backup import take_backup

    with _Progress() as progress:
        done = _run(
            take_backup(
                address, file, directories=_of_the_local_plant(),
                progress=lambda size: progress("writing the backup", _bytes(size)),
            )
        )  # fmt: skip
    click.echo(
        f"{file}: {_bytes(done.size)}, schema version {done.schema}, as of {done.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    for (group, topic), marks in _by_topic(done.watermarks).items():
        offsets = ", ".join(f"{mark.partition}: {mark.next_offset}" for mark in marks)
        click.echo(f"{topic} is read by {group} up to (partition: offset) {offsets}")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Delete what the database holds, once the backup is restored.")
@brokers_option
@dsn_option
@dir_option
def restore(
    file: Path,
    replace: bool,  # noqa: FBT001 - a flag of the command line
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
) -> None:
    """Restore a backup from FILE into an empty database, or with --replace into the plant's.

    Stop all workers and control rooms first. A backup of an older version is migrated. Workers that are started
    afterwards read the topic on from where the backup was; the brokers are asked whether that is still there.
    """
    hush_clients()
    address, settings = resolve_dsn(dsn, directory)

    from controlroom.adapters.postgres.restore import restore_backup

    with _Progress() as progress:
        done = _run(
            restore_backup(address, file, replace=replace, directories=_of_the_local_plant(), progress=progress)
        )
    _tell(done)
    _tell_topics(brokers, settings, done.watermarks)


class _Progress:
    """What is being done, on stderr: on a terminal one line that changes, elsewhere a line for each step."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._step = ""
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._step:
            click.echo("\r\x1b[K", err=True, nl=False)

    def __call__(self, step: str, detail: str = "") -> None:
        """Tell the step that is under way; called again while it is."""
        if step != self._step:
            self._step, self._since = step, time.monotonic()
            if not self._live:
                click.echo(f"  {step}", err=True)
        if self._live:
            so_far = ", ".join([*([detail] if detail else []), f"{time.monotonic() - self._since:.0f} s"])
            click.echo(f"\r\x1b[K  {step} ({so_far})", err=True, nl=False)


def _tell(done: Restored) -> None:
    applied = f", migrated to {max(done.applied)}" if done.applied else ""
    click.echo(f"restored: schema version {done.schema}{applied}")
    if done.lost_acts:
        click.echo(
            f"lost: {done.lost_acts} acts of operators, notes and handovers that were made after the backup", err=True
        )
    if done.ungranted:
        click.echo(
            f"{done.ungranted} rights were not granted, as their roles are not on this server: make the roles, "
            "and restore again", err=True,
        )  # fmt: skip


def _tell_topics(brokers: str | None, settings: Settings, watermarks: Sequence[Watermark]) -> None:
    """What workers will find; the restore is done, whatever it is."""
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.watermark_check import compare
    from controlroom.local import locate

    endpoints = locate(settings.dir)
    addresses = brokers or settings.brokers or (endpoints.brokers if endpoints is not None else None)
    if not watermarks:
        click.echo("no topic had been read yet: workers begin as with a new database")
        return
    if addresses is None:
        click.echo("the topics are not compared: no brokers are named (--brokers)", err=True)
        return
    try:
        found = asyncio.run(compare(KafkaConnection.of(addresses, settings), watermarks))
    except KafkaUnreachable as error:
        click.echo(f"the topics are not compared: {error}", err=True)
        return
    for prospect in found:
        mark = prospect.watermark
        name = f"{mark.topic}/{mark.partition}"
        if prospect.problem:
            click.echo(f"{name} {prospect.problem}", err=True)
        else:
            click.echo(f"{name}: {prospect.waiting} records wait to be read, from offset {mark.next_offset} on")


def _by_topic(watermarks: Sequence[Watermark]) -> dict[tuple[str, str], list[Watermark]]:
    found: dict[tuple[str, str], list[Watermark]] = {}
    for mark in watermarks:
        found.setdefault((mark.group, mark.topic), []).append(mark)
    return found


def _of_the_local_plant() -> list[Path]:
    """Where the local plant's PostgreSQL has its programs, if it is installed."""
    from controlroom.errors import PlantError
    from controlroom.local.postgres import binaries

    try:
        return [binaries()]
    except PlantError:
        return []


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it; SIGTERM ends it as Ctrl-C does, and what it has begun is taken back."""
    import signal
    import threading

    async def until_told() -> T:
        task = asyncio.current_task()
        assert task is not None
        if threading.current_thread() is threading.main_thread():  # signals reach no other
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(until_told())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
