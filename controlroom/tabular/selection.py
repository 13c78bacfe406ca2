"""Columns of a table as readings: checked as a whole, then row by row, in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from controlroom.errors import InputError
from controlroom.tabular.decimals import SignNeeded, is_number, lenient_reader, strict_reader
from controlroom.tabular.form import Undecided
from controlroom.tabular.sorting import MOST_BYTES, Row, SortedRows, Tell, bytes_to_sort
from controlroom.tabular.summary import Summary, Tally
from controlroom.tabular.zones import ZoneClock

if TYPE_CHECKING:
    from controlroom.tabular.table import Table

_TELL_EVERY = 1 << 16
_NEVER = datetime.min.replace(tzinfo=UTC)


def _silent(_: str) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class Selection:
    """Some columns of a table.

    Args:
        table: the table.
        places: of the columns.
        lenient: a cell that is no number is a reading that cannot be read (None), instead of an error.
        gaps: an empty cell is no reading, and a row without any is passed over.
        extra: of the last columns so many are read beside the others: they make no row a reading.
        limit: no more than so many rows.
        skip_bad: count bad rows and go on, instead of raising at the first.
        as_is: keep the file's order also where time goes back.
        with_text: whether `Row.text` is needed.
        tell: is told how far it is.
        back: how many rows go back in time, where that is known already.
    """

    table: Table
    places: tuple[int, ...]
    lenient: bool = False
    gaps: bool = False
    extra: int = 0
    limit: int | None = None
    skip_bad: bool = False
    as_is: bool = False
    with_text: bool = False
    tell: Tell = _silent
    back: int | None = None
    _sorted: SortedRows | None = None
    _bad: Tally = field(default_factory=Tally)
    _clock: ZoneClock | None = None

    def check(self) -> Summary:
        """Read it all, so that nothing is used of a table that turns out to be wrong further down.

        Raises:
            InputError: the table cannot be read, a row is wrong, or there are too many to sort; names the line.
        """
        try:
            found = self._survey(self._as_written())
        except SignNeeded:
            self.table.decide_decimal(self.places)
            found = self._survey(self._as_written())
        self.back = found.back.count
        self._check_unit(found)
        if self.back and not self.as_is:
            self._sorted = self._sort(found.rows)
            doubles = self._survey(self._sorted, "sorted rows compared")
            found.doubles, found.first = doubles.doubles, doubles.first
        return found

    def rows(self) -> Iterator[Row]:
        """The rows in the order of time where the table has another, else in the order of the file.

        Raises:
            InputError: as `check`.
        """
        if self.back is None:
            self.check()
        if not self.back or self.as_is:
            return self._as_written()
        return iter(self._sorted or self._sort(None))

    def _sort(self, count: int | None) -> SortedRows:
        width = len(self.places)
        if count is not None and (needed := bytes_to_sort(count, width, with_text=self.with_text)) > MOST_BYTES:
            raise InputError(
                f"{self.table.name}: its rows are not in the order of time, and to sort {count} takes "
                f"{needed / 1e9:.1f} GB of memory, more than {MOST_BYTES / 1e9:.1f}",
                hint="sort the file by its time, or keep its order with --order as-is",
            )
        return SortedRows(self._as_written(), width, with_text=self.with_text, tell=self.tell)

    def _survey(self, rows: Iterable[Row], what: str = "rows read") -> Summary:
        found = Summary(readings=[0] * (len(self.places) - self.extra))
        single = len(found.readings) == 1
        count, first, latest, above = 0, None, _NEVER, _NEVER
        for line, _, moment, _ in rows if single and self.table.form.zone is None else self._noted(rows, found):
            count += 1
            if moment > latest:
                latest = moment
                if first is None:
                    first = moment
            elif moment < above:
                found.back.at(line)
                if not self.as_is and (first is None or moment < first):
                    first = moment
            elif moment == above and single:
                found.doubles.at(line)
            above = moment
            if not count % _TELL_EVERY:
                self.tell(f"{count:,} {what}")
        if single:
            found.readings = [count]
        found.rows, found.bad, found.first, found.latest = count, self._bad, first, latest if count else None
        return found

    def _noted(self, rows: Iterable[Row], found: Summary) -> Iterator[Row]:
        """Hands the rows on, and counts what is particular to several sensors and to a zone."""
        readings = found.readings
        width = len(readings)
        changes, above, seen = 0, _NEVER, [False] * width
        for row in rows:
            line, _, moment, values = row
            told = [value is not None for value in values[:width]]
            if width > 1:
                for place, is_told in enumerate(told):
                    readings[place] += is_told
                if moment != above:
                    seen = told
                else:
                    if any(a and b for a, b in zip(seen, told, strict=True)):
                        found.doubles.at(line)
                    seen = [a or b for a, b in zip(seen, told, strict=True)]
                above = moment
            clock = self._clock
            if clock is not None and clock.missing + clock.doubled > changes:
                changes += 1
                (found.missing if clock.missing > found.missing.count else found.doubled).at(line)
            yield row

    def _check_unit(self, found: Summary) -> None:
        if found.first is not None:
            self.table.check_unit(min(found.first.timestamp(), 0.0) if self.as_is else found.first.timestamp())

    def _as_written(self) -> Iterator[Row]:
        self._bad = Tally()
        rule = self.table.rule
        self._clock = rule.clock()
        decimal = self.table.decimal
        number = lenient_reader(decimal) if self.lenient else strict_reader(decimal)
        one = len(self.places) == 1 and len(self.table.layout.times) == 1 and not self.gaps
        read = self._read_one if one else self._read_many
        return islice(read(rule.reader(self._clock), number), self.limit)

    def _read_one(self, time: Callable[[str], datetime], number: Callable[[str], float | None]) -> Iterator[Row]:
        """The usual case, as quick as can be: one column of times and one of values."""
        (time_at,), (value_at,) = self.table.layout.times, self.places
        for line, cells in self.table.rows(self.places):
            try:
                text = cells[time_at]
                row = Row(line, text, time(text), (number(cells[value_at]),))
            except (ValueError, IndexError) as error:
                mended = self._mended(line, cells, error, time)
                if mended is None:
                    continue
                row = mended
            yield row

    def _read_many(self, time: Callable[[str], datetime], number: Callable[[str], float | None]) -> Iterator[Row]:
        time_text, places, gaps = self.table.time_text, self.places, self.gaps
        sensors = places[: len(places) - self.extra]

        def number_or_gap(cell: str) -> float | None:
            return number(cell) if cell and not cell.isspace() else None

        read = number_or_gap if gaps else number
        for line, cells in self.table.rows(places):
            try:
                if gaps and not any(cells[place].strip() for place in sensors):
                    continue
                text = time_text(cells)
                row = Row(line, text, time(text), tuple([read(cells[place]) for place in places]))
            except (ValueError, IndexError) as error:
                mended = self._mended(line, cells, error, time)
                if mended is None:
                    continue
                row = mended
            yield row

    def _mended(self, line: int, cells: list[str], error: Exception, time: Callable[[str], datetime]) -> Row | None:
        """What becomes of a row that is wrong: nothing, an error, or of one that breaks off a row without values."""
        table = self.table
        if not any(cell.strip() for cell in cells):
            return None
        if isinstance(error, IndexError) and self.lenient and max(table.layout.times) < len(cells):
            padded = [*cells, *[""] * (max(self.places) + 1 - len(cells))]
            if self.gaps and not any(padded[place].strip() for place in self.places[: len(self.places) - self.extra]):
                return None
            number = lenient_reader(table.decimal)
            text = table.time_text(cells)
            try:
                return Row(line, text, time(text), tuple([number(padded[place]) for place in self.places]))
            except ValueError as wrong:
                error = wrong
        # What may be read in two ways is not bad: it is not known which rows are.
        if not self.skip_bad or isinstance(error, Undecided):
            raise self._wrong(line, cells, error) from None
        self._bad.at(line)
        return None

    def _wrong(self, line: int, cells: list[str], error: Exception) -> InputError:
        table = self.table
        where = f"{table.name}: {table.source.counted} {line}"
        skip = "" if self.lenient else "--skip-bad passes over such rows"
        if isinstance(error, IndexError):
            return InputError(f"{where}: {len(cells)} columns, {len(table.columns)} expected", hint=skip)
        number = strict_reader(table.decimal)
        column = " and ".join(table.columns[place] for place in table.layout.times)
        hint = "say how times are written with --time-format"
        for place in self.places:
            try:
                number(cells[place] if place < len(cells) else "0")
            except ValueError as wrong:
                if str(wrong) == str(error):
                    column = table.columns[place]
                    signed = is_number(cells[place]) and ("," in cells[place] or "." in cells[place])
                    hint = "say the decimal sign with --decimal" if signed else ""
                    break
        if isinstance(error, Undecided):
            return InputError(f"{where}: column {column}: {error.message}", hint=error.hint)
        return InputError(
            f"{where}: column {column}: {error}", hint=", or ".join(each for each in (hint, skip) if each)
        )
