"""Files of recorded readings for a backtest: a value a row, a machine's channels a row, or messages as they came."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TextIO

from controlroom.core.backtest.series import MachineRow, Sample
from controlroom.errors import InputError
from simulator.csv_input import MOST_SORTED, decimal_sign, number_of, parse_time, separator_of

TIME_COLUMNS = ("timestamp", "datetime", "time", "date", "ts")
#: Columns that are answers and never channels.
LABEL_COLUMNS = frozenset({"anomaly", "changepoint", "label", "is_anomaly", "outlier"})
#: What the fault bench calls the fields of a message.
MESSAGE_COLUMNS = ("arrival_s", "seq", "ts_s", "payload")
SUFFIXES = (".csv", ".csv.gz")


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """One file, its header read.

    Attributes:
        path: where it is.
        name: relative to the directory that was named; output has the same.
        columns: as the header names them.
        separator: what stands between the columns.
        decimal: the decimal sign, "." or ","; None: as the file's numbers tell it.
        version: when it was written (ns) and its size: what was found out about a file holds for that alone.
    """

    path: Path
    name: str
    columns: tuple[str, ...]
    separator: str
    decimal: str | None = None
    version: tuple[int, int] = (0, 0)

    @property
    def is_messages(self) -> bool:
        """Whether its rows are messages, with their times of arrival and their numbers."""
        return set(MESSAGE_COLUMNS) <= set(self.columns)

    @property
    def time_column(self) -> str | None:
        """The column of the event times; None: there is none."""
        by_name = {column.lower(): column for column in self.columns}
        return next((by_name[name] for name in TIME_COLUMNS if name in by_name), None)

    def channels(self, without: Sequence[str] = ()) -> list[str]:
        """The columns that are measured: neither the time nor labels."""
        return [
            column
            for column in self.columns
            if column != self.time_column and column.lower() not in LABEL_COLUMNS and column not in without
        ]

    def value_column(self, wanted: str | None = None, without: Sequence[str] = ()) -> str:
        """The column of a sensor's values: `wanted`, or ``value``, or the only one that is measured.

        Raises:
            InputError: there is no such one.
        """
        channels = self.channels(without)
        name = wanted or ("value" if "value" in channels else channels[0] if len(channels) == 1 else None)
        if name is None or name not in self.columns:
            raise InputError(
                f"{self.name}: {'no column ' + repr(wanted) if wanted else 'which column holds the values?'}",
                hint=f"name one with --column, or watch all with --prediction; columns: {', '.join(self.columns)}",
            )
        return name

    def samples(self, column: str | None, marks: str | None = None, out: bytearray | None = None) -> Iterator[Sample]:
        """The readings in the order of time; `marks` is a column of 0/1 that is collected in `out`, in that order, too.

        Raises:
            InputError: a row is wrong; names the line.
        """
        if self.is_messages:
            yield from self._messages()
            return
        value = self.value_column(column, (marks,) if marks else ())
        names = [self._time(), value] + [marks] * (marks is not None)
        decimal = self._decimal_of((value,))
        for t, cells in self._timed(names):
            if out is not None and marks is not None:
                out.append(_mark(cells[2]))
            yield Sample(cells[0], t, read_number(cells[1], decimal))

    def machine_rows(
        self, channels: Sequence[str], marks: str | None = None, out: bytearray | None = None
    ) -> Iterator[MachineRow]:
        """The rows of all channels together.

        Raises:
            InputError: as `samples`.
        """
        names = [self._time(), *channels] + [marks] * (marks is not None)
        count = len(channels) + 1
        decimal = self._decimal_of(tuple(channels))
        for t, cells in self._timed(names):
            if out is not None and marks is not None:
                out.append(_mark(cells[-1]))
            yield MachineRow(cells[0], t, tuple(read_number(cell, decimal) for cell in cells[1:count]))

    def back(self) -> int:
        """How many rows have a time before that of the row above; messages are in the order in which they came.

        Raises:
            InputError: as `samples`.
        """
        return 0 if self.is_messages else _rows_back(self)

    def times(self) -> Iterator[float]:
        """The times of the rows in the order of the file, seconds since the epoch.

        Raises:
            InputError: as `samples`.
        """
        for line, (text,) in self._cells([self._time()]):
            yield self._seconds(line, text)

    def _timed(self, names: Sequence[str | None]) -> Iterator[tuple[float, list[str]]]:
        """(time, cells) of each row; sorted by time where the file is not."""
        rows = ((self._seconds(line, cells[0]), cells) for line, cells in self._cells(names))
        if not self.back():
            return rows
        found = list(islice(rows, MOST_SORTED + 1))
        if len(found) > MOST_SORTED:
            raise InputError(
                f"{self.name}: its rows are not in the order of time, and too many to sort (at most {MOST_SORTED})",
                hint="sort the file by its time column first",
            )
        return iter(sorted(found, key=itemgetter(0)))

    def _decimal_of(self, columns: tuple[str, ...]) -> str:
        return self.decimal or _decimal_in(self, columns)

    def cells(self, columns: Sequence[str]) -> Iterator[str]:
        """The cells of these columns, row by row.

        Raises:
            InputError: as `samples`.
        """
        for _, row in self._cells(columns):
            yield from row

    def _messages(self) -> Iterator[Sample]:
        for line, (arrived, seq, t, payload) in self._cells(MESSAGE_COLUMNS):
            try:
                yield Sample(t, float(t), read_number(payload), int(seq), float(arrived))
            except ValueError as error:
                raise InputError(f"{self.name}: line {line}: {error}") from None

    def _time(self) -> str:
        name = self.time_column
        if name is None:
            raise InputError(f"{self.name}: no column named timestamp", hint=f"columns: {', '.join(self.columns)}")
        return name

    def _seconds(self, line: int, text: str) -> float:
        try:
            return parse_time(text).timestamp()
        except ValueError as error:
            raise InputError(f"{self.name}: line {line}: {error}") from None

    def _cells(self, names: Sequence[str | None]) -> Iterator[tuple[int, list[str]]]:
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise InputError(f"{self.name}: no column {missing[0]!r}", hint=f"columns: {', '.join(self.columns)}")
        places = [self.columns.index(name) for name in names if name is not None]
        try:
            with open_text(self.path) as file:
                reader = csv.reader(file, delimiter=self.separator)
                next(reader, None)
                for row in reader:
                    if row:
                        # A row that breaks off has no value there: kept, so that output has as many rows as input.
                        yield reader.line_num, [row[place] if place < len(row) else "" for place in places]
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{self.name}: {error}") from None


@lru_cache(maxsize=1024)
def _rows_back(file: SeriesFile) -> int:
    # Asked for the message and for the order: a pass over the file each, if it were not kept.
    count, above = 0, -math.inf
    for t in file.times():
        count += t < above
        above = t
    return count


@lru_cache(maxsize=1024)
def _decimal_in(file: SeriesFile, columns: tuple[str, ...]) -> str:
    try:
        return decimal_sign(file.cells(columns))
    except ValueError as error:
        raise InputError(f"{file.name}: {error}") from None


def open_series(path: Path, name: str) -> SeriesFile:
    """Read a file's header.

    Raises:
        InputError: it cannot be read, or has none.
    """
    try:
        stat = path.stat()
        version = (stat.st_mtime_ns, stat.st_size)
        with open_text(path) as file:
            header = file.readline(1 << 16)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    separator = separator_of(header)
    columns = tuple(cell.strip() for cell in next(csv.reader([header], delimiter=separator), []))
    if not columns:
        raise InputError(f"{path}: it is empty", hint="the first line names the columns: timestamp,value")
    return SeriesFile(path, name, columns, separator, version=version)


def find_series(path: Path) -> list[SeriesFile]:
    """The file, or all CSV files under the directory, by name; names are relative to it.

    Raises:
        InputError: there are none.
    """
    if not path.is_dir():
        return [open_series(path, path.name)]
    paths = sorted(found for found in path.rglob("*.csv*") if found.name.endswith(SUFFIXES) and found.is_file())
    if not paths:
        raise InputError(f"{path}: there is no CSV file under it", hint="files end in .csv or .csv.gz")
    return [open_series(found, found.relative_to(path).as_posix()) for found in paths]


def open_text(path: Path) -> TextIO:
    """Open a file for reading, through gzip where its name says so."""
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), "utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def read_number(text: str, decimal: str = ".") -> float | None:
    """A finite number with this decimal sign, or None for whatever else a payload or a cell may hold.

    >>> [read_number(text) for text in ("42.5", "", "NaN", "err:-1", "1e999")]
    [42.5, None, None, None, None]
    """
    try:
        number = number_of(text, decimal)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _mark(text: str) -> bool:
    number = read_number(text)
    return number is not None and number > 0
