"""Decoding that is fast for good messages and exact about bad ones.

Rules for what JSON leaves open, one each: of duplicate keys the last wins; unknown fields are ignored, so that a newer
sensor can say more; a `schema_version` whose major number we do not know is rejected.

>>> decoder = Codec(dict[str, int])
>>> decoder.decode(b'{"a": 1}')
{'a': 1}
>>> decoder.decode(b'{"a": 1} tail')
Traceback (most recent call last):
    ...
controlroom.wire.codec.BadMessage: malformed: JSON is malformed: trailing characters (byte 10)
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import msgspec

T = TypeVar("T")

#: The largest message that is decoded, bytes. A reading has about 300; nothing honest comes near this.
MAX_BYTES = 64 * 1024

#: How JSON writes the character U+0000, which PostgreSQL's text does not hold: one in a batch would fail all of it.
NUL_ESCAPE = b"\\u0000"
#: What stands before it. As a number it is found in a message in a tenth of the time that a string takes.
BACKSLASH = ord("\\")

#: A name of something: bounded, because it becomes a key of maps, rows and screens.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
#: A short free text.
Text = Annotated[str, msgspec.Meta(max_length=512)]
#: A measured quantity. JSON knows no NaN; 1e15 is beyond any unit of a plant, and below where floats stop being exact.
Quantity = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]


class Reason(StrEnum):
    """Why a message was rejected: the value is what stands in the reject row and in the dead-letter header."""

    EMPTY = "empty"
    TOO_LARGE = "too-large"
    NOT_UTF8 = "not-utf8"
    MALFORMED = "malformed"
    TOO_DEEP = "too-deep"
    INVALID = "invalid"
    NUL = "nul-character"
    VERSION = "unknown-version"
    SENSOR_LIMIT = "too-many-sensors"
    KEY = "wrong-key"


class BadMessage(ValueError):
    """A message that cannot be accepted: `reason` is one of `Reason`, `detail` says where and what."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Codec(Generic[T]):
    """JSON bytes to and from one message type; every refusal is a `BadMessage`."""

    __slots__ = ("_decode", "_encode")

    def __init__(self, kind: type[T]) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self._encode = msgspec.json.Encoder().encode

    def encode(self, message: T) -> bytes:
        """The message as compact JSON."""
        return self._encode(message)

    def decode(self, raw: bytes | None) -> T:
        """The message in `raw`.

        Raises:
            BadMessage: whatever is wrong with it; nothing else is ever raised for any input.
        """
        if not raw:
            raise BadMessage(Reason.EMPTY, "no value")
        if len(raw) > MAX_BYTES:
            raise BadMessage(Reason.TOO_LARGE, f"{len(raw)} bytes, at most {MAX_BYTES} are read")
        try:
            message = self._decode(raw)
        except msgspec.ValidationError as error:
            raise BadMessage(Reason.INVALID, str(error)) from None
        except msgspec.DecodeError as error:
            raise BadMessage(Reason.MALFORMED, str(error)) from None
        except UnicodeDecodeError as error:
            raise BadMessage(Reason.NOT_UTF8, str(error)) from None
        except RecursionError:
            raise BadMessage(Reason.TOO_DEEP, "nested too deeply") from None
        if BACKSLASH in raw and NUL_ESCAPE in raw:
            raise BadMessage(Reason.NUL, "contains the character U+0000")
        return message
