"""Drills: sensors, what befalls them and when, and what detection is expected to make of it, from a TOML file.

::

    title = "A bearing wears out"
    duration = "4h"                 # simulated
    seed = 7                        # the same values whenever it is run
    built_in = 15                   # so many sensors of the built-in plant, and/or [[sensors]] as in a plant file

    [[faults]]
    at = "2h"                       # after the beginning
    fault = "drift"                 # a fault of the simulator's table
    sensor = "temp-*"               # a sensor, or a pattern: each that it matches has a fault of its own
    magnitude = 5                   # in the fault's measure; left out: its default
    duration = "10m"
    within = "5m"                   # must be detected so soon
    kinds = ["drift", "level"]      # by an alarm of one of these kinds

    [[faults]]
    at = "3h"
    fault = "machine-failure"       # or gateway-outage, with a zone
    machine = "machine-002"

    [expect]
    detected = 0.9                  # share of the faults, at least
    false_alarms = 0.1              # per sensor and day, at most
    annunciations = [1, 20]         # from so many to so many alarms that ring

Without expectations a drill only measures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from controlroom.wire import FaultSpec, SensorCommand, SensorSpec
from simulator.errors import ScenarioError
from simulator.faults import (
    COMPOSED,
    FAULTS,
    GATEWAY_OUTAGE,
    MACHINE_FAILURE,
    BadFault,
    activate,
    composed,
    new_fault,
)
from simulator.plant import SensorTable, default_plant, first_fault_of, sensors_of
from simulator.specification import interval_ms

KNOWN = (*FAULTS, *COMPOSED)
#: A Monday morning, long ago: brokers refuse records from the future.
_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_MOST_SECONDS = 30 * 86_400.0


def seconds_in(value: object) -> object:
    """`90s`, `5m`, `2h`, `1d` or a number, as seconds; what is none of these is left for others to refuse.

    >>> seconds_in("90s"), seconds_in("1.5h"), seconds_in(20)
    (90.0, 5400.0, 20)
    """
    if not isinstance(value, str) or value[-1:] not in _UNITS:
        return value
    try:
        return float(value[:-1]) * _UNITS[value[-1]]
    except ValueError:
        return value


_Span = Annotated[float, BeforeValidator(seconds_in), Field(gt=0, le=_MOST_SECONDS)]
_Moment = Annotated[float, BeforeValidator(seconds_in), Field(ge=0, le=_MOST_SECONDS)]


class _FaultTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    at: _Moment
    fault: str
    sensor: str | None = None
    machine: str | None = None
    zone: str | None = None
    magnitude: float | None = None
    duration: _Span | None = None
    #: as often, so far apart
    repeat: Annotated[int, Field(ge=1, le=10_000)] = 1
    every: _Span | None = None
    within: _Span | None = None
    kinds: list[str] = []

    @model_validator(mode="after")
    def _one_target(self) -> _FaultTable:
        wanted = {MACHINE_FAILURE: "machine", GATEWAY_OUTAGE: "zone"}.get(self.fault, "sensor")
        if self.fault not in KNOWN:
            raise ValueError(f"unknown fault {self.fault!r}; known: {', '.join(KNOWN)}")
        if [name for name in ("sensor", "machine", "zone") if getattr(self, name) is not None] != [wanted]:
            raise ValueError(f"{self.fault} needs a {wanted}, and nothing else of sensor, machine and zone")
        if self.repeat > 1 and self.every is None:
            raise ValueError("repeat needs every: how far apart")
        return self


class Expect(BaseModel):
    """What a drill as a whole must come to; None: whatever it comes to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: share of the faults that are detected, at least
    detected: Annotated[float, Field(ge=0, le=1)] | None = None
    #: false alarms per sensor and day, at most
    false_alarms: Annotated[float, Field(ge=0)] | None = None
    #: alarms that ring: from, to
    annunciations: tuple[int, int] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=80)]
    about: str = ""
    duration: _Span
    seed: int = 1
    start: datetime = _START
    partitions: Annotated[int, Field(ge=1, le=64)] = 1
    #: seconds after a fault's end within which an alarm is still put down to it
    grace: _Moment = 600.0
    built_in: Annotated[int, Field(ge=0, le=100_000)] = 0
    sensors: list[SensorTable] = []
    faults: list[_FaultTable] = []
    expect: Expect = Expect()


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One thing that befalls a sensor, a machine or a zone."""

    fault_id: str
    #: a fault of the table, machine-failure or gateway-outage
    fault: str
    #: what it does, by sensor
    specs: dict[str, tuple[FaultSpec, ...]]
    #: must be detected so soon, seconds; None: not asked
    within: float | None
    #: by an alarm of one of these kinds; empty: of any
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A drill as its file describes it. Times are simulated."""

    name: str
    title: str
    about: str
    start: datetime
    #: seconds
    duration: float
    seed: int
    partitions: int
    #: seconds
    grace: float
    sensors: tuple[SensorSpec, ...]
    faults: tuple[PlannedFault, ...]
    expect: Expect

    def commands(self, issued_by: str) -> Iterator[SensorCommand]:
        """What the sensors are told: everything that will befall them, from the start."""
        mine: dict[str, list[FaultSpec]] = {}
        for fault in self.faults:
            for sensor_id, specs in fault.specs.items():
                mine.setdefault(sensor_id, []).extend(specs)
        for spec in self.sensors:
            yield SensorCommand(
                command_id=f"{self.name}-{spec.sensor_id}"[:128],
                spec=spec,
                faults=tuple(mine.get(spec.sensor_id, ())),
                issued_by=issued_by,
                issued_at=self.start,
            )


