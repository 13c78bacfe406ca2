r"""Payloads of Sparkplug B 3.0: Protocol Buffers, as the specification defines them.

The messages are declared here field by field, and the `protobuf` package reads and writes them. What no reading needs
(data sets, templates, arrays) is not declared: it is passed over as an unknown field, and its metric has no number.

>>> raw = encode_payload([Metric("Temp", 21.5, DataType.DOUBLE, alias=3)], at_ms=1_700_000_000_000, seq=7)
>>> payload = decode_payload(raw)
>>> payload.seq, [(one.name, one.alias, one.value) for one in payload.metrics]
(7, [('Temp', 3, 21.5)])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

#: The first level of every topic.
NAMESPACE = "spBv1.0"
#: The metric by which a host application asks an edge node for its births.
REBIRTH = "Node Control/Rebirth"
BIRTH_DEATH = "bdSeq"
#: Properties of a metric: names that edge nodes use for one and the same thing.
UNIT_PROPERTIES = ("engUnit", "engineeringUnits", "Engineering Units", "unit")
LOW_PROPERTIES = ("engLow", "Low", "low")
HIGH_PROPERTIES = ("engHigh", "High", "high")
QUALITY_PROPERTY = "Quality"
#: Values of the property Quality.
QUALITY_GOOD = 192
QUALITY_STALE = 500
QUALITY_BAD = 0


class DataType(IntEnum):
    """The data types of metrics that have one value."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15


#: bits of the integers, negative: signed
_BITS = {
    DataType.INT8: -8, DataType.INT16: -16, DataType.INT32: -32, DataType.INT64: -64,
    DataType.UINT8: 8, DataType.UINT16: 16, DataType.UINT32: 32, DataType.UINT64: 64,
}  # fmt: skip
_LONG = {DataType.INT64, DataType.UINT32, DataType.UINT64, DataType.DATE_TIME}
_NUMBERS = {*_BITS, DataType.FLOAT, DataType.DOUBLE, DataType.BOOLEAN}

Value = float | int | bool | str


class BadPayload(ValueError):
    """These bytes are no payload of Sparkplug B."""


class Metric(NamedTuple):
    """One value of a payload."""

    #: empty: the alias alone tells which metric it is
    name: str
    #: None: it is null, or of a type that is not read
    value: Value | None
    #: 0 where the message does not say (a birth does)
    datatype: int
    #: milliseconds since 1970
    at_ms: int | None = None
    alias: int | None = None
    #: it was measured while nobody listened
    historical: bool = False
    null: bool = False
    properties: Mapping[str, Value | None] = {}


class Payload(NamedTuple):
    """What a message holds."""

    at_ms: int | None
    seq: int | None
    metrics: list[Metric]


def is_number(datatype: int) -> bool:
    """Whether values of this type are numbers; true is 1 and false is 0."""
    return datatype in _NUMBERS


def as_type(value: Value | None, datatype: int) -> Value | None:
    """A raw value as its type says: integers with their sign.

    >>> as_type(0xFFFFFFFE, DataType.INT8), as_type(254, DataType.INT8), as_type(2**64 - 1, DataType.INT64)
    (-2, -2, -1)
    >>> as_type(250, DataType.UINT8), as_type(1, DataType.BOOLEAN), as_type(0xFFFFFFFF, DataType.UINT32)
    (250, True, 4294967295)
    """
    if isinstance(value, str) or value is None:
        return value
    if datatype == DataType.BOOLEAN:
        return bool(value)
    bits = _BITS.get(DataType(datatype)) if datatype in _NUMBERS else None
    if bits is None or isinstance(value, float):
        return value
    number = int(value) & ((1 << abs(bits)) - 1)
    return number - (1 << -bits) if bits < 0 and number >> (-bits - 1) else number


def decode_payload(raw: bytes) -> Payload:
    """What a message says; values are as they were sent: `as_type` gives them their sign.

    Raises:
        BadPayload: it says nothing.
    """
    message = _PAYLOAD()
    try:
        message.ParseFromString(raw)
        metrics = [_metric(one) for one in message.metrics]
    except (DecodeError, UnicodeDecodeError) as error:
        raise BadPayload(f"not a payload of Sparkplug B ({error})") from None
    return Payload(
        message.timestamp if message.HasField("timestamp") else None,
        message.seq if message.HasField("seq") else None,
        metrics,
    )


