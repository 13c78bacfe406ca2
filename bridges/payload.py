"""What a message's payload says: value, time, quality and unit, by what the file says of it.

Nothing is guessed: a time without a zone, a decimal comma, a quality of 80 are refused, each with a reason that is
counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec

from bridges.json_path import MISSING, JsonPath

TimeFormat = Literal["iso", "s", "ms", "us", "ns"]

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: As the wire has it: beyond any unit of a plant, and below where floats stop being exact.
_LARGEST = 1e15
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_QUALITIES = {"good": 1.0, "uncertain": 0.5, "bad": 0.0}
#: As much of a payload is shown in a message.
_SHOWN = 40


class Refusal(StrEnum):
    """Why a message, or a value in it, was not taken: the names under which `bridge status` counts them."""

    TOO_LARGE = "too-large"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NO_VALUE = "no-value"
    NOT_A_NUMBER = "not-a-number"
    NOT_FINITE = "not-finite"
    OUT_OF_RANGE = "out-of-range"
    BAD_TIME = "bad-time"
    BAD_QUALITY = "bad-quality"
    BAD_UNIT = "bad-unit"
    BAD_NAME = "bad-name"
    BAD_READING = "bad-reading"
    NO_TAG = "no-tag"
    ID_TAKEN = "id-taken"
    TOO_MANY_TAGS = "too-many-tags"
    #: a record of Kafka without a value
    TOMBSTONE = "tombstone"
    #: records of Kafka that were deleted before they could be read
    DELETED = "deleted"
    NO_NODE = "no-node"
    OVERFLOW = "queue-overflow"
    MISSED = "notification-lost"
    #: of Sparkplug: no payload of it; data before the birth; an alias that no birth has told; messages that are
    #: missing; a death of an earlier session; more edge nodes than may be
    NOT_SPARKPLUG = "not-sparkplug"
    BEFORE_BIRTH = "before-birth"
    UNKNOWN_ALIAS = "unknown-alias"
    GAP = "sequence-gap"
    OLD_DEATH = "old-death"
    TOO_MANY_NODES = "too-many-nodes"


class Refused(ValueError):
    """A message, or a value in it, cannot be taken."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Content(NamedTuple):
    """What a payload says. None: it does not say."""

    value: float
    at: datetime | None = None
    quality: float = 1.0
    unit: str | None = None


Decoder = Callable[[bytes], Content]


def plain_number(payload: bytes) -> Content:
    """The payload is a number as text.

    >>> plain_number(b" 21.5 ").value
    21.5
    >>> plain_number(b"21,5")
    Traceback (most recent call last):
    ...
    bridges.payload.Refused: not-a-number: '21,5' is not a number

    Raises:
        Refused: it is none.
    """
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(Refusal.NOT_UTF8, f"byte {error.start} of {len(payload)} is not UTF-8") from None
    return Content(number_of(text))


def json_decoder(
    value: JsonPath,
    time: JsonPath | None = None,
    time_format: TimeFormat = "iso",
    quality: JsonPath | None = None,
    unit: JsonPath | None = None,
) -> Decoder:
    """The payload is JSON, and these are the places in it.

    >>> decode = json_decoder(JsonPath("v"), JsonPath("t"), "ms", JsonPath("q"))
    >>> decode(b'{"v": 3, "t": 1700000000500, "q": "uncertain"}')[:3]
    (3.0, datetime.datetime(2023, 11, 14, 22, 13, 20, 500000, tzinfo=datetime.timezone.utc), 0.5)
    """

    def decode(payload: bytes) -> Content:
        document = document_of(payload)
        found = value.of(document)
        if found is MISSING or found is None:
            raise Refused(Refusal.NO_VALUE, f"there is nothing at {value.text!r}")
        return Content(
            number_of(found),
            None if time is None else time_of(time.of(document), time.text, time_format),
            1.0 if quality is None else quality_of(quality.of(document), quality.text),
            None if unit is None else unit_of(unit.of(document), unit.text),
        )

    return decode


_parse = msgspec.json.Decoder().decode


