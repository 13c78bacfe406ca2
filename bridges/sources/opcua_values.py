"""What an OPC UA server says of a variable: value, time and status become a value, a time and a quality."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import NamedTuple

from asyncua import ua

from bridges.payload import Refusal, Refused, number_of
from bridges.window import fingerprint

#: The top two bits of a status code are its severity: good, uncertain, bad (Part 4, 7.39).
_QUALITIES = (1.0, 0.5, 0.0, 0.0)
#: Bits of a data value's status that say that the server's queue has dropped older ones.
_OVERFLOW = 0x0480
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
#: The node is not there any more, under this id.
GONE = frozenset({ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadNodeIdInvalid})


class Measured(NamedTuple):
    """What a data value says. None: it does not say."""

    value: float | None
    at: datetime | None
    quality: float
    #: what tells it from another one of the same variable
    mark: bytes
    #: the server has dropped older values, because its queue was full
    overflow: bool


def measured(data: ua.DataValue, sensor_id: str) -> Measured:
    """A data value of the variable that is this sensor.

    Raises:
        Refused: its value is no number. A bad one without any value is no error.
    """
    code = data.StatusCode.value if data.StatusCode is not None else 0
    quality = quality_of(code)
    raw = data.Value.Value if data.Value is not None else None
    at = real_time(data.SourceTimestamp) or real_time(data.ServerTimestamp)
    mark = fingerprint(0, sensor_id, f"{raw!r} {at} {code & 0xFFFF0000:x}".encode())
    value: float | None = None
    if raw is None or (quality == 0.0 and isinstance(raw, float) and not math.isfinite(raw)):
        if quality > 0.0:
            raise Refused(Refusal.NO_VALUE, "the server gives no value, and calls it good")
    else:
        value = number_of(raw)
    return Measured(value, at, quality, mark, code & _OVERFLOW == _OVERFLOW)


def quality_of(code: int) -> float:
    """The quality of a status code: good 1.0, uncertain 0.5, bad 0.0.

    >>> quality_of(0), quality_of(0x40900000), quality_of(0x80340000)
    (1.0, 0.5, 0.0)
    """
    return _QUALITIES[code >> 30 & 3]


def real_time(at: datetime | None) -> datetime | None:
    """A time that a clock could have shown: servers send 1601 where they know none."""
    if at is None:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at if _EARLIEST <= at <= _LATEST else None
