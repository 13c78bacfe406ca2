"""Parquet files are tables as others are."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from controlroom.errors import InputError
from controlroom.tabular import Form, Selection, Table
from controlroom.tabular.form import zone_of

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)


def write(directory: Path, columns: dict[str, Any]) -> Path:
    path = directory / "data.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    return path


def rows(path: Path, *columns: str, **form: object) -> list[tuple[datetime, tuple[float | None, ...]]]:
    table = Table.open(path, Form(**form))  # type: ignore[arg-type]
    selection = Selection(table, table.places(table.values(columns)), gaps=table.is_wide())
    selection.check()
    return [(row.time, row.values) for row in selection.rows()]


@pytest.mark.parametrize(
    "times",
    [
        pyarrow.array([NAIVE], pyarrow.timestamp("ns")),
        pyarrow.array([NAIVE], pyarrow.timestamp("s")),
        pyarrow.array([NOON], pyarrow.timestamp("us", "Europe/Berlin")),
        pyarrow.array([NOON], pyarrow.timestamp("ms", "UTC")),
        pyarrow.array([int(NOON.timestamp() * 1e9)], pyarrow.int64()),
        pyarrow.array([NOON.timestamp()], pyarrow.float64()),
        pyarrow.array(["05.01.2026 12:00"]),
        pyarrow.array(["05.01.2026 12:00"]).dictionary_encode(),
    ],
    ids=str,
)
def test_times_of_every_type(tmp_path: Path, times: Any) -> None:
    assert rows(write(tmp_path, {"wann": times, "was": [1.5]})) == [(NOON, (1.5,))]


def test_a_column_of_dates_beside_one_of_times(tmp_path: Path) -> None:
    path = write(tmp_path, {"tag": [date(2026, 1, 5)], "uhr": [time(12)], "wert": [2]})
    assert rows(path) == [(NOON, (2.0,))]


def test_values_of_every_type_and_what_is_none(tmp_path: Path) -> None:
    times = [NAIVE + timedelta(minutes=n) for n in range(3)]
    path = write(
        tmp_path,
        {
            "at": times,
            "oven": pyarrow.array([0.1, None, 1e-17]),
            "mill": pyarrow.array([1, 2, None], pyarrow.int16()),
            "press": pyarrow.array([21.3, 22.7, None], pyarrow.float32()),
            "door": pyarrow.array([True, False, None]),
            "note": ["a", "b", "c"],
            "picture": [[1, 2], [], None],
        },
    )
    at = [moment.replace(tzinfo=UTC) for moment in times]
    assert rows(path) == [
        (at[0], (0.1, 1.0, 21.3, 1.0)),
        (at[1], (None, 2.0, 22.7, 0.0)),
        (at[2], (1e-17, None, None, None)),
    ]
    assert rows(path, "mill") == [(at[0], (1.0,)), (at[1], (2.0,))]


def test_a_zone_holds_for_times_without_one(tmp_path: Path) -> None:
    path = write(tmp_path, {"at": pyarrow.array([NAIVE]), "v": [1.0]})
    assert rows(path) == [(NOON, (1.0,))]
    assert rows(path, zone=zone_of("Europe/Berlin")) == [(NOON - timedelta(hours=1), (1.0,))]


def test_many_rows_out_of_order_are_sorted(tmp_path: Path) -> None:
    count = 40_000
    path = write(tmp_path, {"at": [NAIVE - timedelta(seconds=n) for n in range(count)], "v": list(range(count))})
    found = rows(path)
    assert [values for _, values in found] == [(float(n),) for n in reversed(range(count))]


def test_what_is_wrong_is_told_by_its_row(tmp_path: Path) -> None:
    path = write(tmp_path, {"at": [NAIVE, NAIVE], "value": ["1.5", "high"]})
    with pytest.raises(InputError, match=r"data.parquet: row 2: column value: 'high' is not a number"):
        rows(path)
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(InputError, match=r"data.parquet: it cannot be read as Parquet"):
        rows(path)
    with pytest.raises(InputError, match=r"none.parquet: it cannot be read as Parquet"):
        Table.open(tmp_path / "none.parquet")