def document_of(payload: bytes) -> object:
    """The JSON document.

    Raises:
        Refused: it is none, or nested too deeply.
    """
    try:
        return _parse(payload)
    except UnicodeDecodeError as error:
        raise Refused(Refusal.NOT_UTF8, str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(Refusal.NOT_JSON, str(error).removeprefix("JSON is malformed: ")) from None


def number_of(found: object) -> float:
    """A number, from JSON or from text; true is 1 and false is 0.

    Raises:
        Refused: it is none, not finite, or beyond the largest that a reading may have.
    """
    if isinstance(found, str):
        text = found.strip()
        if _NUMBER.fullmatch(text) is None:
            if text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
                raise Refused(Refusal.NOT_FINITE, f"{text!r} is not a finite number")
            raise Refused(Refusal.NOT_A_NUMBER, f"{text[:_SHOWN]!r} is not a number")
        found = float(text)
    elif not isinstance(found, int | float):
        raise Refused(Refusal.NOT_A_NUMBER, f"{str(found)[:_SHOWN]!r} is not a number")
    return in_range(found)


def in_range(number: float) -> float:
    """The number as a float that a reading may have.

    Raises:
        Refused: it may not.
    """
    if not -_LARGEST <= number <= _LARGEST:
        if isinstance(number, float) and not math.isfinite(number):
            raise Refused(Refusal.NOT_FINITE, f"{number} is not a finite number")
        raise Refused(Refusal.OUT_OF_RANGE, f"{str(number)[:_SHOWN]} is beyond 1e15")
    return float(number)


def time_of(found: object, where: str, time_format: TimeFormat) -> datetime:
    """The source's time.

    Raises:
        Refused: it says none, or not in this format.
    """
    if found is MISSING or found is None:
        raise Refused(Refusal.BAD_TIME, f"there is no time at {where!r}")
    if time_format == "iso":
        return _iso(found)
    if isinstance(found, str) and _NUMBER.fullmatch(found) is not None:
        found = int(found) if found.lstrip("+-").isdecimal() else float(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Refused(Refusal.BAD_TIME, f"{str(found)[:_SHOWN]!r} is not an epoch time in {time_format}")
    per_second = _PER_SECOND[time_format]
    try:
        seconds, rest = divmod(found, per_second)
        return _EPOCH + timedelta(seconds=seconds, microseconds=rest * 1_000_000 / per_second)
    except (OverflowError, ValueError):
        hint = next((name for name, each in _PER_SECOND.items() if abs(found) / each < 4e9), "another")
        raise Refused(Refusal.BAD_TIME, f"{found} is no time in {time_format}; in {hint} it would be") from None


def _iso(found: object) -> datetime:
    try:
        at = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        at = None
    if at is None:
        raise Refused(Refusal.BAD_TIME, f"{str(found)[:_SHOWN]!r} is not an ISO 8601 time; an epoch needs time_format")
    if at.tzinfo is None:
        raise Refused(Refusal.BAD_TIME, f"{str(found)[:_SHOWN]!r} has no time zone (Z or +01:00)")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise Refused(Refusal.BAD_TIME, f"{str(found)[:_SHOWN]!r} is out of range") from None


def quality_of(found: object, where: str) -> float:
    """A quality: 0 to 1, true or false, or good, uncertain, bad.

    Raises:
        Refused: it is none of these.
    """
    if isinstance(found, str) and found.lower() in _QUALITIES:
        return _QUALITIES[found.lower()]
    if isinstance(found, int | float) and 0 <= found <= 1:
        return float(found)
    what = "nothing" if found is MISSING else f"{str(found)[:_SHOWN]!r}"
    raise Refused(Refusal.BAD_QUALITY, f"{what} at {where!r} is neither 0 to 1, true, false, good, uncertain nor bad")


def unit_of(found: object, where: str) -> str:
    """A unit, at most 32 characters.

    Raises:
        Refused: it is none.
    """
    if not isinstance(found, str) or len(found) > 32 or "\x00" in found:
        what = "nothing" if found is MISSING else f"{str(found)[:_SHOWN]!r}"
        raise Refused(Refusal.BAD_UNIT, f"{what} at {where!r} is not a unit of at most 32 characters")
    return found
