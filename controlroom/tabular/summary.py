"""What was found when a table was read as a whole, and what of it the user should know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controlroom.tabular.table import Table


@dataclass(slots=True)
class Tally:
    """How many there are of something, and where the first is."""

    count: int = 0
    line: int = 0

    def at(self, line: int) -> None:
        """One more."""
        self.count += 1
        if not self.line:
            self.line = line

    def said(self, one: str, many: str) -> str:
        """In words: a row does, so many rows do."""
        return f"1 {one}" if self.count == 1 else f"{self.count:,} {many}"

    def where(self, counted: str) -> str:
        """Where the first one is; `counted` is what rows are counted by."""
        return f"({counted} {self.line})" if self.count == 1 else f"(the first: {counted} {self.line})"


@dataclass(slots=True)
class Summary:
    """What is in the selected columns.

    Attributes:
        rows: rows with a reading at least.
        readings: by column.
        bad: rows that were passed over.
        back: rows whose time is before that of the row above.
        doubles: rows that have a reading of a sensor at a time at which it has one already.
        missing: times that do not exist in the zone, as its clocks are put forward.
        doubled: times that are there twice in the zone, as its clocks are put back.
        first: the time of the first row that is handed on; None: there are no rows.
        latest: the latest time.
    """

    rows: int = 0
    readings: list[int] = field(default_factory=list)
    bad: Tally = field(default_factory=Tally)
    back: Tally = field(default_factory=Tally)
    doubles: Tally = field(default_factory=Tally)
    missing: Tally = field(default_factory=Tally)
    doubled: Tally = field(default_factory=Tally)
    first: datetime | None = None
    latest: datetime | None = None

    def remarks(self, table: Table, *, as_is: bool, done: str) -> Iterator[str]:
        """What of this the user should know, in sentences; `done` is what is done with rows: "sent", "taken"."""
        counted, zone = table.source.counted, table.form.zone
        if self.back.count:
            rows = self.back.said("row goes back in time", "rows go back in time")
            order = "as they are" if as_is else "in the order of time"
            yield f"{rows}: the rows are {done} {order} {self.back.where(counted)}"
        if self.doubles.count:
            rows = self.doubles.said("row has a time that is there already", "rows have times that are there already")
            yield f"{rows}: all are {done}, in the order of the file {self.doubles.where(counted)}"
        if self.missing.count:
            times = self.missing.said("time does not exist", "times do not exist")
            what = f"in {zone}, where clocks are put forward then: taken as by a clock that was not"
            yield f"{times} {what} {self.missing.where(counted)}"
        if self.doubled.count:
            times = self.doubled.said("time is there twice", "times are there twice")
            told = "taken as the first of the two" if table.rule.rising is None else "told apart by the file's order"
            yield f"{times} in {zone}, where clocks are put back then: {told} {self.doubled.where(counted)}"
