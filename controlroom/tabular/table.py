"""A table of recorded readings: how it is written is found out once, then its columns are selected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from controlroom.errors import InputError
from controlroom.tabular.dates import day_comes_first, is_day_and_month, kind_of_time
from controlroom.tabular.decimals import decimal_sign
from controlroom.tabular.epochs import least_of_unit, name_of_unit, unit_of_column
from controlroom.tabular.form import Form, Undecided
from controlroom.tabular.layout import LABEL_COLUMNS, Layout, find_layout
from controlroom.tabular.opening import HEAD_ROWS, open_source
from controlroom.tabular.source import Source
from controlroom.tabular.times import TimeRule

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table."""
    return path.name.lower().endswith(SUFFIXES)


@dataclass(slots=True)
class Table:
    """One table.

    Attributes:
        name: what messages call it.
        source: where its cells come from.
        form: what the user says of it.
        layout: its columns.
    """

    name: str
    source: Source
    form: Form
    layout: Layout
    _rule: TimeRule | None = None
    _decimal: str = ""

    @classmethod
    def open(cls, path: Path, form: Form | None = None, name: str = "") -> Table:
        """Read the first rows of a file, and find out how it is written.

        Raises:
            InputError: it cannot be read, or is no table.
        """
        form, name = form or Form(), name or path.name
        source = open_source(path, name, form)
        return cls(name, source, form, find_layout(source.head(HEAD_ROWS), form, name))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.layout.columns

    def remarks(self) -> Iterator[str]:
        """What was found out about its head that the user should know, in sentences."""
        layout = self.layout
        if layout.units:
            told = ", ".join(f"{column} in {unit}" for column, unit in layout.units.items())
            yield f"the second line of the head is read as units: {told}"
        if not layout.skip:
            times = " and ".join(self.columns[place] for place in layout.times)
            yield f"no line names the columns: they are called {self.columns[0]} and so on, the times are in {times}"

    @property
    def has_times(self) -> bool:
        """Whether it is known which column holds the times."""
        return bool(self.layout.times)

    def values(self, wanted: Sequence[str] = (), without: Sequence[str] = ()) -> tuple[str, ...]:
        """The columns of values: those that are wanted, or `value`, or all that are measured.

        Raises:
            InputError: there are none.
        """
        if wanted:
            places = [self._place(name) for name in wanted]
            return tuple(self.columns[place] for place in places)
        measured = self.measured(without)
        named = [name for name in self.columns if name.lower() == "value" and name not in without]
        if not named and not measured:
            raise InputError(
                f"{self.name}: which column holds the values?",
                hint=f"name it with --column; columns: {', '.join(self.columns)}",
            )
        return (named[0],) if named else measured

    def measured(self, without: Sequence[str] = ()) -> tuple[str, ...]:
        """The columns of numbers that are neither times nor labels."""
        return tuple(name for place in self.layout.measured if (name := self.columns[place]) not in without)

    def channels(self, marks: str | None = None) -> tuple[str, ...]:
        """All columns but times, labels and `marks`, also those that hold few numbers: the channels of a machine."""
        return tuple(
            name
            for place, name in enumerate(self.columns)
            if place not in self.layout.times and name and name != marks and name.lower() not in LABEL_COLUMNS
        )

    def is_wide(self, without: Sequence[str] = ()) -> bool:
        """Whether it has a column for each of several sensors: there, an empty cell is no reading."""
        return len(self.measured(without)) > 1 and "value" not in {name.lower() for name in self.columns}

    def places(self, names: Sequence[str]) -> tuple[int, ...]:
        """The places of columns.

        Raises:
            InputError: there is no such one.
        """
        return tuple(self._place(name) for name in names)

    def rows(self, places: tuple[int, ...]) -> Iterator[tuple[int, list[str]]]:
        """Number and cells of each row of data; only the cells of these columns and of the times are surely there.

        Raises:
            InputError: it cannot be read; names the line.
        """
        return self.source.rows(self.layout.skip, (*places, *self.layout.times))

    def time_text(self, cells: Sequence[str]) -> str:
        """The time of a row, as it is written."""
        times = self.layout.times
        if len(times) == 1:
            return cells[times[0]]
        return " ".join([cells[place].strip() for place in times])

    @property
    def rule(self) -> TimeRule:
        """How its times are read.

        Raises:
            InputError: there are none, or they may be read in two ways.
        """
        if self._rule is None:
            if not self.layout.times:
                what, hint = self.layout.why
                raise InputError(what, hint=hint)
            try:
                self._rule = self._find_rule()
            except Undecided as error:
                raise self._undecided(error, self.layout.times) from None
        return self._rule

    @property
    def decimal(self) -> str:
        """The decimal sign of its numbers; "": it has not been needed."""
        return self.form.decimal or self._decimal

    def decide_decimal(self, places: tuple[int, ...]) -> None:
        """Find the decimal sign in these columns.

        Raises:
            InputError: it may be either.
        """
        try:
            self._decimal = decimal_sign(
                cells[place] for _, cells in self.rows(places) for place in places if place < len(cells)
            )
        except Undecided as error:
            raise self._undecided(error, places) from None

    def check_unit(self, earliest: float) -> None:
        """Look whether all numbers since 1970 are of one unit; `earliest` is the least of the times that were read, s.

        Raises:
            InputError: they are not; names the line.
        """
        rule = self.rule
        if rule.unit in {None, "s"} or earliest < 0.0 or self.form.time_format is not None:
            return
        least = least_of_unit(rule.unit or "s")
        for line, cells in self.rows(()) if earliest < rule.seconds(least) else ():
            text = self.time_text(cells)
            if 0.0 < (rule.number(text) or 0.0) < least:
                raise InputError(
                    f"{self.name}: {self.source.counted} {line}: column {self._time_name}: {text[:40]!r} is no time in "
                    f"{name_of_unit(rule.unit or 's')} since 1970, as others are",
                    hint="say the unit with --time-format s, ms, us or ns",
                )

    def _find_rule(self) -> TimeRule:
        head = [text for cells in self.layout.rows if (text := self._time_or_empty(cells))]
        try:
            decimal = self.form.decimal or decimal_sign(head)
        except Undecided:
            decimal = "."
        rule = TimeRule(self.form, decimal)
        if self.form.time_format is None:
            kinds = [kind_of_time(text) for text in head]
            rule = replace(rule, unit=unit_of_column(head, decimal), shape=_shape(head) if any(kinds) else "")
            if any(map(is_day_and_month, head)):
                texts = (self._time_or_empty(cells) for _, cells in self.rows(()))
                rule = replace(rule, day_first=day_comes_first(texts))
        return replace(rule, rising=self._rising(rule, head)) if self.form.zone is not None else rule

    def _rising(self, rule: TimeRule, texts: Sequence[str]) -> bool | None:
        """Whether nine of ten times (or all but two) are later, or earlier, than the one before."""
        moments = []
        for text in texts:
            try:
                moments.append(rule.naive(text))
            except ValueError:
                continue
        steps = [b > a for a, b in pairwise(moments) if a != b]
        up = sum(steps)
        # Clocks that are put back are a step the other way, too.
        against = min(up, len(steps) - up)
        return None if against > max(2, 0.1 * len(steps)) or 2 * against == len(steps) > 0 else 2 * up >= len(steps)

    def _time_or_empty(self, cells: Sequence[str]) -> str:
        return self.time_text(cells).strip() if max(self.layout.times) < len(cells) else ""

    @property
    def _time_name(self) -> str:
        return " and ".join(self.columns[place] for place in self.layout.times)

    def _place(self, name: str) -> int:
        place = self.layout.place(name)
        if place is None:
            raise InputError(f"{self.name}: no column {name!r}", hint=f"columns: {', '.join(self.columns)}")
        return place

    def _undecided(self, error: Undecided, places: tuple[int, ...]) -> InputError:
        """The error with the line and the column of the cell that may be read in two ways."""
        for line, cells in self.rows(places):
            for place in places:
                joined = places == self.layout.times and self._time_or_empty(cells) == error.text
                if joined or (place < len(cells) and cells[place].strip() == error.text):
                    column = self._time_name if joined else self.columns[place]
                    where = f"{self.name}: {self.source.counted} {line}: column {column}"
                    return InputError(f"{where}: {error.message}", hint=error.hint)
        return InputError(f"{self.name}: {error.message}", hint=error.hint)


def _shape(texts: Sequence[str]) -> str:
    try:
        datetime.fromisoformat(texts[0])
    except ValueError:
        return "calendar"
    return "iso"
