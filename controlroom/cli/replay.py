"""`controlroom replay`: a file of measured values becomes readings."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import brokers_option, dir_option, hush_clients, resolve_brokers
from controlroom.cli.simulator_errors import translated
from controlroom.errors import InputError

if TYPE_CHECKING:
    from controlroom.config import Settings
    from controlroom.wire import SensorSpec
    from simulator.csv_input import CsvFile, Summary
    from simulator.replay import Replayer

_TELL_EVERY_S = 0.5
_INTERRUPTED = 130


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
@click.option("--sensor-id", required=True, help="The sensor that the readings are of.")
@click.option("--sensor-type", required=True, help="temperature, vibration, ..., or any other with --unit.")
@click.option("--unit", help="Unit of the values [the type's].")
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
@click.option("--column", help="Column of the values [value, or the only one beside timestamp].")
@click.option("--limit", type=click.IntRange(min=1), help="No more than so many rows.")
@click.option(
    "--shift-to-now", is_flag=True, help="Move all times: with --speed max the last row is now, else the first."
)
@click.option(
    "--order",
    type=click.Choice(["time", "as-is"]),
    default="time",
    help="Send rows in the order of time, or as the file has them, as a live log may be in disorder [time].",
)
@click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    help="The decimal sign of the numbers [as they tell it; where they do not, this is asked for].",
)
@click.option("--skip-bad", is_flag=True, help="Count bad rows and go on, instead of sending nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what is amiss.")
def replay(
    file: Path,
    brokers: str | None,
    directory: Path | None,
    *,
    sensor_id: str,
    sensor_type: str,
    unit: str | None,
    warning: float | None,
    critical: float | None,
    factory_section: str,
    machine_id: str,
    zone: str,
    speed: float | None,
    column: str | None,
    limit: int | None,
    shift_to_now: bool,
    order: str,
    decimal: str | None,
    skip_bad: bool,
    quiet: bool,
) -> None:
    """Publish FILE, CSV with the columns timestamp and value, as readings of one sensor.

    Timestamps are ISO 8601 (UTC where they name no zone), or seconds, milli-, micro- or nanoseconds since 1970. It
    ends with success when the brokers have acknowledged every reading. The whole file is checked before the first one
    is sent.
    """
    from simulator.csv_input import DECIMAL_SIGNS, CsvFile

    hush_clients()
    location = {"factory_section": factory_section, "machine_id": machine_id, "zone": zone}
    spec = _spec(
        sensor_id=sensor_id,
        sensor_type=sensor_type,
        unit=unit,
        warning=warning,
        critical=critical,
        location={name: text for name, text in location.items() if text},
    )
    with translated():
        source = CsvFile(
            file, column, limit, skip_bad, as_is=order == "as-is", decimal=DECIMAL_SIGNS.get(decimal or "")
        )
        summary = source.check()
        if summary.back and not quiet:
            what = "are sent as they are" if source.as_is else "are sent in the order of time"
            rows = "1 row goes" if summary.back == 1 else f"{summary.back} rows go"
            _say(f"{rows} back in time: the rows {what}")
        shift = timedelta()
        if shift_to_now and summary.first is not None and summary.latest is not None:
            shift = datetime.now(UTC) - (summary.latest if speed is None else summary.first)
        addresses, settings = resolve_brokers(brokers, directory)
        asyncio.run(_publish(addresses, settings, spec, source, summary, speed, shift, quiet=quiet))
    if not quiet:
        skipped = f", {summary.bad} bad rows were skipped" if summary.bad else ""
        _say(f"{summary.rows} readings of {sensor_id} are on {settings.topics.data}{skipped}")


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
    spec: SensorSpec,
    source: CsvFile,
    summary: Summary,
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
    replayer = Replayer(publisher, topic, spec, speed=speed, shift=shift)
    progress = asyncio.create_task(_progress(replayer, summary.rows)) if sys.stderr.isatty() and not quiet else None
    complete = False
    try:
        complete = await replayer.run(source.rows(), stop)
    finally:
        if progress is not None:
            progress.cancel()
        if not complete:
            _say(f"{replayer.sent} of {summary.rows} readings were sent")
        await publisher.stop()
    if not complete:
        raise click.exceptions.Exit(_INTERRUPTED)


async def _progress(replayer: Replayer, total: int) -> None:
    """One line that changes, on a terminal."""
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        click.echo(f"\r\x1b[K{replayer.sent} of {total} readings sent", nl=False, err=True)


def _say(line: str) -> None:
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(f"{clear}replay: {line}", err=True)
