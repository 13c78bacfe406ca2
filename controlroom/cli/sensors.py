"""`controlroom sensors`: simulated sensors commanded from a shell, each order waited for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from controlroom.cli.options import brokers_option, dir_option, hush_clients, resolve_brokers
from controlroom.cli.sensor_text import HEAD, essence, row, told
from controlroom.cli.times import Duration
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import ActionRefused, InputError

if TYPE_CHECKING:
    from controlroom.adapters.kafka.simulated_sensors import Order, SimulatedSensors
    from controlroom.wire import FaultSpec, SensorSpec

json_option = click.option("--json", "as_json", is_flag=True, help="JSON, one document a line.")
_GONE = frozenset({"removed"})
#: A plant whose time lags the clock by more runs in a past of its own.
_OWN_PAST = timedelta(hours=1)


def _common(command: Callable[..., None]) -> Callable[..., None]:
    for decorate in (json_option, brokers_option, dir_option):
        command = decorate(command)
    return command


@click.group()
def sensors() -> None:
    """Command simulated sensors. Each order waits until the simulator that has the sensor has answered.

    SENSOR is an id or a pattern (* and ?). An order that is refused ends with exit status 8 and the simulator's reason;
    3 when no simulator answers: then the order stands, and is obeyed by whichever runs next.
    """


def _with_simulated(
    directory: Path | None, brokers: str | None, work: Callable[[SimulatedSensors], Awaitable[None]]
) -> None:
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.simulated_sensors import SimulatedSensors
    from controlroom.services import operator

    hush_clients()
    addresses, settings = resolve_brokers(brokers, directory)

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        simulated = SimulatedSensors(KafkaConnection.of(addresses, settings), settings.topics, operator())
        async with simulated:
            await work(simulated)

    try:
        asyncio.run(run())
    except asyncio.CancelledError:
        return


async def _give(simulated: SimulatedSensors, orders: Sequence[Order], done: str, *, as_json: bool) -> None:
    """Give the orders, print the answers, and fail if one was refused."""
    answers = await simulated.give(orders)
    refused = []
    for order in orders:
        status = answers[order.sensor_id]
        if status.state == "refused":
            refused.append(f"{status.sensor_id}: {status.reason}")
        if as_json:
            click.echo(json_line(status))
        elif status.state != "refused":
            click.echo(sanitise(f"{status.sensor_id}: {done}", limit=200))
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise ActionRefused(f"refused: {sanitise(refused[0], limit=400)}{more}")


def _matching(simulated: SimulatedSensors, patterns: Iterable[str]) -> list[str]:
    """The simulated sensors that the names and patterns stand for.

    Raises:
        ActionRefused: there is none for one of them.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        matched = sorted(name for name in simulated.commands if name == pattern or fnmatchcase(name, pattern))
        if not matched:
            raise ActionRefused(f"there is no simulated sensor {pattern!r}", hint="`controlroom sensors list`")
        found |= dict.fromkeys(matched)
    return list(found)


@sensors.command("list")
@_common
@click.argument("pattern", default="*")
@click.option("--all", "everything", is_flag=True, help="Also removed ones.")
@click.option("--hurt", is_flag=True, help="Only those with a fault.")
def list_(
    directory: Path | None, brokers: str | None, pattern: str, *, everything: bool, hurt: bool, as_json: bool
) -> None:
    """List simulated sensors: what each is, who runs it, which faults act on it or are to come."""

    async def work(simulated: SimulatedSensors) -> None:
        chosen = [
            status
            for name, status in sorted(simulated.statuses.items())
            if fnmatchcase(name, pattern) and (everything or status.state not in _GONE) and (status.faults or not hurt)
        ]
        if as_json:
            for status in chosen:
                click.echo(json_line(status))
            return
        click.echo(HEAD)
        for status in chosen:
            click.echo(row(status))

    _with_simulated(directory, brokers, work)


@sensors.command()
@_common
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
        await _give(simulated, [Order(sensor, simulated.command(spec, paused=paused))], "spawned", as_json=as_json)

    _with_simulated(directory, brokers, work)


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
        for name in _matching(simulated, names):
            was = simulated.commands[name]
            spec = was.spec if interval is None else changed(was.spec, interval=interval)
            orders.append(Order(name, simulated.command(spec, was, paused=paused)))
        await _give(simulated, orders, done, as_json=as_json)

    _with_simulated(directory, brokers, work)


