"""The bridge's file: what it is called, its spool, its sources, and what is known of single sensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import ByteSize, Field, field_validator, model_validator

from bridges.errors import BridgeFileError
from bridges.mapping import Model, SensorTable
from bridges.sources.kinds import SourceTable
from bridges.toml_file import PathBeside, read_toml

_Sensors = dict[Annotated[str, Field(min_length=1, max_length=128)], SensorTable]
_LEAST_BYTES = 1024 * 1024


class BridgeTable(Model):
    """`[bridge]`: the bridge as a whole."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    spool: PathBeside | None = None
    max_bytes: ByteSize = ByteSize(1024**3)
    max_age_days: Annotated[float, Field(gt=0, le=3650)] = 7.0
    sensors_file: PathBeside | None = None

    @field_validator("max_bytes")
    @classmethod
    def _is_enough(cls, size: ByteSize) -> ByteSize:
        if size < _LEAST_BYTES:
            raise ValueError("must be at least 1 MiB")
        return size


class SensorsFile(Model):
    """The file that `sensors_file` names."""

    sensor: _Sensors = Field(default_factory=dict)


class BridgeFile(Model):
    """All of it."""

    bridge: BridgeTable
    source: Annotated[list[SourceTable], Field(min_length=1)]
    sensor: _Sensors = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name for source in self.source]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"source: the name {name!r} is used twice")
        return self

    @property
    def sensors(self) -> Mapping[str, SensorTable]:
        """What is known of single sensors, by id."""
        return self.sensor


def load_bridge(path: Path) -> BridgeFile:
    """The bridge that a file describes, with the sensors of the file that it names.

    Raises:
        BridgeFileError: it cannot be read, or is wrong; names line and key.
    """
    file = read_toml(BridgeFile, path)
    more = file.bridge.sensors_file
    if more is None:
        return file
    sensors = read_toml(SensorsFile, more).sensor
    if twice := sorted(sensors.keys() & file.sensor.keys()):
        raise BridgeFileError(f"{more}: sensor {twice[0]!r} stands in {path} too; give it once")
    return file.model_copy(update={"sensor": {**file.sensor, **sensors}})
