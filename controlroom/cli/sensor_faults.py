"""`controlroom sensors inject` and `clear`: faults of simulated sensors, by a shell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from controlroom.cli.simulated import common_options, give, matching, with_simulated
from controlroom.cli.times import Duration
from controlroom.errors import ActionRefused, InputError

if TYPE_CHECKING:
    from controlroom.adapters.kafka.simulated_sensors import SimulatedSensors
    from controlroom.wire import FaultSpec, SensorSpec

#: A plant whose time lags the clock by more runs in a past of its own.
_OWN_PAST = timedelta(hours=1)


def _list_faults(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value or ctx.resilient_parsing:
        return
    from simulator.faults import COMPOSED, FAULTS

    for kind in (*FAULTS.values(), *COMPOSED.values()):
        measure = f"{kind.magnitude:g} ({kind.measure}; {kind.lowest:g} to {kind.highest:g})" if kind.measure else "-"
        length = f"{kind.duration:g} {'readings' if kind.in_readings else 's'}"
        click.echo(f"{kind.name:<16} {kind.summary:<34} {length:>11}  {measure}")
    ctx.exit()


@click.command()
@common_options
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
    """Inject a fault into sensors. Alarms that it causes are marked SIM. --list lists the faults and their measures."""
    from controlroom.adapters.kafka.simulated_sensors import Order

    if until_cleared and duration is not None:
        raise click.UsageError("--for and --until-cleared exclude each other")
    _check_target(fault, names, machine, zone)
    fault_id = f"{fault}-{uuid4().hex[:8]}"

    async def work(simulated: SimulatedSensors) -> None:
        if machine is None and zone is None:
            chosen = [simulated.commands[name].spec for name in matching(simulated, names)]
        else:
            chosen = [command.spec for command in simulated.commands.values()]
        start = _start(simulated, [spec.sensor_id for spec in chosen]) + timedelta(seconds=after or 0.0)
        faulty = _faults(fault, chosen, fault_id, start, machine, zone, magnitude, duration)
        if not faulty:
            raise ActionRefused(f"there is no simulated sensor of {machine or zone!r}")
        orders = []
        for name, specs in faulty.items():
            was = simulated.commands[name]
            given = tuple(_endless(spec) for spec in specs) if until_cleared else specs
            orders.append(Order(name, simulated.command(was.spec, was, faults=(*was.faults, *given))))
        await give(simulated, orders, f"injected {fault_id}", as_json=as_json)

    with_simulated(directory, brokers, work)


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


@click.command()
@common_options
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
        for name in matching(simulated, names) if names else list(simulated.commands):
            was = simulated.commands[name]
            kept = tuple(fault for fault in was.faults if fault_id is not None and fault.fault_id != fault_id)
            if len(kept) < len(was.faults):
                orders.append(Order(name, simulated.command(was.spec, was, faults=kept)))
        if not orders:
            what = f"fault {fault_id!r}" if fault_id is not None else "fault"
            raise ActionRefused(f"there is no {what} to clear", hint="`controlroom sensors list --faulty`")
        await give(simulated, orders, "cleared", as_json=as_json)

    with_simulated(directory, brokers, work)