@sensors.command()
@_common
@click.argument("names", nargs=-1, required=True, metavar="SENSOR...")
def pause(directory: Path | None, brokers: str | None, names: tuple[str, ...], *, as_json: bool) -> None:
    """Stop readings until they are resumed."""
    _change(directory, brokers, names, "paused", as_json=as_json, paused=True)


@sensors.command()
@_common
@click.argument("names", nargs=-1, required=True, metavar="SENSOR...")
def resume(directory: Path | None, brokers: str | None, names: tuple[str, ...], *, as_json: bool) -> None:
    """Let paused sensors go on."""
    _change(directory, brokers, names, "resumed", as_json=as_json, paused=False)


@sensors.command()
@_common
@click.argument("names", nargs=-1, required=True, metavar="SENSOR...")
@click.option("--every", "interval", type=click.FloatRange(0.01, 86_400), required=True, metavar="SECONDS")
def rerate(
    directory: Path | None, brokers: str | None, names: tuple[str, ...], *, interval: float, as_json: bool
) -> None:
    """Change the time between readings."""
    _change(directory, brokers, names, f"a reading every {interval:g} s", as_json=as_json, interval=interval)


@sensors.command()
@_common
@click.argument("names", nargs=-1, required=True, metavar="SENSOR...")
def remove(directory: Path | None, brokers: str | None, names: tuple[str, ...], *, as_json: bool) -> None:
    """Take sensors away. What was recorded of them stays."""
    from controlroom.adapters.kafka.simulated_sensors import Order

    async def work(simulated: SimulatedSensors) -> None:
        orders = [Order(name, None) for name in _matching(simulated, names)]
        await _give(simulated, orders, "removed", as_json=as_json)

    _with_simulated(directory, brokers, work)


def _list_faults(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value or ctx.resilient_parsing:
        return
    from simulator.faults import COMPOSED, FAULTS

    for kind in (*FAULTS.values(), *COMPOSED.values()):
        measure = f"{kind.magnitude:g} ({kind.measure}; {kind.lowest:g} to {kind.highest:g})" if kind.measure else "-"
        length = f"{kind.duration:g} {'readings' if kind.in_readings else 's'}"
        click.echo(f"{kind.name:<16} {kind.summary:<34} {length:>11}  {measure}")
    ctx.exit()


@sensors.command()
@_common
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_faults, help="List the faults.")
@click.argument("fault")
@click.argument("names", nargs=-1, metavar="[SENSOR]...")
@click.option("--machine", help="The machine of a machine-failure.")
@click.option("--zone", help="The zone of a gateway-outage.")
@click.option("--magnitude", type=float, help="How strong, in the fault's measure [its default].")
@click.option("--for", "duration", type=Duration(), help="How long: 90s, 30m, 8h [the fault's default].")
@click.option("--until-cleared", is_flag=True, help="It has no end of its own.")
@click.option("--in", "after", type=Duration(), help="Begin so much later: 90s, 30m.")
def inject(
    directory: Path | None,
    brokers: str | None,
    fault: str,
    names: tuple[str, ...],
    *,
    machine: str | None,
    zone: str | None,
    magnitude: float | None,
    duration: float | None,
    until_cleared: bool,
    after: float | None,
    as_json: bool,
) -> None:
    """Hurt sensors in a known way; what it causes is marked SIM. --list tells the faults and their measures."""
    from controlroom.adapters.kafka.simulated_sensors import Order

    if until_cleared and duration is not None:
        raise click.UsageError("--for and --until-cleared exclude each other")
    _check_target(fault, names, machine, zone)
    fault_id = f"{fault}-{uuid4().hex[:8]}"

    async def work(simulated: SimulatedSensors) -> None:
        if machine is None and zone is None:
            chosen = [simulated.commands[name].spec for name in _matching(simulated, names)]
        else:
            chosen = [command.spec for command in simulated.commands.values()]
        start = _start(simulated, [spec.sensor_id for spec in chosen]) + timedelta(seconds=after or 0.0)
        hurt = _faults(fault, chosen, fault_id, start, machine, zone, magnitude, duration)
        if not hurt:
            raise ActionRefused(f"there is no simulated sensor of {machine or zone!r}")
        orders = []
        for name, specs in hurt.items():
            was = simulated.commands[name]
            given = tuple(_endless(spec) for spec in specs) if until_cleared else specs
            orders.append(Order(name, simulated.command(was.spec, was, faults=(*was.faults, *given))))
        await _give(simulated, orders, f"injected {fault_id}", as_json=as_json)

    _with_simulated(directory, brokers, work)


