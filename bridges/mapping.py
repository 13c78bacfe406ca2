"""From a topic to a sensor: its id, type, unit, place and limits, by the file's templates and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bridges.json_path import JsonPath
from bridges.payload import Decoder, Refusal, Refused, TimeFormat, in_range, json_decoder, plain_number
from bridges.topics import TopicTemplate
from bridges.values import Draft, Sensor
from controlroom.wire import BadMessage, Location, Reading, decode_reading

_HOLE = re.compile(r"\{([^{}]*)\}")
_Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]
_Scale = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
_Unit = Annotated[str, Field(max_length=32)]
_Text = Annotated[str, Field(max_length=512)]
#: As the wire has it.
_NAME = 128
_PATHS = ("value_path", "time_path", "quality_path", "unit_path")
_TEMPLATES = ("id", "type", "unit", "section", "machine", "zone")
_OF_SENSOR = ("id", "type", "unit", "section", "machine", "zone", "warning", "critical", "scale", "offset")


class Model(BaseModel):
    """A table of the file: a key that does not exist is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SensorTable(Model):
    """What is known of one sensor; it wins over what its tag says."""

    type: Annotated[str, Field(min_length=1, max_length=_NAME)] | None = None
    unit: _Unit | None = None
    section: _Text | None = None
    machine: _Text | None = None
    zone: _Text | None = None
    warning: _Number | None = None
    critical: _Number | None = None
    scale: _Scale | None = None
    offset: _Number | None = None
    ignore: bool = False


class Template(Protocol):
    """Which topics belong to a tag, and what their parts are called."""

    #: what to subscribe to, as the source has it
    filter: str

    def match(self, topic: str) -> dict[str, str] | None:
        """The named parts of a topic; None: it does not belong to this template."""
        ...


class TagTable(Model):
    """Topics that are alike: how to read their payload, and what sensor each of them is."""

    topic: str
    payload: Literal["number", "json", "reading"] = "number"
    value_path: str | None = None
    time_path: str | None = None
    time_format: TimeFormat = "iso"
    quality_path: str | None = None
    unit_path: str | None = None
    id: str | None = None
    type: str | None = None
    unit: _Unit | None = None
    section: _Text | None = None
    machine: _Text | None = None
    zone: _Text | None = None
    warning: _Number | None = None
    critical: _Number | None = None
    scale: _Scale | None = None
    offset: _Number | None = None

    @field_validator("topic")
    @classmethod
    def _is_topic(cls, text: str) -> str:
        TopicTemplate(text)
        return text

    @property
    def template(self) -> Template:
        """Its topics."""
        return TopicTemplate(self.topic)

    @property
    def names(self) -> tuple[str, ...]:
        """What every value of the tag has a name for."""
        return TopicTemplate(self.topic).names

    def lacks(self, name: str) -> str | None:
        """Why `{name}` cannot be used in the tag's templates; None: it can."""
        if name in self.names:
            return None
        known = ", ".join(f"{{{one}}}" for one in self.names) or "none"
        return f"there is no {{{name}}} in the topic; its names are: {known}"

    @field_validator(*_PATHS)
    @classmethod
    def _is_path(cls, text: str | None) -> str | None:
        if text is not None:
            JsonPath(text)
        return text

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = self.names
        if self.payload == "reading":
            given = [key for key in (*_OF_SENSOR, *_PATHS) if getattr(self, key) is not None]
            if given:
                raise ValueError(f'{given[0]} has no meaning with payload = "reading", which says all of that itself')
            return self
        if self.payload == "number" and (given := [key for key in _PATHS if getattr(self, key) is not None]):
            raise ValueError(f'{given[0]} is for payload = "json"')
        if self.time_format != "iso" and self.time_path is None:
            raise ValueError("time_format needs time_path")
        if self.type is None and not {"type", "sensor"} & set(names):
            raise ValueError("type is missing: give it, or name a level of the topic {type} or {sensor}")
        if self.id is None and not names:
            raise ValueError("id is missing: give it, or name levels of the topic, as in plant/{machine}/{sensor}")
        for key in _TEMPLATES:
            for name in _HOLE.findall(getattr(self, key) or ""):
                if (why := self.lacks(name)) is not None:
                    raise ValueError(f"{key}: {why}")
        return self


