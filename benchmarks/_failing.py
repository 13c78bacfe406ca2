"""Machines of the simulated plant that fail: are they found by their sensors together, and is one named that was hurt.

Minutes go through `controlroom.core.machines` as in a worker, without a database. The simulator knows the truth: a
failing machine hurts three of its five sensors, an offset one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle
from typing import Any, NamedTuple

import msgspec

from controlroom.core.alarms.events import Detected
from controlroom.core.machines import Machine
from controlroom.core.rollups import MINUTE
from controlroom.wire import FaultSpec, SensorCommand, SensorSpec, decode_reading
from simulator.engine import Engine
from simulator.faults.compositions import machine_failure
from simulator.plant import default_plant
from simulator.sensor import moment
from simulator.signals import Nature

MACHINES, SENSORS = 6, 5
INTERVAL_S = 10.0
DAY_S, DAYS, LEARNED_DAYS = 86_400, 6, 2
EVERY_S, LASTS_S = 4 * 3600, 1800.0
#: An alarm up to so long after the end of a fault is of it.
GRACE_S = 300.0
#: What befalls them in turn: severity of a failing machine, sigmas of an offset of one sensor.
FAULTS = (("machine-failure", 1.0), ("offset", 4.0), ("offset", 8.0), ("offset", 16.0))
SEED = 90


class Fault(NamedTuple):
    """What befell a machine; times in seconds since 1970."""

    kind: str
    magnitude: float
    begin: float
    hurt: frozenset[str]


def measure() -> dict[str, Any]:
    """Run all machines, print the table, return the figures."""
    rows = {fault: {"faults": 0, "found": 0, "named": 0} for fault in FAULTS}
    delays: dict[tuple[str, float], list[float]] = {fault: [] for fault in FAULTS}
    false = 0
    for number in range(MACHINES):
        specs = default_plant(MACHINES * SENSORS).sensors[number * SENSORS : (number + 1) * SENSORS]
        faults, commands = _plan(specs, number)
        alarms = list(_alarms(specs, commands))
        for fault in faults:
            row = rows[fault.kind, fault.magnitude]
            row["faults"] += 1
            mine = [alarm for alarm in alarms if 0.0 < alarm[0] - fault.begin <= LASTS_S + GRACE_S]
            if mine:
                row["found"] += 1
                row["named"] += mine[0][1] in fault.hurt
                delays[fault.kind, fault.magnitude].append(mine[0][0] - fault.begin)
        false += sum(
            not any(0.0 < at - fault.begin <= LASTS_S + GRACE_S for fault in faults)
            for at, _ in alarms
            if at > LEARNED_DAYS * DAY_S
        )
    days = MACHINES * (DAYS - LEARNED_DAYS)
    figures: dict[str, Any] = {
        "faults": {
            f"{kind} {size:g}": {**row, "median_delay_s": _median(delays[kind, size])}
            for (kind, size), row in rows.items()
        },
        "other_alarms_per_machine_day": false / days,
    }
    print(
        f"simulated machines, {MACHINES} for {DAYS} days, a fault every {EVERY_S / 3600:g} h after {LEARNED_DAYS} days"
    )
    for name, row in figures["faults"].items():
        print(
            f"  {name:20s} found {row['found']} of {row['faults']}, first named a sensor that was hurt {row['named']}, "
            f"median delay {row['median_delay_s']:.0f} s"
        )
    print(f"  other alarms {figures['other_alarms_per_machine_day']:.2f} a machine and day\n")
    return figures


def _plan(specs: tuple[SensorSpec, ...], number: int) -> tuple[list[Fault], list[SensorCommand]]:
    """The faults of a machine in the order of their times, and what its sensors are told."""
    faults: list[Fault] = []
    given: dict[str, list[FaultSpec]] = defaultdict(list)
    victims = cycle(specs[number % SENSORS :] + specs[: number % SENSORS])
    begins = range(LEARNED_DAYS * DAY_S + EVERY_S // 2, DAYS * DAY_S - EVERY_S // 2, EVERY_S)
    for i, (begin, (kind, size)) in enumerate(zip(begins, cycle(FAULTS), strict=False)):
        start = moment(1000 * begin)
        of_all: dict[str, tuple[FaultSpec, ...]]
        if kind == "machine-failure":
            of_all = machine_failure(
                specs, specs[0].location.machine_id, fault_id=f"f{i}", start=start, duration=LASTS_S, severity=size
            )
        else:
            offset = FaultSpec(fault_id=f"f{i}", fault=kind, start=start, duration=LASTS_S, magnitude=size)
            of_all = {next(victims).sensor_id: (offset,)}
        for sensor_id, mine in of_all.items():
            given[sensor_id].extend(mine)
        faults.append(Fault(kind, size, float(begin), frozenset(of_all)))
    commands = [
        SensorCommand(
            command_id=spec.sensor_id,
            spec=msgspec.structs.replace(spec, interval=INTERVAL_S),
            faults=tuple(given[spec.sensor_id]),
            issued_by="benchmark",
            issued_at=moment(0),
        )
        for spec in specs
    ]
    return faults, commands


def _alarms(specs: tuple[SensorSpec, ...], commands: list[SensorCommand]) -> Iterator[tuple[float, str]]:
    """When the machine's alarm was raised, and the sensor that it names first."""
    minutes: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def keep(_key: bytes, payload: bytes, _headers: object) -> None:
        reading = decode_reading(payload)
        minutes[int(reading.timestamp.timestamp()) // MINUTE * MINUTE][reading.sensor_id].append(reading.value)

    engine = Engine(SEED, Nature(), origin=0)
    for command in commands:
        engine.put(command, keep, now=0)
    machine = Machine.of(specs[0].location.machine_id, dict.fromkeys((spec.sensor_id for spec in specs), ""), None)
    assert machine is not None
    for minute in range(0, DAYS * DAY_S, MINUTE):
        engine.advance(1000 * (minute + MINUTE) - 1, 1_000_000)
        means = {sensor: math.fsum(values) / len(values) for sensor, values in minutes.pop(minute, {}).items()}
        event = machine.minute(minute, means)
        if isinstance(event, Detected):
            yield event.at, event.message.partition("(moved: ")[2].partition(" ")[0]


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else math.nan
