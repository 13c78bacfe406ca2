"""Times that are numbers since 1970, in seconds to nanoseconds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

from controlroom.tabular.form import UNITS, Undecided

#: Numbers from the first of each pair on are in this unit since 1970, below them in seconds (year 5138).
_UNITS_FROM = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (0.0, "s"))
_UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
#: Numbers that are times also where no name says so: from 1990 to 2100.
_LIKELY_S = (6.3e8, 4.2e9)
#: Digits that are a calendar date as well as a number.
_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


class NoNumber(ValueError):
    """A text is no number at all."""


def since_1970(text: str, decimal: str, unit: str | None) -> datetime:
    """The moment, UTC; without a unit it is that which the number has by how large it is.

    Raises:
        NoNumber: it is no number.
        ValueError: it is too large.
    """
    number = float_of(text, decimal)
    if number is None or math.isnan(number):
        raise NoNumber(f"{text[:40]!r} is not a time")
    try:
        return datetime.fromtimestamp(number / UNITS[unit or unit_of_number(number)], UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is not a time") from None


def float_of(text: str, decimal: str) -> float | None:
    """The number, with this decimal sign; None: it is none."""
    try:
        return float(text if decimal == "." else text.replace(decimal, ".", 1))
    except ValueError:
        return None


def is_float(text: str) -> bool:
    """Whether this is a number, with either sign."""
    return float_of(text, ".") is not None or float_of(text, ",") is not None


def is_likely_since_1970(text: str) -> bool:
    """Whether a number is a time between 1990 and 2100 in one of the units."""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return False
    return any(_LIKELY_S[0] <= number / parts <= _LIKELY_S[1] for parts in UNITS.values())


def unit_of_column(texts: Iterable[str], decimal: str) -> str | None:
    """The unit in which a column counts since 1970, by its largest number; None: it holds no numbers.

    Raises:
        Undecided: the numbers may be dates without marks, as 20260105.
    """
    numbers = [bare for text in texts if math.isfinite(float_of(bare := text.strip(), decimal) or math.nan)]
    if not numbers:
        return None
    unit = unit_of_number(max(abs(float_of(bare, decimal) or 0.0) for bare in numbers))
    if all(_is_compact(bare) for bare in numbers):
        pattern = _COMPACT[len(numbers[0])]
        day = datetime.strptime(numbers[0], pattern)  # noqa: DTZ007 - only its digits are shown
        raise Undecided(
            f"{numbers[0]!r} may be {day.isoformat(' ')} or {_UNIT_NAMES[unit]} since 1970",
            hint=f"say which with --time-format {pattern} or --time-format {unit}",
            text=numbers[0],
        )
    return unit


def unit_of_number(number: float) -> str:
    """The unit that a number since 1970 has by how large it is."""
    return next(unit for start, unit in _UNITS_FROM if abs(number) >= start)


def least_of_unit(unit: str) -> float:
    """The least number that has this unit by how large it is."""
    return next(start for start, name in _UNITS_FROM if name == unit)


def name_of_unit(unit: str) -> str:
    """A unit in words."""
    return _UNIT_NAMES[unit]


def _is_compact(text: str) -> bool:
    pattern = _COMPACT.get(len(text))
    if pattern is None or not text.isdigit():
        return False
    try:
        return 1900 <= datetime.strptime(text, pattern).year < 2200  # noqa: DTZ007 - only its digits are looked at
    except ValueError:
        return False
