"""Which sensors there are: the built-in plant, and plant files.

A plant file is TOML. A table stands for one sensor (`id`) or for a group (`count`); in a group, `interval`,
`factory_section`, `machine_id` and `zone` may be lists, which the group's sensors take in turn::

    seed = 7

    [[sensors]]
    id = "press-oil-temperature"
    type = "temperature"
    interval = 2.0
    machine_id = "press-1"
    zone = "hall-a"
    warning = 60
    critical = 70
    base = 45

    [[sensors]]
    count = 5
    type = "vibration"
    prefix = "spindle"            # spindle-001 ... spindle-005
    machine_id = ["mill-1", "mill-2"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from controlroom.wire import SENSOR_TYPES, Location, SensorSpec
from simulator.errors import PlantFileError
from simulator.specification import BadSpec, limits_of

_Name = Annotated[str, Field(min_length=1, max_length=128)]
_Text = Annotated[str, Field(max_length=512)]
_Interval = Annotated[float, Field(ge=0.01, le=86_400)]
_Quantity = Annotated[float, Field(ge=-1e15, le=1e15)]
_MOST_SENSORS = 1_000_000

_T = TypeVar("_T")
#: A value for all of a group, or a list of which its sensors take one each in turn.
_InTurn = Annotated[
    list[_T],
    Field(min_length=1),
    BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
]


@dataclass(frozen=True, slots=True)
class Plant:
    """The sensors of a plant, and the seed that its file sets, if it does."""

    sensors: tuple[SensorSpec, ...]
    seed: int | None = None


def default_plant(count: int = 15) -> Plant:
    """The built-in plant: one sensor of each type on each machine, three machines at `count` 15, more at more.

    >>> [spec.sensor_id for spec in default_plant(6).sensors]  # doctest: +NORMALIZE_WHITESPACE
    ['temp-sensor-001', 'vib-sensor-001', 'energy-sensor-001', 'hum-sensor-001', 'press-sensor-001',
     'temp-sensor-002']
    """
    types = tuple(SENSOR_TYPES.values())
    sections = ("production", "assembly", "packaging")
    sensors = []
    for index in range(count):
        machine, kind = index // len(types), types[index % len(types)]
        location = Location(
            factory_section=sections[machine // 3 % len(sections)],
            machine_id=f"machine-{machine + 1:03d}",
            zone=f"zone-{'abc'[machine % 3]}",
        )
        sensor_id = f"{kind.prefix}-sensor-{machine + 1:03d}"
        sensors.append(SensorSpec(sensor_id=sensor_id, sensor_type=kind.name, location=location))
    return Plant(tuple(sensors))


class SensorTable(BaseModel):
    """One `[[sensors]]` table."""

    model_config = ConfigDict(extra="forbid", strict=False)

    type: _Name
    id: _Name | None = None
    count: Annotated[int, Field(ge=1, le=_MOST_SENSORS)] | None = None
    prefix: _Name | None = None
    interval: _InTurn[_Interval] | None = None
    factory_section: _InTurn[_Text] = [""]
    machine_id: _InTurn[_Text] = [""]
    zone: _InTurn[_Text] = [""]
    unit: Annotated[str, Field(max_length=32)] | None = None
    base: _Quantity | None = None
    warning: _Quantity | None = None
    critical: _Quantity | None = None

    @model_validator(mode="after")
    def _one_or_many(self) -> SensorTable:
        if (self.id is None) == (self.count is None):
            raise ValueError("give either id (one sensor) or count (a group)")
        if self.id is not None and self.prefix is not None:
            raise ValueError("prefix is for a group; id names a single sensor")
        if self.type not in SENSOR_TYPES:
            raise ValueError(f"type must be one of {', '.join(SENSOR_TYPES)}")
        return self

    def specs(self) -> Iterator[SensorSpec]:
        """The sensors that the table stands for."""
        prefix = self.prefix or f"{SENSOR_TYPES[self.type].prefix}-sensor"
        for index in range(self.count or 1):
            yield SensorSpec(
                sensor_id=self.id or f"{prefix}-{index + 1:03d}",
                sensor_type=self.type,
                location=Location(
                    factory_section=_turn(self.factory_section, index),
                    machine_id=_turn(self.machine_id, index),
                    zone=_turn(self.zone, index),
                ),
                interval=None if self.interval is None else _turn(self.interval, index),
                unit=self.unit,
                base=self.base,
                warning=self.warning,
                critical=self.critical,
            )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seed: int | None = None
    sensors: Annotated[list[SensorTable], Field(min_length=1)]


def _turn(values: list[_T], index: int) -> _T:
    return values[index % len(values)]


def load_plant(path: Path) -> Plant:
    """The plant that a file describes.

    Raises:
        PlantFileError: it cannot be read, or is wrong; names the key.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PlantFileError(f"{path.name}: {reason}") from None
    try:
        plant = _File.model_validate(content)
    except ValidationError as error:
        raise PlantFileError(f"{path.name}: {first_fault_of(error, content)}") from None
    return Plant(sensors_of(plant.sensors, path.name), plant.seed)


def sensors_of(tables: Iterable[SensorTable], name: str) -> tuple[SensorSpec, ...]:
    """All sensors that the tables stand for.

    Raises:
        PlantFileError: one of them cannot be; `name` is the file's.
    """
    specs: dict[str, SensorSpec] = {}
    for number, table in enumerate(tables):
        for spec in table.specs():
            try:
                limits_of(spec)
                msgspec.convert(msgspec.to_builtins(spec), SensorSpec)
            except (BadSpec, msgspec.ValidationError) as error:
                raise PlantFileError(f"{name}: sensors[{number}]: {error}") from None
            if spec.sensor_id in specs:
                raise PlantFileError(f"{name}: sensors[{number}]: id {spec.sensor_id!r} is used twice")
            specs[spec.sensor_id] = spec
    return tuple(specs.values())


def first_fault_of(error: ValidationError, content: object) -> str:
    """The first thing that is wrong, by its key as it stands in the file: `sensors[2].interval: must be ...`."""
    first = error.errors(include_url=False, include_input=False)[0]
    key = ""
    for part in first["loc"]:
        if isinstance(content, dict) and isinstance(part, str):
            key, content = f"{key}.{part}" if key else part, content.get(part)
        elif isinstance(content, list) and isinstance(part, int):
            key, content = f"{key}[{part}]", content[part]
        # what is left of the place is pydantic's own: the file has a plain value here
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{key}: {message[0].lower()}{message[1:]}" if key else message