def encode_payload(metrics: Iterable[Metric], at_ms: int, seq: int | None = None) -> bytes:
    """The bytes of a message. A metric that has an alias and a name tells both, as in a birth."""
    message = _PAYLOAD(timestamp=at_ms)
    if seq is not None:
        message.seq = seq
    for one in metrics:
        made = message.metrics.add(datatype=one.datatype)
        if one.name:
            made.name = one.name
        if one.alias is not None:
            made.alias = one.alias
        if one.at_ms is not None:
            made.timestamp = one.at_ms
        if one.historical:
            made.is_historical = True
        if one.null or one.value is None:
            made.is_null = True
        else:
            _set(made, one.value, one.datatype)
        for key, value in one.properties.items():
            made.properties.keys.append(key)
            entry = made.properties.values.add()
            kind = _type_of(value)
            entry.type = kind
            if value is None:
                entry.is_null = True
            else:
                _set(entry, value, kind)
    return bytes(message.SerializeToString())


def _metric(one: Any) -> Metric:  # noqa: ANN401 - a message of protobuf's, made below
    properties: dict[str, Value | None] = {}
    if one.HasField("properties"):
        for key, entry in zip(one.properties.keys, one.properties.values, strict=False):
            field = None if entry.is_null else entry.WhichOneof("value")
            properties[key] = None if field is None else as_type(getattr(entry, field), entry.type)
    field = None if one.is_null else one.WhichOneof("value")
    return Metric(
        one.name,
        None if field is None else getattr(one, field),
        one.datatype,
        one.timestamp if one.HasField("timestamp") else None,
        one.alias if one.HasField("alias") else None,
        one.is_historical,
        one.is_null,
        properties,
    )


def _set(target: Any, value: Value, datatype: int) -> None:  # noqa: ANN401 - as above
    if isinstance(value, str):
        target.string_value = value
    elif datatype == DataType.BOOLEAN:
        target.boolean_value = bool(value)
    elif datatype == DataType.FLOAT:
        target.float_value = float(value)
    elif datatype in _LONG:
        target.long_value = int(value) & (2**64 - 1)
    elif datatype in _BITS:
        target.int_value = int(value) & (2**32 - 1)
    else:
        target.double_value = float(value)


def _type_of(value: Value | None) -> DataType:
    if isinstance(value, bool):
        return DataType.BOOLEAN
    if isinstance(value, int):
        return DataType.INT32
    return DataType.DOUBLE if isinstance(value, float) else DataType.STRING


def _messages() -> Any:  # noqa: ANN401 - a class that protobuf makes
    """The class of payloads, from the fields of the specification (6.4)."""
    package = "controlroom.sparkplug"
    field = descriptor_pb2.FieldDescriptorProto
    kinds = {
        "u32": field.TYPE_UINT32, "u64": field.TYPE_UINT64, "bool": field.TYPE_BOOL, "str": field.TYPE_STRING,
        "float": field.TYPE_FLOAT, "double": field.TYPE_DOUBLE,
    }  # fmt: skip
    file = descriptor_pb2.FileDescriptorProto(name="controlroom/sparkplug.proto", package=package, syntax="proto2")

    def message(name: str, fields: str, value: str = "") -> None:
        """Fields as `name:kind=number`, a kind with `*` is repeated; those of `value` are a choice of one."""
        made = file.message_type.add(name=name)
        if value:
            made.oneof_decl.add(name="value")
        for text, chosen in [(one, False) for one in fields.split()] + [(one, True) for one in value.split()]:
            title, _, rest = text.partition(":")
            kind, _, number = rest.partition("=")
            label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
            entry = made.field.add(name=title, number=int(number), label=label)
            kind = kind.removeprefix("*")
            if kind in kinds:
                entry.type = kinds[kind]
            else:
                entry.type, entry.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
            if chosen:
                entry.oneof_index = 0

    message(
        "Property", "type:u32=1 is_null:bool=2",
        "int_value:u32=3 long_value:u64=4 float_value:float=5 double_value:double=6 boolean_value:bool=7"
        " string_value:str=8",
    )  # fmt: skip
    message("Properties", "keys:*str=1 values:*Property=2")
    message(
        "Metric",
        "name:str=1 alias:u64=2 timestamp:u64=3 datatype:u32=4 is_historical:bool=5 is_transient:bool=6 is_null:bool=7"
        " properties:Properties=9",
        "int_value:u32=10 long_value:u64=11 float_value:float=12 double_value:double=13 boolean_value:bool=14"
        " string_value:str=15",
    )
    message("Payload", "timestamp:u64=1 metrics:*Metric=2 seq:u64=3")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.Payload"))


_PAYLOAD = _messages()
