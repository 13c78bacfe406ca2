"""`controlroom replay`: a table of measured values becomes readings."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import brokers_option, dir_option, hush_clients, resolve_brokers
from controlroom.cli.simulator_errors import translated
from controlroom.cli.table_options import ProgressLine, table_options
from controlroom.errors import InputError

if TYPE_CHECKING:
    from controlroom.config import Settings
    from controlroom.tabular import Form, Selection, Table
    from controlroom.wire import SensorSpec
    from simulator.replay import Replayer, Row

_TELL_EVERY_S = 0.5
_INTERRUPTED = 130
#: So many of several sensors are named.
_NAMED = 5


def _speed(_ctx: click.Context, _param: click.Parameter, value: str) -> float | None:
    """A factor; None for `max`."""
    if value == "max":
        return None
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= 1e9:
        raise click.BadParameter(f"{value!r} is neither max nor a factor above 0")
    return factor


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@brokers_option
@dir_option
@click.option("--sensor-id", help="The sensor that the readings are of; of several columns, what their names follow.")
@click.option("--sensor-type", required=True, help="temperature, vibration, ..., or any other with --unit.")
@click.option("--unit", help="Unit of the values [that of a second head line, or the type's].")
@click.option("--warning", type=float, help="Warning limit, in the unit [the type's].")
@click.option("--critical", type=float, help="Critical limit, in the unit [the type's].")
@click.option("--factory-section", default="", help="Where the sensor is.")
@click.option("--machine-id", default="", help="The machine that it is on.")
@click.option("--zone", default="", help="The zone that it is in.")
@click.option(
    "--speed",
    callback=_speed,
    default="max",
    metavar="max|N",
    help="How many times faster than the timestamps say [max].",
)
@click.option(
    "--column", "columns", multiple=True, metavar="NAME", help="Column of values, more than once for several sensors "
    "[value, or each column of numbers]."
)  # fmt: skip
@table_options
@click.option("--limit", type=click.IntRange(min=1), help="No more than so many rows.")
@click.option(
    "--shift-to-now", is_flag=True, help="Move all times: with --speed max the last row is now, else the first."
)
@click.option("--skip-bad", is_flag=True, help="Count bad rows and go on, instead of sending nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what is amiss.")
def replay(
    file: Path,
    brokers: str | None,
    directory: Path | None,
    *,
    sensor_id: str | None,
    sensor_type: str,
    unit: str | None,
    warning: float | None,
    critical: float | None,
    factory_section: str,
    machine_id: str,
    zone: str,
    speed: float | None,
    columns: tuple[str, ...],
    form: Form,
    as_is: bool,
    limit: int | None,
    shift_to_now: bool,
    skip_bad: bool,
    quiet: bool,
) -> None:
    """Publish FILE, a table of times and values, as readings.

    FILE is CSV as spreadsheets and loggers write it, also through gzip, or Parquet. How it is written is found out
    from it; what it leaves open is asked for. Times without a zone are UTC. A table with a column for each of several
    sensors becomes as many sensors; an empty cell there is no reading. Nothing is sent before the whole file is
    checked. It ends with success when the brokers have acknowledged every reading.
    """
    from controlroom.tabular import Selection, Table

    hush_clients()
    progress = ProgressLine(quiet=quiet)
    table = Table.open(file, form)
    names = table.values(columns)
    selection = Selection(
        table, table.places(names), gaps=table.is_wide(), limit=limit, skip_bad=skip_bad, as_is=as_is, tell=progress
    )
    location = {"factory_section": factory_section, "machine_id": machine_id, "zone": zone}
    specs = [
        _spec(
            sensor_id=name,
            sensor_type=sensor_type,
            unit=table.layout.units.get(column) if unit is None else unit,
            warning=warning,
            critical=critical,
            location={name: text for name, text in location.items() if text},
        )
        for name, column in zip(_sensors(sensor_id, names, table, columns), names, strict=True)
    ]
    try:
        summary = selection.check()
    finally:
        progress.clear()
    if not quiet:
        for remark in (*table.remarks(), *summary.remarks(table, as_is=as_is, done="sent")):
            _say(remark)
    shift = timedelta()
    if shift_to_now and summary.first is not None and summary.latest is not None:
        shift = datetime.now(UTC) - (summary.latest if speed is None else summary.first)
    with translated():
        addresses, settings = resolve_brokers(brokers, directory)
        total = sum(summary.readings)
        asyncio.run(_publish(addresses, settings, specs, selection, total, speed, shift, quiet=quiet))
    if not quiet:
        of = specs[0].sensor_id
        if len(specs) > 1:
            more = ", ..." if len(specs) > _NAMED else ""
            of = f"{len(specs)} sensors ({', '.join(spec.sensor_id for spec in specs[:_NAMED])}{more})"
        bad = summary.bad
        skipped = (
            f", {bad.said('bad row was', 'bad rows were')} skipped {bad.where(table.source.counted)}"
            if bad.count
            else ""
        )
        _say(f"{total} readings of {of} are on {settings.topics.data}{skipped}")


def _sensors(sensor_id: str | None, names: Sequence[str], table: Table, columns: Sequence[str]) -> list[str]:
    """The sensors of the columns: the one that is named, or those of the columns' names."""
    if len(names) > 1:
        return [f"{sensor_id}-{name}" if sensor_id else name for name in names]
    if sensor_id:
        return [sensor_id]
    if columns or table.is_wide():
        return list(names)
    raise click.UsageError("name the sensor of the readings with --sensor-id")


