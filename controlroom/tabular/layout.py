"""What is in a table: names and units, which column holds the times, which are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controlroom.errors import InputError
from controlroom.tabular.dates import kind_of_time
from controlroom.tabular.decimals import is_number
from controlroom.tabular.epochs import is_likely_since_1970
from controlroom.tabular.form import UNITS, Form
from controlroom.tabular.times import TimeRule

#: Names of the column of times, the likeliest first. Columns of other names are known by what they hold.
TIME_NAMES = ("timestamp", "datetime", "time", "date", "ts")
#: Columns that are answers and never measured.
LABEL_COLUMNS = frozenset({"anomaly", "changepoint", "label", "is_anomaly", "outlier"})
_LONGEST_UNIT = 16
#: A column is what more than this share of its cells are.
_MOST = 0.5

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table.

    Attributes:
        columns: their names; `column1` and so on where the table has none.
        skip: how many rows stand above the first data: those of names and units.
        units: by column, from a second line of the head.
        times: places of the column of times, or of those of date and time of day; empty: there is none.
        measured: places of the columns of numbers that are neither times nor labels.
        why: why there is no column of times, and what to do.
        rows: the first rows of data.
    """

    columns: tuple[str, ...]
    skip: int
    units: dict[str, str]
    times: tuple[int, ...]
    measured: tuple[int, ...]
    why: tuple[str, str]
    rows: Rows

    def place(self, name: str) -> int | None:
        """The place of a column, by its name or else its number from 1; None: there is none."""
        if name in self.columns:
            return self.columns.index(name)
        return int(name) - 1 if name.isdigit() and 1 <= int(name) <= len(self.columns) else None

    def cells(self, place: int) -> list[str]:
        """The cells of a column in the first rows that are not empty."""
        return [row[place] for row in self.rows if place < len(row) and row[place].strip()]


def find_layout(rows: Rows, form: Form, name: str) -> Layout:
    """The layout of a table that begins with these rows.

    Raises:
        InputError: it is empty, or has no column that the user names.
    """
    if not rows:
        raise InputError(f"{name}: it is empty", hint="the first line names the columns: timestamp,value")
    first, body = rows[0], list(rows[1:])
    unit_row: Sequence[str] = ()
    if len(body) > 1 and _names_units(body[0]) and any(map(_is_data, body[1])):
        unit_row = body.pop(0)
    if _has_names(first, body):
        named, columns = True, _unlike([_clean(cell) for cell in first])
    else:
        named, columns = False, tuple(f"column{n + 1}" for n in range(max(map(len, rows))))
        body, unit_row = list(rows), ()
    told = zip(columns, (_clean(unit).strip("[]()") for unit in unit_row), strict=False)
    units = {column: unit for column, unit in told if unit}
    layout = Layout(columns, named + bool(unit_row), units, (), (), ("", ""), body)
    times, why = _times(layout, form, name, named=named)
    measured = _measured(layout, times, named=named)
    return Layout(columns, layout.skip, units, times, measured, why, body)


def _clean(cell: str) -> str:
    """A name or a unit on one line, of characters that can be shown."""
    return "".join(char for char in " ".join(cell.split()) if char.isprintable())


def _unlike(names: Sequence[str]) -> tuple[str, ...]:
    """Names of which none is there twice: a further one gets its place."""
    return tuple(
        f"{name} ({place + 1})" if name and name in names[:place] else name for place, name in enumerate(names)
    )


def _has_names(first: Sequence[str], body: Rows) -> bool:
    """Whether the first row names the columns: not if it has a time where the others have theirs, or only data."""
    timed = False
    for place, cell in enumerate(first):
        below = [row[place] for row in body if place < len(row) and row[place].strip()]
        if not below:
            timed = timed or bool(kind_of_time(cell))
        elif _share(below, kind_of_time) > _MOST:
            if not kind_of_time(cell):
                return True
            timed = True
    told = [cell for cell in first if cell.strip()]
    return not timed and not (told and all(map(_is_data, told)))


