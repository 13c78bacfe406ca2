"""`controlroom sensors`: simulated sensors commanded from a shell, each order waited for."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controlroom.cli.sensor_faults import clear, inject
from controlroom.cli.sensor_text import HEAD, essence, row, told
from controlroom.cli.simulated import common_options, give, matching, with_simulated
from controlroom.core.json_line import json_line
from controlroom.errors import ActionRefused

if TYPE_CHECKING:
    from controlroom.adapters.kafka.simulated_sensors import SimulatedSensors

_GONE = frozenset({"removed"})


@click.group()
def sensors() -> None:
    """Command simulated sensors. Each order waits until the simulator that has the sensor has answered.

    SENSOR is an id or a pattern (* and ?). An order that is refused ends with exit status 8 and the simulator's reason;
    3 when no simulator answers: then the order stands, and is obeyed by whichever runs next.
    """


sensors.add_command(inject)
sensors.add_command(clear)


@sensors.command("list")
@common_options
@click.argument("pattern", default="*")
@click.option("--all", "everything", is_flag=True, help="Also removed ones.")
@click.option("--faulty", "faulty", is_flag=True, help="Only those with a fault.")
def list_(
    directory: Path | None, brokers: str | None, pattern: str, *, everything: bool, faulty: bool, as_json: bool
) -> None:
    """List simulated sensors: what each is, who runs it, which faults act on it or are to come."""

    async def work(simulated: SimulatedSensors) -> None:
        chosen = [
            status
            for name, status in sorted(simulated.statuses.items())
            if fnmatchcase(name, pattern)
            and (everything or status.state not in _GONE)
            and (status.faults or not faulty)
        ]
        if as_json:
            for status in chosen:
                click.echo(json_line(status))
            return
        click.echo(HEAD)
        for status in chosen:
            click.echo(row(status))

    with_simulated(directory, brokers, work)


@sensors.command()
@common_options
@click.argument("sensor")
@click.option("--type", "sensor_type", required=True, help="temperature, vibration, energy, humidity or pressure.")
@click.option("--interval", type=click.FloatRange(0.01, 86_400), metavar="SECONDS", help="Between readings.")
@click.option("--factory-section", default="production", show_default=True)
@click.option("--machine-id", default="machine-001", show_default=True)
@click.option("--zone", default="zone-a", show_default=True)
@click.option("--unit", help="Unit of the values [the type's].")
@click.option("--base", type=float, help="The value around which it stays [the type's].")
@click.option("--warning", type=float, help="Warning limit [the type's].")
@click.option("--critical", type=float, help="Critical limit [the type's].")
@click.option("--paused", is_flag=True, help="It sends nothing until it is resumed.")
def spawn(
    directory: Path | None,
    brokers: str | None,
    sensor: str,
    sensor_type: str,
    *,
    as_json: bool,
    **fields: Any,  # noqa: ANN401 - the options above
) -> None:
    """Make a simulated sensor."""
    from controlroom.adapters.kafka.simulated_sensors import Order, changed
    from controlroom.wire import Location, SensorSpec

    paused = fields.pop("paused")
    place = Location(fields.pop("factory_section"), fields.pop("machine_id"), fields.pop("zone"))
    spec = changed(SensorSpec(sensor_id=sensor, sensor_type=sensor_type, location=place, **fields))

    async def work(simulated: SimulatedSensors) -> None:
        if sensor in simulated.commands:
            raise ActionRefused(f"there is a sensor {sensor!r}", hint="remove it first, or `rerate` it")
        await give(simulated, [Order(sensor, simulated.command(spec, paused=paused))], "spawned", as_json=as_json)

    with_simulated(directory, brokers, work)


def _change(
    directory: Path | None,
    brokers: str | None,
    names: Sequence[str],
    done: str,
    *,
    as_json: bool,
    paused: bool | None = None,
    interval: float | None = None,
) -> None:
    from controlroom.adapters.kafka.simulated_sensors import Order, changed

    async def work(simulated: SimulatedSensors) -> None:
        orders = []
        for name in matching(simulated, names):
            was = simulated.commands[name]
            spec = was.spec if interval is None else changed(was.spec, interval=interval)
            orders.append(Order(name, simulated.command(spec, was, paused=paused)))
        await give(simulated, orders, done, as_json=as_json)

    with_simulated(directory, brokers, work)


@sensors.command()
@common_options
@click.argument("names", nargs=-1, required=True, metavar="SENSOR...")
def pause(directory: Path | None, brokers: str | None, names: tuple[str, ...], *, as_json: bool) -> None:
    """Stop readings until they are resumed."""
    _change(directory, brokers, names, "paused", as_json=as_json, paused=True)


@sensors.command()
@common_options
@click.argument("names", nargs=-1, required=True, metavar="SENSOR...")
def resume(directory: Path | None, brokers: str | None, names: tuple[str, ...], *, as_json: bool) -> None:
    """Let paused sensors go on."""
    _change(directory, brokers, names, "resumed", as_json=as_json, paused=False)


@sensors.command()
@common_options
@click.argument("names", nargs=-1, required=True, metavar="SENSOR...")
@click.option("--every", "interval", type=click.FloatRange(0.01, 86_400), required=True, metavar="SECONDS")
def rerate(
    directory: Path | None, brokers: str | None, names: tuple[str, ...], *, interval: float, as_json: bool
) -> None:
    """Change the time between readings."""
    _change(directory, brokers, names, f"a reading every {interval:g} s", as_json=as_json, interval=interval)


@sensors.command()
@common_options
@click.argument("names", nargs=-1, required=True, metavar="SENSOR...")
def remove(directory: Path | None, brokers: str | None, names: tuple[str, ...], *, as_json: bool) -> None:
    """Take sensors away. What was recorded of them stays."""
    from controlroom.adapters.kafka.simulated_sensors import Order

    async def work(simulated: SimulatedSensors) -> None:
        orders = [Order(name, None) for name in matching(simulated, names)]
        await give(simulated, orders, "removed", as_json=as_json)

    with_simulated(directory, brokers, work)


@sensors.command()
@common_options
@click.argument("pattern", default="*")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="End after N changes.")
def watch(directory: Path | None, brokers: str | None, pattern: str, *, limit: int | None, as_json: bool) -> None:
    """Follow what simulated sensors are, a line for each change, until Ctrl-C."""

    async def work(simulated: SimulatedSensors) -> None:
        shown = {name: essence(status) for name, status in simulated.statuses.items()}
        click.echo(f"controlroom: watching {len(shown)} sensors", err=True)
        seen = 0
        async for status in simulated.watch():
            now = essence(status)
            if not fnmatchcase(status.sensor_id, pattern) or shown.get(status.sensor_id) == now:
                continue
            shown[status.sensor_id] = now
            click.echo(json_line(status) if as_json else told(status))
            seen += 1
            if seen == limit:
                return

    with_simulated(directory, brokers, work)
