from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.csv_input import CsvFile, parse_time
from simulator.errors import CsvError


def write(directory: Path, text: str | bytes) -> Path:
    path = directory / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(directory: Path, text: str | bytes, **options: object) -> list[tuple[float, float]]:
    file = CsvFile(write(directory, text), **options)  # type: ignore[arg-type]
    return [(row.timestamp.timestamp(), row.value) for row in file.rows()]


@pytest.mark.parametrize(
    "text",
    [
        "2014-04-01 00:05:00",
        "2014-04-01T00:05:00",
        "2014-04-01T00:05:00Z",
        "2014-04-01T02:05:00+02:00",
        "2014-04-01 00:05:00.000",
        "1396310700",
        "1396310700.0",
        "1396310700000",
        " 1396310700 ",
    ],
)
def test_times_of_every_kind_are_the_same_moment(text: str) -> None:
    moment = parse_time(text)
    assert moment == datetime(2014, 4, 1, 0, 5, tzinfo=UTC)
    assert moment.tzinfo is not None


@pytest.mark.parametrize("text", ["", "yesterday", "2014-13-01", "nan", "inf", "1e300", "-1e300"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,value\n10,1.5\n20,-2\n",
        "timestamp,value\r\n10,1.5\r\n\r\n20,-2",
        "\ufefftimestamp,value\n10,1.5\n20,-2\n",
        "value,timestamp\n1.5,10\n-2,20\n",
        "Time;reading\n10;1.5\n20;-2\n",
        'timestamp,note,value\n10,"a, b",1.5\n20,,-2\n',
        "timestamp , value\n10, 1.5\n20, -2\n",
    ],
)
def test_files_as_they_come(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [(10, 1.5), (20, -2)]


def test_another_column(tmp_path: Path) -> None:
    assert read(tmp_path, "datetime;A;B\n10;1;2\n", column="B") == [(10, 2)]


def test_a_limit(tmp_path: Path) -> None:
    assert read(tmp_path, "timestamp,value\n1,1\n2,2\n3,3\n", limit=2) == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.csv: line 1: no column named timestamp; columns: none"),
        ("a,b\n1,2\n", "data.csv: line 1: no column named timestamp; columns: a, b"),
        ("timestamp,a,b\n1,2,3\n", "data.csv: line 1: no column named value; columns: timestamp, a, b"),
        ("timestamp,value\n1,2\nsoon,3\n", "data.csv: line 3: 'soon' is not a time"),
        ("timestamp,value\n1,2\n\n2,high\n", "data.csv: line 4: 'high' is not a number"),
        ("timestamp,value\n1,nan\n", "data.csv: line 2: 'nan' is not a number that a sensor can measure"),
        ("timestamp,value\n1,1e16\n", "data.csv: line 2: '1e16' is not a number that a sensor can measure"),
        ("timestamp,value\n1\n", "data.csv: line 2: 1 columns, 2 expected"),
        (b"timestamp,value\n1,\xe9\n", "data.csv: not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(CsvError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(message)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match=r"none\.csv: No such file"):
        list(CsvFile(tmp_path / "none.csv").rows())


def test_bad_rows_may_be_passed_over_and_are_counted(tmp_path: Path) -> None:
    file = CsvFile(write(tmp_path, "timestamp,value\n1,1\nx,2\n3,\n4,4\n5\n"), skip_bad=True)
    assert [row.value for row in file.rows()] == [1, 4]
    assert file.bad == 3
    assert [row.line for row in file.rows()] == [2, 5]
    assert file.bad == 3


def test_the_summary_is_of_the_rows_that_are_read(tmp_path: Path) -> None:
    file = CsvFile(write(tmp_path, "timestamp,value\n20,1\nx,2\n30,3\n10,4\n99,5\n"), skip_bad=True, limit=3)
    summary = file.check()
    assert (summary.rows, summary.bad, summary.back) == (3, 1, 1)
    assert summary.first is not None
    assert summary.latest is not None
    assert (summary.first.timestamp(), summary.latest.timestamp()) == (10, 30)
    empty = CsvFile(write(tmp_path, "timestamp,value\n")).check()
    assert empty == (0, 0, 0, None, None)


@pytest.mark.parametrize("rows", [[3, 2, 1], [2, 3, 1], [1, 2, 3]])
def test_rows_come_in_the_order_of_time_unless_it_is_to_be_the_files(tmp_path: Path, rows: list[int]) -> None:
    path = write(tmp_path, "timestamp,value\n" + "".join(f"{n},{n}\n" for n in rows))
    file = CsvFile(path)
    assert (file.check().back > 0) is (rows != [1, 2, 3])
    assert [row.value for row in file.rows()] == [1, 2, 3]
    as_is = CsvFile(path, as_is=True)
    as_is.check()
    assert [row.value for row in as_is.rows()] == rows


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("4,5", "5"), [4.5, 5.0]),
        (("1.234,5", "1.234", "7"), [1234.5, 1234.0, 7.0]),
        (("1,234.5", "1,234", "7"), [1234.5, 1234.0, 7.0]),
        (("1,234,567", "1,234"), [1234567.0, 1234.0]),
        (("0,125", "1,234"), [0.125, 1.234]),
        (("1.234", "20.5"), [1.234, 20.5]),
    ],
)
def test_numbers_are_read_by_the_sign_that_the_file_shows(
    tmp_path: Path, separator: str, texts: tuple[str, ...], values: list[float]
) -> None:
    rows = "".join(f"{20 + i}{separator}{text}\n" for i, text in enumerate(texts))
    path = write(tmp_path, f"timestamp{separator}value\n{rows}")
    assert [row.value for row in CsvFile(path).rows()] == values


def test_a_quoted_decimal_comma_is_read_where_commas_separate_columns(tmp_path: Path) -> None:
    assert [row.value for row in CsvFile(write(tmp_path, 'timestamp,value\n20,"42,5"\n')).rows()] == [42.5]


def test_a_comma_that_may_be_either_is_never_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp;value\n20;1,234\n30;20\n")
    with pytest.raises(CsvError, match=r"'1,234' may be 1234 or 1\.234: say which with --decimal"):
        CsvFile(path).check()
    assert [row.value for row in CsvFile(path, decimal=",").rows()] == [1.234, 20.0]
    assert [row.value for row in CsvFile(path, decimal=".").rows()] == [1234.0, 20.0]


@pytest.mark.parametrize(("decimal", "text"), [(",", "1.5"), (",", "1,234.5"), (".", "42,5"), (".", "1.234,5")])
def test_signs_that_stand_where_they_cannot_are_no_number(tmp_path: Path, decimal: str, text: str) -> None:
    with pytest.raises(CsvError, match="is not a number"):
        CsvFile(write(tmp_path, f"timestamp;value\n20;{text}\n"), decimal=decimal).check()


@pytest.mark.parametrize("digits", [0, 3, 6, 9])
def test_times_are_seconds_to_nanoseconds(tmp_path: Path, digits: int) -> None:
    [row] = CsvFile(write(tmp_path, f"timestamp,value\n1767225600{'0' * digits},1\n")).rows()
    assert row.timestamp.isoformat() == "2026-01-01T00:00:00+00:00"
