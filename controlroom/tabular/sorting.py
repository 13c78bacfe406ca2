"""Rows in the order of time, where the file has another: kept as numbers, so that millions of them fit memory.

Five million shuffled rows of a time and a value take 150 MB (300 MB with the times as they were written).
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

#: Rows that are sorted at once; the runs are merged. All at once would take the memory of as many Python numbers.
_RUN = 1 << 18
#: Memory that sorting may take, bytes.
MOST_BYTES = 1 << 30
_TEXT_BYTES = 32
_TELL_EVERY = 1 << 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Tell = Callable[[str], None]


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        line: where it is in the file, from 1.
        text: its time as it is written.
        time: its time, UTC.
        values: by selected column; None: there is no reading, or none that can be read.
    """

    line: int
    text: str
    time: datetime
    values: tuple[float | None, ...]


def bytes_to_sort(rows: int, width: int, *, with_text: bool) -> int:
    """The memory that sorting takes, bytes."""
    return rows * (16 + 8 * width + _TEXT_BYTES * with_text)


class SortedRows:
    """Rows by time; those of equal time in the order of the file. Can be gone through more than once.

    Args:
        rows: in the order of the file.
        width: how many values a row has.
        with_text: whether the times are needed as they were written.
        tell: is told how far it is.
    """

    def __init__(self, rows: Iterable[Row], width: int, *, with_text: bool, tell: Tell) -> None:
        self._times = array("q")
        self._lines = array("I")
        self._values = [array("d") for _ in range(width)]
        self._text = bytearray()
        self._ends = array("Q")
        for line, text, moment, values in rows:
            self._lines.append(line)
            self._times.append((moment - _EPOCH) // _MICROSECOND)
            for column, value in zip(self._values, values, strict=True):
                column.append(math.nan if value is None else value)
            if with_text:
                self._text += text.encode()
                self._ends.append(len(self._text))
            if not len(self._lines) % _TELL_EVERY:
                tell(f"{len(self._lines):,} rows read to be sorted")
        count = len(self._times)
        runs = []
        for start in range(0, count, _RUN):
            places = range(start, min(start + _RUN, count))
            runs.append(array("I", sorted(places, key=self._times.__getitem__)))
            tell(f"{places.stop:,} of {count:,} rows sorted")
        self._order = array("I")
        for place in heapq.merge(*runs, key=self._times.__getitem__):
            self._order.append(place)
            if not len(self._order) % _TELL_EVERY:
                tell(f"{len(self._order):,} of {count:,} rows in order")

    def __iter__(self) -> Iterator[Row]:
        times, lines, columns = self._times, self._lines, self._values
        text, ends = self._text, self._ends
        for place in self._order:
            values = tuple([None if (value := column[place]) != value else value for column in columns])
            written = text[ends[place - 1] if place else 0 : ends[place]].decode() if ends else ""
            yield Row(lines[place], written, _EPOCH + timedelta(microseconds=times[place]), values)
