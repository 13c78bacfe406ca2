"""What an operator types into a form, checked as it is typed.

Each check returns the value, or raises `BadEntry` with what is wrong in a few words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container

from controlroom.wire import SENSOR_TYPES

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST_NAME = 48
#: as much as the journal keeps
_LONGEST_WORDS = 500
_SHORTEST_INTERVAL, _LONGEST_INTERVAL = 0.01, 86_400.0
_DAY_S = 86_400.0
_LONGEST_FAULT = 30 * _DAY_S
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class BadEntry(ValueError):
    """What is wrong, in a few words, for the operator."""


def sensor_id(text: str, taken: Container[str]) -> str:
    """A new sensor's id.

    >>> sensor_id(" temp-sensor-016 ", {"temp-sensor-001"})
    'temp-sensor-016'
    """
    name = text.strip()
    if name in taken:
        raise BadEntry("this name is taken")
    return place(name) or _missing()


def place(text: str) -> str:
    """A machine or a zone; may be empty.

    >>> place("machine 1")
    Traceback (most recent call last):
        ...
    controlroom.ui.entry.BadEntry: letters, digits, . _ - only
    """
    name = text.strip()
    if len(name) > _LONGEST_NAME:
        raise BadEntry(f"at most {_LONGEST_NAME} characters")
    if name and not _NAME.fullmatch(name):
        raise BadEntry("letters, digits, . _ - only")
    return name


def interval(text: str) -> float:
    """Seconds between readings.

    >>> interval("2.5"), interval("3 s")
    (2.5, 3.0)
    """
    return number(text.strip().removesuffix("s"), _SHORTEST_INTERVAL, _LONGEST_INTERVAL)


def duration(text: str) -> float | None:
    """Seconds that a fault lasts; nothing: until it is cleared.

    >>> duration("90"), duration("10m"), duration("")
    (90.0, 600.0, None)
    """
    text = text.strip().lower()
    if not text:
        return None
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1])
    seconds = number(text[:-1] if unit else text, 0.0, math.inf) * (unit or 1.0)
    if not 0 < seconds <= _LONGEST_FAULT:
        raise BadEntry("more than 0 s, at most 30 days")
    return seconds


def window_end(text: str, now: float) -> float | None:
    """When a window of maintenance ends that begins `now`: after a time, or at the next time of a clock (UTC).

    Seconds since the epoch; nothing was typed: None.

    >>> window_end("45m", 100.0), window_end("1d", 0.0), window_end(" ", 0.0)
    (2800.0, 86400.0, None)
    >>> window_end("21:40", 21 * 3600.3) == 21 * 3600 + 40 * 60, window_end("until 0:30", 23 * 3600.0)
    (True, 88200.0)
    """
    text = text.strip().lower().removeprefix("until").strip()
    if not text:
        return None
    clock = _CLOCK.fullmatch(text)
    if clock:
        end = now // _DAY_S * _DAY_S + int(clock[1]) * 3600 + int(clock[2]) * 60
        return end if end > now else end + _DAY_S
    unit = {"m": 60.0, "h": 3600.0, "d": _DAY_S}.get(text[-1])
    if unit is None:
        raise BadEntry("as 45m, 3h, 1d or 21:40")
    seconds = number(text[:-1], 0.0, math.inf) * unit
    if not 0 < seconds <= _LONGEST_FAULT:
        raise BadEntry("more than 0 m, at most 30 d")
    return now + seconds


def words(text: str) -> str:
    """A reason or a comment; something must be said.

    >>> words("  noisy transmitter ")
    'noisy transmitter'
    """
    return words_or_none(text) or _wordless()


def words_or_none(text: str) -> str:
    """A reason that may be missing."""
    text = text.strip()
    if len(text) > _LONGEST_WORDS:
        raise BadEntry(f"at most {_LONGEST_WORDS} characters")
    return text


def number(text: str, low: float, high: float) -> float:
    """A number within limits.

    >>> number("-3", -10, 10)
    -3.0
    """
    try:
        value = float(text.strip())
    except ValueError:
        raise BadEntry("a number is needed") from None
    if not math.isfinite(value):
        raise BadEntry("a number is needed")
    if not low <= value <= high:
        raise BadEntry(f"{low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}")
    return value


def free_sensor_id(sensor_type: str, taken: Container[str]) -> str:
    """The first id of the usual form that is not in use.

    >>> free_sensor_id("vibration", {"vib-sensor-001"})
    'vib-sensor-002'
    """
    usual = SENSOR_TYPES.get(sensor_type)
    prefix = usual.prefix if usual is not None else sensor_type
    number = 1
    while f"{prefix}-sensor-{number:03d}" in taken:
        number += 1
    return f"{prefix}-sensor-{number:03d}"


def _wordless() -> str:
    raise BadEntry("a few words are needed")


def _missing() -> str:
    raise BadEntry("a name is needed")
