"""Files of recorded readings for a backtest: a column a sensor or a channel, or messages as they came."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from controlroom.core.backtest.series import MachineRow, Sample
from controlroom.errors import InputError
from controlroom.tabular import SUFFIXES, Form, Row, Selection, Summary, Table, is_table
from controlroom.tabular.decimals import lenient_reader

#: What the fault bench calls the fields of a message.
MESSAGE_COLUMNS = ("arrival_s", "seq", "ts_s", "payload")
#: What cannot be in the name of a file everywhere.
_NO_FILE_NAME = re.compile(r'[\x00-\x1f/\\:*?"<>|]+')


@dataclass(slots=True)
class SeriesFile:
    """One file, its head read.

    Attributes:
        table: how it is written.
        name: relative to the directory that was named; output has the same.
        as_is: keep its order also where time goes back.
        tell: is told how far it is.
    """

    table: Table
    name: str
    as_is: bool = False
    tell: Callable[[str], None] = lambda _: None
    #: how many rows go back in time; None: not checked yet
    _back: int | None = None

    @property
    def is_messages(self) -> bool:
        """Whether its rows are messages, with their times of arrival and their numbers."""
        return set(MESSAGE_COLUMNS) <= set(self.table.columns)

    def series_names(self, columns: Sequence[str]) -> list[str]:
        """What the series of columns are called: as the file, or where they are several, as files in its place."""
        if len(columns) == 1:
            return [self.name]
        names: list[str] = []
        for column in columns:
            name = _NO_FILE_NAME.sub("_", column).strip(". ") or "column"
            names.append(f"{name}-{len(names) + 1}" if name in names else name)
        return [f"{stem(self.name)}/{name}.csv" for name in names]

    def check(self, columns: Sequence[str], marks: str | None, *, gaps: bool) -> Summary:
        """Read it all; `gaps`: an empty cell is no reading, as in a file with a column for each sensor.

        Raises:
            InputError: a row is wrong; names the line.
        """
        summary = self._selection(columns, marks, gaps=gaps).check()
        self._back = summary.back.count
        return summary

    def samples(self, column: str, marks: str | None, out: bytearray, *, gaps: bool) -> Iterator[Sample]:
        """The readings in the order of time; `marks` is a column of 0/1 that is collected in `out`, in that order, too.

        Raises:
            InputError: as `check`.
        """
        for row in self._selection([column], marks, gaps=gaps).rows():
            if marks is not None:
                out.append(_is_marked(row))
            yield Sample(row.text, row.time.timestamp(), row.values[0])

    def machine_rows(self, channels: Sequence[str], marks: str | None, out: bytearray) -> Iterator[MachineRow]:
        """The rows of all channels together.

        Raises:
            InputError: as `check`.
        """
        count = len(channels)
        for row in self._selection(channels, marks, gaps=False).rows():
            if marks is not None:
                out.append(_is_marked(row))
            yield MachineRow(row.text, row.time.timestamp(), row.values[:count])

    def messages(self) -> Iterator[Sample]:
        """The messages in the order in which they came.

        Raises:
            InputError: as `check`.
        """
        places = self.table.places(MESSAGE_COLUMNS)
        value = lenient_reader(self.table.decimal or ".")
        for line, cells in self.table.rows(places):
            try:
                arrived, seq, t, payload = [cells[place] for place in places]
                yield Sample(t, float(t), value(payload), int(seq), float(arrived))
            except (ValueError, IndexError) as error:
                raise InputError(f"{self.name}: line {line}: {error}") from None

    def _selection(self, columns: Sequence[str], marks: str | None, *, gaps: bool) -> Selection:
        return Selection(
            self.table,
            self.table.places([*columns, marks] if marks is not None else columns),
            lenient=True,
            gaps=gaps,
            extra=int(marks is not None),
            as_is=self.as_is,
            with_text=True,
            tell=self.tell,
            back=self._back,
        )


def find_series(path: Path, form: Form) -> list[SeriesFile]:
    """The file, or all tables under the directory, by name; names are relative to it.

    Raises:
        InputError: there are none.
    """
    if not path.is_dir():
        return [SeriesFile(Table.open(path, form), path.name)]
    paths = sorted(found for found in path.rglob("*") if is_table(found) and found.is_file())
    if not paths:
        raise InputError(f"{path}: there is no table under it", hint=f"files end in {', '.join(SUFFIXES)}")
    names = [found.relative_to(path).as_posix() for found in paths]
    return [SeriesFile(Table.open(found, form, name), name) for found, name in zip(paths, names, strict=True)]


def stem(name: str) -> str:
    """A file's name without its ending.

    >>> stem("hall/press.csv.gz"), stem("press.parquet"), stem("press.1")
    ('hall/press', 'press', 'press.1')
    """
    suffix = next((suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


def _is_marked(row: Row) -> bool:
    mark = row.values[-1]
    return mark is not None and mark > 0