def _check_target(fault: str, names: Sequence[str], machine: str | None, zone: str | None) -> None:
    from simulator.faults import COMPOSED, FAULTS, GATEWAY_OUTAGE, MACHINE_FAILURE

    known = (*FAULTS, *COMPOSED)
    if fault not in known:
        raise InputError(f"unknown fault {fault!r}", hint=f"one of {', '.join(known)}")
    wanted = {MACHINE_FAILURE: "--machine", GATEWAY_OUTAGE: "--zone"}.get(fault, "SENSOR")
    given = [word for word, value in (("SENSOR", names), ("--machine", machine), ("--zone", zone)) if value]
    if given != [wanted]:
        raise click.UsageError(f"{fault} is for a {wanted}, and nothing else of SENSOR, --machine and --zone")


def _faults(
    fault: str,
    chosen: Sequence[SensorSpec],
    fault_id: str,
    start: datetime,
    machine: str | None,
    zone: str | None,
    magnitude: float | None,
    duration: float | None,
) -> dict[str, tuple[FaultSpec, ...]]:
    """What to add, by sensor."""
    from controlroom.services import operator
    from simulator.faults import COMPOSED, FAULTS, FaultKind, composed, new_fault
    from simulator.specification import interval_ms

    def one(kind: FaultKind, interval: float) -> FaultSpec:
        return new_fault(
            kind,
            fault_id=fault_id,
            start=start,
            interval=interval,
            magnitude=magnitude,
            duration=duration,
            by=operator(),
        )

    if fault in COMPOSED:
        return composed(one(COMPOSED[fault], 1.0), chosen, machine_id=machine or "", zone=zone or "")
    return {spec.sensor_id: (one(FAULTS[fault], interval_ms(spec) / 1000),) for spec in chosen}


def _endless(fault: FaultSpec) -> FaultSpec:
    import msgspec

    return msgspec.structs.replace(fault, duration=None)


def _start(simulated: SimulatedSensors, names: Iterable[str]) -> datetime:
    """Now, in the sensors' own time: a simulated plant may run faster than the clock, or in the past."""
    now = datetime.now(UTC)
    last = max((simulated.statuses[name].timestamp for name in names if name in simulated.statuses), default=now)
    return last if last < now - _OWN_PAST else max(now, last)


@sensors.command()
@_common
@click.argument("names", nargs=-1, metavar="[SENSOR]...")
@click.option("--fault", "fault_id", metavar="ID", help="Only this fault, of all its sensors if none is named.")
def clear(
    directory: Path | None, brokers: str | None, names: tuple[str, ...], *, fault_id: str | None, as_json: bool
) -> None:
    """End faults before their time."""
    from controlroom.adapters.kafka.simulated_sensors import Order

    if not names and fault_id is None:
        raise click.UsageError("name sensors, or a fault with --fault")

    async def work(simulated: SimulatedSensors) -> None:
        orders = []
        for name in _matching(simulated, names) if names else list(simulated.commands):
            was = simulated.commands[name]
            kept = tuple(fault for fault in was.faults if fault_id is not None and fault.fault_id != fault_id)
            if len(kept) < len(was.faults):
                orders.append(Order(name, simulated.command(was.spec, was, faults=kept)))
        if not orders:
            what = f"fault {fault_id!r}" if fault_id is not None else "fault"
            raise ActionRefused(f"there is no {what} to clear", hint="`controlroom sensors list --hurt`")
        await _give(simulated, orders, "cleared", as_json=as_json)

    _with_simulated(directory, brokers, work)


@sensors.command()
@_common
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

    _with_simulated(directory, brokers, work)
