"""Times that are written as dates: with dots, slashes, hyphens or names of months."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from controlroom.tabular.epochs import is_float
from controlroom.tabular.form import Undecided

_CLOCK = (
    r"(?P<h>\d{1,2})(?P<to>[:.])(?P<mi>\d{2})(?:(?P=to)(?P<s>\d{2})(?:[.,](?P<f>\d+))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?(?:\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?"
)
_AND_CLOCK = rf"(?:(?:\s*[T,]\s*|\s+){_CLOCK})?"
_NUMERIC = re.compile(rf"(?P<a>\d{{1,4}})(?P<mark>[./-])(?P<b>\d{{1,2}})(?P=mark)(?P<c>\d{{1,4}}){_AND_CLOCK}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_NAMED = (
    re.compile(rf"{_WEEKDAY}(?P<d>\d{{1,2}})[ .-]+{_MONTH}[ ,-]+(?P<y>\d{{4}}){_AND_CLOCK}", re.IGNORECASE),
    re.compile(rf"{_WEEKDAY}{_MONTH} +(?P<d>\d{{1,2}}),? +(?P<y>\d{{4}}){_AND_CLOCK}", re.IGNORECASE),
)
_TIME_OF_DAY = re.compile(_CLOCK.replace("[:.]", ":"))


def kind_of_time(text: str) -> str:
    """What a text is by its shape: "time" (a day and a time of day), "date", "clock" (a time of day), or "".

    >>> [kind_of_time(text) for text in ("05.01.2026 13:00", "2026-01-05", "1:00 PM", "42.5", "1767225600")]
    ['time', 'date', 'clock', '', '']
    """
    bare = text.strip()
    # What looks like a number is one, until a column's name or an option says that it is a time.
    if bare.count(":") == 0 and is_float(bare):
        return ""
    try:
        datetime.fromisoformat(bare)
    except ValueError:
        pass
    else:
        return "time" if len(bare) > 10 else "date"
    if _TIME_OF_DAY.fullmatch(bare):
        return "clock"
    found = next((found for pattern in (_NUMERIC, *_NAMED) if (found := pattern.fullmatch(bare))), None)
    if found is None:
        return ""
    for day_first in (True, False):
        try:
            moment_of_date(bare, day_first=day_first)
        except ValueError:
            continue
        return "time" if found["h"] else "date"
    return ""


def is_day_and_month(text: str) -> bool:
    """Whether day and month stand in an order that only the column can tell."""
    found = _NUMERIC.fullmatch(text.strip())
    return found is not None and found["mark"] != "." and len(found["a"]) <= 2 and len(found["c"]) == 4


def day_comes_first(texts: Iterable[str]) -> bool | None:
    """Whether the day stands before the month, as the first number above 12 tells; None: nothing is written so.

    >>> day_comes_first(["01/05/2026", "01/13/2026"]), day_comes_first(["13-01-2026"]), day_comes_first(["5.1.2026"])
    (False, True, None)

    Raises:
        Undecided: no number is above 12.
    """
    doubtful, same = "", False
    for text in texts:
        bare = text.strip()
        if not is_day_and_month(bare):
            continue
        found = _NUMERIC.fullmatch(bare)
        assert found is not None
        a, b = int(found["a"]), int(found["b"])
        if a > 12 or b > 12:
            return a > 12
        same = True
        if a != b:
            doubtful = doubtful or bare
    if doubtful:
        raise _either(doubtful)
    return True if same else None


def _either(text: str) -> Undecided:
    found = _NUMERIC.fullmatch(text)
    assert found is not None
    readings = []
    for day_first in (True, False):
        try:
            readings.append(f"{moment_of_date(text, day_first=day_first):%Y-%m-%d}")
        except ValueError:
            raise ValueError(f"{text[:40]!r} is not a time") from None
    mark = found["mark"]
    clock = "".join(
        (
            " %I" if found["half"] else " %H", f"{found['to']}%M", f"{found['to']}%S" if found["s"] else "",
            ".%f" if found["f"] else "", " %p" if found["half"] else "", "%z" if found["zone"] else "",
        )
    ) if found["h"] else ""  # fmt: skip
    forms = [f"--time-format '{mark.join(parts)}{clock}'" for parts in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"))]
    return Undecided(
        f"{text!r} may be {readings[0]} or {readings[1]}", hint=f"say which with {' or '.join(forms)}", text=text
    )


def moment_of_date(text: str, *, day_first: bool | None) -> datetime:
    """The time, naive where it names no zone; `day_first`: whether the day precedes the month (None: not known).

    Raises:
        ValueError: it is no such time; `Undecided`: day and month may be either.
    """
    found = _NUMERIC.fullmatch(text)
    if found is not None:
        year, month, day = _in_order(found, day_first=day_first)
    else:
        found = next((found for pattern in _NAMED if (found := pattern.fullmatch(text))), None)
        if found is None:
            raise ValueError(f"{text[:40]!r} is not a time")
        year, month, day = found["y"], str(_MONTHS.index(found["month"][:3].lower()) + 1), found["d"]
    written = f"{year}-{month:0>2}-{day:0>2}"
    if found["h"] is not None:
        hour = int(found["h"])
        if found["half"] is not None:
            if not 1 <= hour <= 12:
                raise ValueError(f"{text[:40]!r} is not a time")
            hour = hour % 12 + 12 * (found["half"] in "pP")
        zone = found["zone"] or ""
        fraction = f".{found['f']}" if found["f"] else ""
        written += f"T{hour:02}:{found['mi']}:{found['s'] or '00'}{fraction}"
        written += "+00:00" if zone in {"Z", "UTC", "GMT"} else zone
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a time") from None


def _in_order(found: re.Match[str], *, day_first: bool | None) -> tuple[str, str, str]:
    """Year, month and day of a date in digits."""
    a, b, c = found["a"], found["b"], found["c"]
    if len(a) == 4 and len(c) <= 2:
        return a, b, c
    if len(a) <= 2 and found["mark"] == "." and len(c) in {2, 4}:
        # Where dots separate them, the day comes first; a year of two digits is of 1969 to 2068, as strptime has it.
        return c if len(c) == 4 else f"{'19' if c >= '69' else '20'}{c}", b, a
    if len(a) > 2 or len(c) != 4:
        raise ValueError(f"{found[0][:40]!r} is not a time")
    if day_first is None:
        if int(a) <= 12 and int(b) <= 12 and int(a) != int(b):
            raise _either(found[0])
        day_first = int(a) > 12
    return (c, b, a) if day_first else (c, a, b)