def load_scenario(path: Path) -> Scenario:
    """The drill that a file describes.

    Raises:
        ScenarioError: it cannot be read, or is wrong; names the key.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScenarioError(f"{path.name}: {reason}") from None
    return scenario_of(content, path.stem, path.name)


def scenario_of(content: dict[str, Any], name: str, source: str) -> Scenario:
    """The drill that a TOML document describes; `source` names it in errors, which are as of `load_scenario`."""
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        raise ScenarioError(f"{source}: {first_fault_of(error, content)}") from None
    built_in = default_plant(file.built_in).sensors
    listed = sensors_of(file.sensors, source)
    sensors = {spec.sensor_id: spec for spec in (*built_in, *listed)}
    if len(sensors) < len(built_in) + len(listed):
        raise ScenarioError(f"{source}: sensors: one has an id of the built-in plant")
    if not sensors:
        raise ScenarioError(f"{source}: there are no sensors: give built_in or [[sensors]]")
    start = file.start if file.start.tzinfo is not None else file.start.replace(tzinfo=UTC)
    if start + timedelta(seconds=file.duration) > datetime.now(UTC):
        raise ScenarioError(f"{source}: start: the drill must end before now, brokers refuse records from the future")
    faults: list[PlannedFault] = []
    for number, table in enumerate(file.faults):
        try:
            faults += _planned(table, len(faults), start, file, sensors)
        except (BadFault, ScenarioError) as error:
            raise ScenarioError(f"{source}: faults[{number}]: {error}") from None
    return Scenario(
        name, file.title, file.about, start, file.duration, file.seed, file.partitions, file.grace,
        tuple(sensors.values()), tuple(faults), file.expect,
    )  # fmt: skip


def _planned(
    table: _FaultTable, before: int, start: datetime, file: _File, sensors: dict[str, SensorSpec]
) -> Iterator[PlannedFault]:
    number = before
    for turn in range(table.repeat):
        after = table.at + turn * (table.every or 0.0)
        if after >= file.duration:
            raise ScenarioError(f"at: {after:g} s is not within the drill's {file.duration:g} s")
        at = start + timedelta(seconds=after)
        for specs in _befallen(table, at, sensors):
            number += 1
            # Named here, where it is known how many came before it.
            fault_id = f"{table.fault}-{number}"
            named = {sensor: tuple(_named(spec, fault_id) for spec in faulty) for sensor, faulty in specs.items()}
            for sensor, faulty in named.items():
                for spec in faulty:
                    activate(spec, file.seed, sensor)
            yield PlannedFault(fault_id, table.fault, named, table.within, tuple(table.kinds))


def _befallen(
    table: _FaultTable, at: datetime, sensors: dict[str, SensorSpec]
) -> Iterator[dict[str, tuple[FaultSpec, ...]]]:
    """One for each thing that happens: the faults by sensor."""
    if table.machine is not None or table.zone is not None:
        whole = new_fault(
            COMPOSED[table.fault],
            fault_id="-",
            start=at,
            interval=1.0,
            magnitude=table.magnitude,
            duration=table.duration,
        )
        faulty = composed(whole, sensors.values(), machine_id=table.machine or "", zone=table.zone or "")
        found = [faulty] if faulty else []
    else:
        found = [
            {
                spec.sensor_id: (
                    new_fault(
                        FAULTS[table.fault],
                        fault_id="-",
                        start=at,
                        interval=interval_ms(spec) / 1000,
                        magnitude=table.magnitude,
                        duration=table.duration,
                    ),
                )
            }
            for spec in sensors.values()
            if fnmatchcase(spec.sensor_id, table.sensor or "")
        ]
    if not found:
        raise ScenarioError(f"there is no sensor for it: {table.machine or table.zone or table.sensor}")
    yield from found


def _named(spec: FaultSpec, fault_id: str) -> FaultSpec:
    return FaultSpec(
        fault_id=fault_id,
        fault=spec.fault,
        start=spec.start,
        duration=spec.duration,
        magnitude=spec.magnitude,
        by="drill",
    )