def _names_units(row: Sequence[str]) -> bool:
    told = [cell.strip() for cell in row if cell.strip()]
    return bool(told) and not any(_is_data(cell) or len(cell) > _LONGEST_UNIT for cell in told)


def _is_data(cell: str) -> bool:
    return bool(kind_of_time(cell)) or is_number(cell)


def _times(layout: Layout, form: Form, name: str, *, named: bool) -> tuple[tuple[int, ...], tuple[str, str]]:
    listed = ", ".join(layout.columns)
    if form.time_columns:
        places = [layout.place(column) for column in form.time_columns]
        missing = [column for column, place in zip(form.time_columns, places, strict=True) if place is None]
        if missing:
            raise InputError(f"{name}: no column {missing[0]!r}", hint=f"columns: {listed}")
        return tuple(place for place in places if place is not None), ("", "")
    kinds = [_kind(layout.cells(place)) for place in range(len(layout.columns))]
    clocks = [place for place, kind in enumerate(kinds) if kind == "clock"]
    found = [place for place, kind in enumerate(kinds) if kind == "time"]
    dates = [place for place, kind in enumerate(kinds) if kind == "date"]
    if named:
        lowered = [column.lower() for column in layout.columns]
        known = [lowered.index(each) for each in TIME_NAMES if each in lowered]
        chosen = next((place for place in known if kinds[place] != "clock"), None)
        if chosen is not None and (kinds[chosen] != "date" or not clocks):
            return (chosen,), ("", "")
        if chosen is not None:
            found, dates = [], [chosen]
    if form.time_format is not None and form.time_format not in UNITS:
        rule = TimeRule(form)
        written = [place for place in range(len(kinds)) if _share(layout.cells(place), rule.is_time) > _MOST]
        if len(written) == 1:
            return (written[0],), ("", "")
    if not found and len(dates) == 1 and len(clocks) == 1:
        return (dates[0], clocks[0]), ("", "")
    found = found or dates
    if not found and not clocks:
        found = [
            place for place in range(len(layout.columns)) if _share(layout.cells(place), is_likely_since_1970) > _MOST
        ]
    if len(found) == 1:
        return (found[0],), ("", "")
    if found:
        both = " and ".join(layout.columns[place] for place in found[:2])
        return (), (f"{name}: which column holds the times, {both}?", "name it with --time-column")
    if clocks:
        what = f"{name}: column {layout.columns[clocks[0]]} holds times of day without a date"
        return (), (what, "name the columns of date and time with --time-column, once for each")
    hint = f"name it with --time-column, and say how it is written with --time-format; columns: {listed}"
    return (), (f"{name}: no column holds times", hint)


def _measured(layout: Layout, times: tuple[int, ...], *, named: bool) -> tuple[int, ...]:
    places = [
        place
        for place, column in enumerate(layout.columns)
        if place not in times and column.lower() not in LABEL_COLUMNS and (column or not named)
    ]
    numeric = [place for place in places if _share(layout.cells(place), is_number) > _MOST]
    # Of a table without rows, or with one column beside the times, only the names tell.
    return tuple(numeric or (places if len(places) == 1 or not layout.rows else ()))


def _kind(cells: Sequence[str]) -> str:
    """What more than half of the cells are: "time", "date", "clock" or ""."""
    if not cells:
        return ""
    kinds = [kind_of_time(cell) for cell in cells]
    likeliest = max(set(kinds), key=kinds.count)
    timed = sum(kind in {"time", "date"} for kind in kinds)
    if likeliest == "date" and kinds.count("time") and timed > len(kinds) * _MOST:
        return "time"
    return likeliest if kinds.count(likeliest) > len(kinds) * _MOST else ""


def _share(cells: Sequence[str], of: Callable[[str], object]) -> float:
    return sum(bool(of(cell)) for cell in cells) / len(cells) if cells else 0.0