def _spec(**fields: object) -> SensorSpec:
    """The sensor, checked as strictly as what comes from the wire."""
    import msgspec

    from controlroom.wire import SENSOR_TYPES, SensorSpec

    if fields["sensor_type"] not in SENSOR_TYPES and fields["unit"] is None:
        raise InputError(
            f"unknown sensor type {fields['sensor_type']!r}",
            hint=f"name its unit with --unit; known: {', '.join(SENSOR_TYPES)}",
        )
    try:
        return msgspec.convert(fields, SensorSpec)
    except msgspec.ValidationError as error:
        raise InputError(f"the sensor cannot be: {error}") from None


async def _publish(
    brokers: str,
    settings: Settings,
    specs: Sequence[SensorSpec],
    selection: Selection,
    total: int,
    speed: float | None,
    shift: timedelta,
    *,
    quiet: bool,
) -> None:
    """Send everything, or say how much was sent."""
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.headless import stop_on_signals
    from simulator.publisher import Publisher
    from simulator.replay import Replayer

    stop = asyncio.Event()
    stop_on_signals(asyncio.get_running_loop(), stop)
    topic = settings.topics.data
    publisher = Publisher(brokers, KafkaConnection.of(brokers, settings).options, _say)
    await publisher.start((topic,))
    replayer = Replayer(publisher, topic, specs, speed=speed, shift=shift)
    progress = asyncio.create_task(_progress(replayer, total)) if sys.stderr.isatty() and not quiet else None
    complete = False
    try:
        complete = await replayer.run(_rows(selection), stop)
    finally:
        if progress is not None:
            progress.cancel()
        if not complete:
            _say(f"{replayer.sent} of {total} readings were sent")
        await publisher.stop()
    if not complete:
        raise click.exceptions.Exit(_INTERRUPTED)


def _rows(selection: Selection) -> Iterator[Row]:
    from simulator.replay import Row

    return (Row(row.time, row.values) for row in selection.rows())


async def _progress(replayer: Replayer, total: int) -> None:
    """One line that changes, on a terminal."""
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        click.echo(f"\r\x1b[K{replayer.sent} of {total} readings sent", nl=False, err=True)


def _say(line: str) -> None:
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(f"{clear}replay: {line}", err=True)
