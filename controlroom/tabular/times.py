"""Times as people write them: ISO 8601, dates with dots, slashes or names of months, numbers since 1970."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from controlroom.tabular.form import UNITS, Form, Undecided
from controlroom.tabular.zones import ZoneClock

#: Numbers from the first of each pair on are in this unit since 1970, below them in seconds (year 5138).
_UNITS_FROM = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (0.0, "s"))
_UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
#: Numbers that are times also where no name says so: from 1990 to 2100.
_LIKELY_S = (6.3e8, 4.2e9)
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
#: HH:MM and HH:MM:SS
_CLOCK_LENGTHS = (5, 8)
#: 1.1.2026 without a blank
_LEAST_DATE = 8
_MOST_DAYS = 4096
#: Digits that are a calendar date as well as a number.
_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True, slots=True)
class TimeRule:
    """How the times of one column are read.

    Attributes:
        form: what the user says.
        decimal: the decimal sign of numbers.
        unit: of numbers since 1970; None: by how large each is.
        day_first: whether the day stands before the month where slashes or hyphens separate them; None: not known.
        rising: whether the times rise (True), fall (False) or neither (None): tells hours apart that are there twice.
        shape: what is tried first: "iso", "calendar" (other dates) or "" (numbers).
    """

    form: Form
    decimal: str = "."
    unit: str | None = None
    day_first: bool | None = None
    rising: bool | None = None
    shape: str = ""

    def clock(self) -> ZoneClock | None:
        """What is needed to read times of a zone; its state is that of one pass over the column."""
        return ZoneClock(self.form.zone, rising=self.rising) if self.form.zone is not None else None

    def reader(self, clock: ZoneClock | None = None) -> Callable[[str], datetime]:
        """Reads the text of a time: a moment, UTC.

        The reader raises `ValueError`: it is no time, or (`Undecided`) may be two.
        """
        written = self._as_written()

        def read(text: str) -> datetime:
            moment = written(text)
            zone = moment.tzinfo
            if zone is UTC:
                return moment
            try:
                if zone is not None:
                    return moment.astimezone(UTC)
                return moment.replace(tzinfo=UTC) if clock is None else clock.utc(moment)
            except OverflowError:
                raise ValueError(f"{text[:40]!r} is not a time") from None

        if self.shape != "iso" or self.form.time_format is not None:
            return read
        iso = datetime.fromisoformat

        def read_iso(text: str) -> datetime:
            try:
                moment = iso(text)
            except ValueError:
                return read(text)
            zone = moment.tzinfo
            if zone is UTC:
                return moment
            if zone is None and clock is None:
                return moment.replace(tzinfo=UTC)
            return read(text)

        return read_iso

    def naive(self, text: str) -> datetime:
        """The time as it is written, its zone left out.

        Raises:
            ValueError: as `reader`.
        """
        return self._as_written()(text).replace(tzinfo=None)

    def number(self, text: str) -> float | None:
        """The text as a number since 1970, in its unit; None: it is none."""
        return _float(text.strip(), self.decimal)

    def seconds(self, number: float) -> float:
        """A number since 1970 in seconds."""
        return number / UNITS[self.unit or "s"]

    def _as_written(self) -> Callable[[str], datetime]:
        form = self.form.time_format
        if form in UNITS:
            return lambda text: _since_1970(text, self.decimal, form)
        if form is not None:
            return lambda text: _formatted(text, form)
        return self._by_calendar() if self.shape == "calendar" else self._any

    def _by_calendar(self) -> Callable[[str], datetime]:
        """Dates first; a day is made out once, its other times are then as quick as ISO 8601."""
        days: dict[str, str] = {}

        def read(text: str) -> datetime:
            date, _, time = text.partition(" ")
            day = days.get(date)
            if day is not None and len(time) in _CLOCK_LENGTHS:
                try:
                    return datetime.fromisoformat(f"{day}T{time}")
                except ValueError:
                    pass
            try:
                moment = _calendar(text.strip(), day_first=self.day_first)
            except Undecided:
                raise
            except ValueError:
                return self._any(text)
            if time and len(date) >= _LEAST_DATE and date[0].isdigit():
                if len(days) >= _MOST_DAYS:
                    days.clear()
                days[date] = f"{moment:%Y-%m-%d}"
            return moment

        return read

    def _any(self, text: str) -> datetime:
        bare = text.strip()
        try:
            return _since_1970(bare, self.decimal, self.unit)
        except _NoNumber:
            pass
        try:
            return datetime.fromisoformat(bare)
        except ValueError:
            return _calendar(bare, day_first=self.day_first)


def parse_time(text: str, form: Form | None = None) -> datetime:
    """One time, UTC: ISO 8601, a date with dots or names of months, or a number since 1970 in s, ms, us or ns.

    >>> for text in ("2014-04-01 00:05:00", "1396310700000", "01.04.2014 00:05", "1 Apr 2014 12:05 AM"):
    ...     print(parse_time(text))
    2014-04-01 00:05:00+00:00
    2014-04-01 00:05:00+00:00
    2014-04-01 00:05:00+00:00
    2014-04-01 00:05:00+00:00

    Raises:
        ValueError: it is none of these; `Undecided`: it may be read in two ways.
    """
    rule = TimeRule(form or Form())
    return rule.reader(rule.clock())(text)


def kind_of_time(text: str) -> str:
    """What a text is by its shape: "time" (a day and a time of day), "date", "clock" (a time of day), or "".

    >>> [kind_of_time(text) for text in ("05.01.2026 13:00", "2026-01-05", "1:00 PM", "42.5", "1767225600")]
    ['time', 'date', 'clock', '', '']
    """
    bare = text.strip()
    # What looks like a number is one, until a column's name or an option says that it is a time.
    if bare.count(":") == 0 and _is_float(bare):
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
            _calendar(bare, day_first=day_first)
        except ValueError:
            continue
        return "time" if found["h"] else "date"
    return ""


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
    numbers = [bare for text in texts if _float(bare := text.strip(), decimal) is not None]
    if not numbers:
        return None
    unit = unit_of_number(max(abs(_float(bare, decimal) or 0.0) for bare in numbers))
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
            readings.append(f"{_calendar(text, day_first=day_first):%Y-%m-%d}")
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


class _NoNumber(ValueError):
    """A text is no number at all."""


def _since_1970(text: str, decimal: str, unit: str | None) -> datetime:
    number = _float(text, decimal)
    if number is None or number != number:
        raise _NoNumber(f"{text[:40]!r} is not a time")
    try:
        return datetime.fromtimestamp(number / UNITS[unit or unit_of_number(number)], UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is not a time") from None


def _float(text: str, decimal: str) -> float | None:
    try:
        return float(text if decimal == "." else text.replace(decimal, ".", 1))
    except ValueError:
        return None


def _is_float(text: str) -> bool:
    return _float(text, ".") is not None or _float(text, ",") is not None


def _is_compact(text: str) -> bool:
    pattern = _COMPACT.get(len(text))
    if pattern is None or not text.isdigit():
        return False
    try:
        return 1900 <= datetime.strptime(text, pattern).year < 2200  # noqa: DTZ007 - only its digits are looked at
    except ValueError:
        return False


def _formatted(text: str, form: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), form)  # noqa: DTZ007 - a format may name the zone
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a time as {form} says") from None


def _calendar(text: str, *, day_first: bool | None) -> datetime:
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
