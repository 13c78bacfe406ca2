"""Real input: a CSV file of `timestamp,value` as readings of one sensor."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from simulator.errors import CsvError

#: Numbers from the first of each pair on are so many to the second since 1970, below them seconds (year 5138).
_PARTS_FROM = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
#: Numbers whose commas (points) may separate thousands.
_COMMAS_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_POINTS_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?")
_SEPARATORS = ",;\t|"
#: How the options name the decimal signs.
DECIMAL_SIGNS = {"point": ".", "comma": ","}
#: Rows that are sorted in memory at the most.
MOST_SORTED = 5_000_000
_TIME_COLUMNS = ("timestamp", "time", "datetime", "date", "ts")
_MOST = 1e15


class Row(NamedTuple):
    """One measured value: when, and what, in the unit that the user names."""

    line: int
    timestamp: datetime
    value: float


class Summary(NamedTuple):
    """What is in a file."""

    rows: int
    #: rows that were passed over
    bad: int
    #: rows whose time is before that of the row above
    back: int
    #: the first row's time and the latest; None when there are no rows
    first: datetime | None
    latest: datetime | None


@dataclass(slots=True)
class CsvFile:
    """Reads the rows of a file one after another, as often as it is asked.

    Args:
        path: the file, UTF-8, comma or semicolon separated, with a line of column names.
        column: the column of the values; None: `value`, or the only one beside the time.
        limit: no more than so many rows.
        skip_bad: count bad rows in `bad` and go on, instead of raising at the first.
        as_is: keep the file's order also where time goes back.
        decimal: the decimal sign, "." or ","; None: as the file's numbers tell it.
    """

    path: Path
    column: str | None = None
    limit: int | None = None
    skip_bad: bool = False
    as_is: bool = False
    decimal: str | None = None
    bad: int = 0
    back: int = 0

    def check(self) -> Summary:
        """Read it all, so that nothing is sent of a file that turns out to be wrong further down.

        Raises:
            CsvError: as `rows`.
        """
        count, back, first, latest, above = 0, 0, None, None, None
        for row in self._as_written():
            count += 1
            t = row.timestamp
            back += above is not None and t < above
            above = t
            if latest is None or first is None:
                first = latest = t
            else:
                first, latest = (first if self.as_is else min(first, t)), max(latest, t)
        self.back = back
        if back and not self.as_is and count > MOST_SORTED:
            raise CsvError(
                f"{self.path.name}: its rows are not in the order of time, and {count} are too many to sort (at most "
                f"{MOST_SORTED}); sort the file, or keep its order with --order as-is"
            )
        return Summary(count, self.bad, back, first, latest)

    def rows(self) -> Iterator[Row]:
        """The rows in the order of time where `check` found that the file has another, else in the file's order.

        Raises:
            CsvError: the file cannot be read, or a row is wrong; names the line.
        """
        if self.back and not self.as_is:
            return iter(sorted(self._as_written(), key=lambda row: row.timestamp))
        return self._as_written()

    def _as_written(self) -> Iterator[Row]:
        self.bad = 0
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                if self.decimal is None:
                    self.decimal = self._decimal_of(file)
                    file.seek(0)
                yield from islice(self._parse(file), self.limit)
        except UnicodeDecodeError as error:
            raise CsvError(f"{self.path.name}: not UTF-8 ({error.reason})") from None
        except OSError as error:
            raise CsvError(f"{self.path.name}: {error.strerror or error}") from None

    def _parse(self, lines: Iterator[str]) -> Iterator[Row]:
        header = next(lines, "")
        separator = separator_of(header)
        names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
        time_at, value_at = self._columns(names)
        reader = csv.reader(lines, delimiter=separator)
        while True:
            try:
                row = next(reader)
                line = reader.line_num + 1
                if not row:
                    continue
                if max(time_at, value_at) >= len(row):
                    raise ValueError(f"{len(row)} columns, {len(names)} expected")
                yield Row(line, parse_time(row[time_at]), _number(row[value_at], self.decimal or "."))
            except StopIteration:
                return
            except (ValueError, csv.Error) as error:
                if not self.skip_bad:
                    raise CsvError(f"{self.path.name}: line {reader.line_num + 1}: {error}") from None
                self.bad += 1

    def _decimal_of(self, lines: Iterator[str]) -> str:
        header = next(lines, "")
        separator = separator_of(header)
        names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
        _, value_at = self._columns(names)
        try:
            return decimal_sign(row[value_at] for row in csv.reader(lines, delimiter=separator) if value_at < len(row))
        except ValueError as error:
            raise CsvError(f"{self.path.name}: {error}") from None
        except csv.Error:
            return "."  # the row is told with its line when it is read

    def _columns(self, names: list[str]) -> tuple[int, int]:
        lowered = [name.lower() for name in names]
        time_at = next((lowered.index(name) for name in _TIME_COLUMNS if name in lowered), None)
        if time_at is None:
            raise CsvError(
                f"{self.path.name}: line 1: no column named timestamp; columns: {', '.join(names) or 'none'}"
            )
        wanted = "value" if self.column is None else self.column
        if wanted in names:
            return time_at, names.index(wanted)
        if self.column is None and len(names) == 2:
            return time_at, 1 - time_at
        raise CsvError(f"{self.path.name}: line 1: no column named {wanted}; columns: {', '.join(names)}")


def separator_of(header: str) -> str:
    r"""What separates the columns: a comma, a semicolon, a tab or a bar, whichever the header has most of.

    >>> separator_of("timestamp,value"), separator_of("timestamp;value"), separator_of("timestamp\tvalue")
    (',', ';', '\t')
    """
    return max(_SEPARATORS, key=header.count)


def decimal_sign(texts: Iterable[str]) -> str:
    """The decimal sign of numbers, "." or ",", as these texts tell it; without any comma it is the point.

    >>> decimal_sign(["20", "42,5"]), decimal_sign(["1.234,5"]), decimal_sign(["1,234.5"]), decimal_sign(["0,125"])
    (',', ',', '.', ',')

    Raises:
        ValueError: every comma may be a decimal sign as well as a separator of thousands.

    >>> decimal_sign(["1,234", "20"])
    Traceback (most recent call last):
    ...
    ValueError: '1,234' may be 1234 or 1.234: say which with --decimal point or --decimal comma
    """
    doubtful = ""
    for text in texts:
        comma = text.rfind(",")
        if comma < 0:
            continue
        point = text.rfind(".")
        if point >= 0:
            return "," if comma > point else "."
        if not _COMMAS_GROUP.fullmatch(text.strip()):
            return ","
        if text.count(",") > 1:
            return "."
        doubtful = doubtful or text.strip()
    if doubtful:
        meant = f"{doubtful.replace(',', '')} or {doubtful.replace(',', '.')}"
        raise ValueError(f"{doubtful!r} may be {meant}: say which with --decimal point or --decimal comma")
    return "."


def number_of(text: str, decimal: str) -> float:
    """A number that is written with this decimal sign; the other sign may separate thousands.

    >>> number_of("1.234,5", ","), number_of("1,234.5", "."), number_of("42,5", ",")
    (1234.5, 1234.5, 42.5)

    Raises:
        ValueError: it is none, or its signs stand where they cannot.

    >>> number_of("42,5", ".")
    Traceback (most recent call last):
    ...
    ValueError: '42,5' is not a number
    """
    bare = text.strip()
    if decimal == ".":
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


def parse_time(text: str) -> datetime:
    """ISO 8601 with or without a zone (then UTC), or seconds, milli-, micro- or nanoseconds since 1970.

    >>> parse_time("2014-04-01 00:05:00").isoformat(), parse_time("1396310700000").isoformat()
    ('2014-04-01T00:05:00+00:00', '2014-04-01T00:05:00+00:00')

    Raises:
        ValueError: it is none of these.
    """
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is not a time") from None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    try:
        parts = next((parts for start, parts in _PARTS_FROM if abs(number) >= start), 1.0)
        return datetime.fromtimestamp(number / parts, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is not a time") from None


def _number(text: str, decimal: str) -> float:
    number = number_of(text, decimal)
    if not math.isfinite(number) or abs(number) > _MOST:
        raise ValueError(f"{text[:40]!r} is not a number that a sensor can measure")
    return number