class Target(NamedTuple):
    """What a topic's values become."""

    tag: Tag
    sensor: Sensor
    scale: float
    offset: float

    def draft(self, payload: bytes, now: datetime) -> Draft:
        """The reading in a payload that came at `now`.

        Raises:
            Refused: there is none.
        """
        if self.tag.is_reading:
            return reading_draft(payload)
        content = self.tag.decode(payload)
        value = content.value
        if self.scale != 1.0 or self.offset != 0.0:
            value = in_range(value * self.scale + self.offset)
        sensor = self.sensor if content.unit is None else self.sensor._replace(unit=content.unit)
        return Draft(sensor, content.at if content.at is not None else now, value, content.quality)


class Tag:
    """One `TagTable`, ready for use."""

    def __init__(self, table: TagTable) -> None:
        self.table = table
        self.template = table.template
        self.is_reading = table.payload == "reading"
        #: whether a payload tells its own time
        self.timed = self.is_reading or table.time_path is not None
        names = table.names
        self._id = table.id if table.id is not None else "-".join(f"{{{name}}}" for name in names)
        self._type = table.type if table.type is not None else "{type}" if "type" in names else "{sensor}"
        self.decode: Decoder = plain_number
        if table.payload == "json":
            paths = [JsonPath(path) if path is not None else None for path in (getattr(table, key) for key in _PATHS)]
            value, time, quality, unit = paths
            self.decode = json_decoder(value or JsonPath("value"), time, table.time_format, quality, unit)

    def target(self, names: Mapping[str, str], sensors: Mapping[str, SensorTable]) -> Target | None:
        """What a topic with these names becomes; None: the file says to ignore it.

        Raises:
            Refused: its id or type cannot be one.
        """
        table = self.table
        if self.is_reading:
            return Target(self, _AS_IT_SAYS, 1.0, 0.0)
        sensor_id = _filled(self._id, names)
        own = sensors.get(sensor_id, _UNKNOWN)
        if own.ignore:
            return None

        def first(key: str, default: Any = None) -> Any:  # noqa: ANN401 - a string or a number, by the key
            mine = getattr(own, key)
            return mine if mine is not None else found if (found := getattr(table, key)) is not None else default

        def text(key: str, default: str = "") -> str:
            return _filled(first(key, default), names)

        def level(key: str) -> str:
            return text(key, f"{{{key}}}" if key in names else "")

        sensor_type = own.type if own.type is not None else _filled(self._type, names)
        for what, name in (("id", sensor_id), ("type", sensor_type)):
            if not 0 < len(name) <= _NAME or "\x00" in name:
                raise Refused(Refusal.BAD_NAME, f"{what} {name[:40]!r} has not 1 to {_NAME} characters")
        unit = text("unit")
        if len(unit) > 32:
            raise Refused(Refusal.BAD_UNIT, f"{unit[:40]!r} has more than 32 characters")
        place = Location(level("section")[:512], level("machine")[:512], level("zone")[:512])
        sensor = Sensor(sensor_id, sensor_type, place, unit, first("warning"), first("critical"))
        return Target(self, sensor, first("scale", 1.0), first("offset", 0.0))


_UNKNOWN = SensorTable()
_AS_IT_SAYS = Sensor("", "", Location(), "", None, None)


def holes_of(table: TagTable) -> list[str]:
    """The names that a tag's templates use."""
    return [name for key in _TEMPLATES for name in _HOLE.findall(getattr(table, key) or "")]


def _filled(template: str, names: Mapping[str, str]) -> str:
    return _HOLE.sub(lambda hole: names[hole[1]], template)


def reading_draft(payload: bytes) -> Draft:
    """The draft of a payload that is a reading already, as it would be on `sensor-data`.

    Raises:
        Refused: it is none.
    """
    try:
        reading: Reading = decode_reading(payload)
    except BadMessage as bad:
        raise Refused(Refusal.BAD_READING, str(bad)) from None
    metadata = reading.metadata
    sensor = Sensor(
        reading.sensor_id, reading.sensor_type, reading.location, reading.unit,
        metadata.warning_threshold, metadata.critical_threshold,
    )  # fmt: skip
    return Draft(sensor, reading.timestamp, reading.value, reading.quality, metadata.reading_count)
