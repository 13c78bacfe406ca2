"""Numbers as people write them: with either decimal sign, and thousands set apart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from controlroom.tabular.form import Undecided

#: Beside the other sign, spaces (also those that do not break) and apostrophes set thousands apart.
_GAPS = " \u00a0\u2009\u202f'\u2019"
_WITHOUT_GAPS = str.maketrans({**dict.fromkeys(_GAPS), "\u2212": "-"})
_SHAPE = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?")
_COMMAS_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_POINTS_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?")
_GAPS_GROUP = re.compile(rf"[+-]?[1-9]\d{{0,2}}([{_GAPS}])\d{{3}}(\1\d{{3}})*([.,]\d*)?")
#: Beyond this a number is none that a sensor can measure (`controlroom.wire` bounds it so).
MOST = 1e15


def is_number(text: str) -> bool:
    """Whether this is a number, by whichever sign.

    >>> [is_number(text) for text in ("42.5", "42,5", "1 234,5", "1e-3", "nan", "05.01.2026", "21 C", "")]
    [True, True, True, True, True, False, False, False]
    """
    for decimal in ".,":
        try:
            number_of(text, decimal)
        except ValueError:
            continue
        return True
    return False


def decimal_sign(texts: Iterable[str]) -> str:
    """The decimal sign of numbers, "." or ",", as these texts tell it; without any comma it is the point.

    >>> decimal_sign(["20", "42,5"]), decimal_sign(["1.234,5"]), decimal_sign(["1,234.5"]), decimal_sign(["0,125"])
    (',', ',', '.', ',')
    >>> decimal_sign(["1 234,567"]), decimal_sign(["1.234.567"]), decimal_sign(["a, b"])
    (',', ',', '.')

    Raises:
        Undecided: every comma may be a decimal sign as well as a separator of thousands.

    >>> decimal_sign(["1,234", "20"])
    Traceback (most recent call last):
    ...
    controlroom.tabular.form.Undecided: '1,234' may be 1234 or 1.234: say which with --decimal point or --decimal comma
    """
    doubtful = ""
    for text in texts:
        comma = text.rfind(",")
        if comma < 0 and text.count(".") < 2:
            continue
        told = _told_by(text.strip())
        if told == "?":
            doubtful = doubtful or text.strip()
        elif told:
            return told
    if doubtful:
        meant = f"{doubtful.replace(',', '')} or {doubtful.replace(',', '.')}"
        raise Undecided(
            f"{doubtful!r} may be {meant}", hint="say which with --decimal point or --decimal comma", text=doubtful
        )
    return "."


def _told_by(text: str) -> str:
    """What a text with a comma or two points tells: a sign, nothing, or "?": it may be read both ways."""
    bare = text.translate(_WITHOUT_GAPS)
    if not _SHAPE.fullmatch(bare):
        return ""
    comma, point = bare.rfind(","), bare.rfind(".")
    if comma < 0:
        return "," if _POINTS_GROUP.fullmatch(bare) else ""
    if point >= 0:
        return "," if comma > point else "."
    if len(bare) < len(text) and _GAPS_GROUP.fullmatch(text):
        return ","
    if not _COMMAS_GROUP.fullmatch(bare):
        return ","
    return "." if bare.count(",") > 1 else "?"


def number_of(text: str, decimal: str) -> float:
    """A number that is written with this decimal sign; the other sign, spaces and apostrophes may separate thousands.

    >>> number_of("1.234,5", ","), number_of("1,234.5", "."), number_of("42,5", ","), number_of("1'234.5", ".")
    (1234.5, 1234.5, 42.5, 1234.5)

    Raises:
        ValueError: it is none, or its signs stand where they cannot.

    >>> number_of("42,5", ".")
    Traceback (most recent call last):
    ...
    ValueError: '42,5' is not a number
    """
    bare = text.strip().replace("\u2212", "-")
    if _GAPS_GROUP.fullmatch(bare):
        bare = bare.translate(_WITHOUT_GAPS)
    if decimal != ",":
        if "," in bare and _COMMAS_GROUP.fullmatch(bare):
            bare = bare.replace(",", "")
    elif _POINTS_GROUP.fullmatch(bare):
        bare = bare.replace(".", "").replace(",", ".")
    elif "." in bare:
        bare = ""
    else:
        bare = bare.replace(",", ".", 1)
    try:
        return float(bare)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number") from None


class SignNeeded(Exception):
    """A cell was met that only the decimal sign of its column makes a number."""


def strict_reader(decimal: str) -> Callable[[str], float]:
    """Reads a cell that must be a number which a sensor can measure.

    The reader raises `ValueError` if it is none.

    Args:
        decimal: the sign; "": not known, and not needed before a cell has a comma or several points (`SignNeeded`).
    """
    quick = _quick_reader(decimal)

    def read(text: str) -> float:
        try:
            number = quick(text)
        except ValueError:
            number = number_of(text, decimal)
        if -MOST <= number <= MOST:
            return number
        raise ValueError(f"{text[:40]!r} is not a number that a sensor can measure")

    return read


def lenient_reader(decimal: str) -> Callable[[str], float | None]:
    """Reads a cell that may hold anything: a finite number, else None; `decimal` as `strict_reader` has it.

    >>> [lenient_reader(".")(text) for text in ("42.5", "", "NaN", "err:-1", "1e999")]
    [42.5, None, None, None, None]
    """
    quick = _quick_reader(decimal)

    def read(text: str) -> float | None:
        try:
            number = quick(text)
        except ValueError:
            try:
                number = number_of(text, decimal)
            except ValueError:
                return None
        return number if abs(number) < math.inf else None

    return read


def _quick_reader(decimal: str) -> Callable[[str], float]:
    """Reads what has no separators of thousands; raises `ValueError` at anything else."""
    if decimal == ",":

        def with_comma(text: str) -> float:
            if "." in text:
                raise ValueError(text)
            return float(text.replace(",", ".", 1))

        return with_comma
    if decimal == ".":
        return float

    def undecided(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            if _needs_sign(text):
                raise SignNeeded from None
            raise

    return undecided


def _needs_sign(text: str) -> bool:
    return ("," in text or text.count(".") > 1) and bool(_told_by(text.strip()))
