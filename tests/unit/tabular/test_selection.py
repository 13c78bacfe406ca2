"""Tables as readings: the order of time, what is wrong in rows, several sensors, what is said of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.errors import InputError
from controlroom.tabular import Form, Selection, Table
from controlroom.tabular import selection as module


def write(directory: Path, text: str | bytes) -> Path:
    path = directory / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def select(path: Path, *columns: str, form: Form | None = None, **options: object) -> Selection:
    table = Table.open(path, form)
    names = table.values(columns)
    return Selection(table, table.places(names), gaps=table.is_wide(), **options)  # type: ignore[arg-type]


def read(directory: Path, text: str | bytes, *columns: str, **options: object) -> list[tuple[float, ...]]:
    rows = select(write(directory, text), *columns, **options).rows()
    return [(row.time.timestamp(), *row.values) for row in rows]


def said(selection: Selection) -> list[str]:
    return list(selection.check().remarks(selection.table, as_is=selection.as_is, done="sent"))


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
        "timestamp;value\n10;1,5\n20;-2\n;\n;;\n",
        '"timestamp";"value"\n"10";"1,5"\n"20";"\u22122"\n',
    ],
)
def test_files_as_they_come(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [(10, 1.5), (20, -2)]


def test_another_column(tmp_path: Path) -> None:
    assert read(tmp_path, "datetime;A;B\n10;1;2\n", "B") == [(10, 2)]
    assert read(tmp_path, "datetime;A;B\n10;1;2\n", "3") == [(10, 2)]


def test_a_limit(tmp_path: Path) -> None:
    assert read(tmp_path, "timestamp,value\n1,1\n2,2\n3,3\n", limit=2) == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.csv: it is empty: the first line names the columns: timestamp,value"),
        (
            "a,b\n1,2\n",
            "data.csv: no column holds times: name it with --time-column, and say how it is written",
        ),
        ("timestamp,a,b\n1,x,y\n", "data.csv: which column holds the values?: name it with --column; columns: time"),
        ("timestamp,value\n1,2\nsoon,3\n", "data.csv: line 3: column timestamp: 'soon' is not a time: say how times"),
        ("timestamp,value\n1,2\n\n2,high\n", "data.csv: line 4: column value: 'high' is not a number: --skip-bad"),
        (
            "timestamp,value\n1,nan\n",
            "data.csv: line 2: column value: 'nan' is not a number that a sensor can measure: --skip",
        ),
        ("timestamp,value\n1,1e16\n", "data.csv: line 2: column value: '1e16' is not a number that a sensor can"),
        ("timestamp,value\nnan,1\n10,2\n", "data.csv: line 2: column timestamp: 'nan' is not a time"),
        ("timestamp,value\n10,2\ninf,1\n", "data.csv: line 3: column timestamp: 'inf' is not a time"),
        ("timestamp,value\n1\n", "data.csv: line 2: 1 columns, 2 expected: --skip-bad passes over such rows"),
        ("timestamp,a,b\n1,1,1\n2,,x\n3,1,1\n", "data.csv: line 3: column b: 'x' is not a number"),
        (b"timestamp,value\n1,1\n2,\xe9\n", "data.csv: line 3: byte 0xe9 (place 3 of the line) is not UTF-8: name the"),
        (b"t\0i\0m\0", "data.csv: byte 2 is zero, and no byte order mark says how the text is encoded: name the"),
    ],
)
def test_what_is_wrong_is_told_by_line_column_value_and_what_helps(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_quotation_mark_that_is_left_open(tmp_path: Path) -> None:
    rows = "".join(f"{n},1\n" for n in range(60_000))
    with pytest.raises(InputError, match=r"data.csv: line \d+: .* a quotation mark left open"):
        read(tmp_path, f'timestamp,value\n{rows[:6000]}9,"1\n{rows}')


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: No such file"):
        Table.open(tmp_path / "none.csv")


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,value\n1,1\n")
    with pytest.raises(InputError, match="no column 'x': columns: timestamp, value"):
        Table.open(path).values(["x"])
    with pytest.raises(InputError, match="no column 'x': columns: timestamp, value"):
        Table.open(path, Form(time_columns=("x",)))


def test_bad_rows_may_be_passed_over_and_are_counted(tmp_path: Path) -> None:
    selection = select(write(tmp_path, "timestamp,value\n1,1\nx,2\n3,\n4,4\n5\n"), skip_bad=True)
    summary = selection.check()
    assert [(row.line, *row.values) for row in selection.rows()] == [(2, 1), (5, 4)]
    assert (summary.bad.count, summary.bad.line) == (3, 3)


def test_what_may_be_read_in_two_ways_is_never_passed_over(tmp_path: Path) -> None:
    rows = "".join(f"2026-01-{1 + n % 28:02},1\n" for n in range(300))
    path = write(tmp_path, f"timestamp,value\n{rows}01/02/2026,1\n")
    with pytest.raises(InputError, match="line 302: column timestamp: '01/02/2026' may be 2026-02-01 or 2026-01-02"):
        select(path, skip_bad=True).check()


def test_what_cannot_be_read_is_no_value_where_that_is_wanted(tmp_path: Path) -> None:
    selection = select(write(tmp_path, "timestamp,value\n1,1\n2,err\n3,\n4\n5,inf\n"), lenient=True)
    assert [row.values for row in selection.rows()] == [(1,), (None,), (None,), (None,), (None,)]


def test_the_summary_is_of_the_rows_that_are_read(tmp_path: Path) -> None:
    text = "timestamp,value\n20,1\nx,2\n30,3\n10,4\n99,5\n"
    summary = select(write(tmp_path, text), skip_bad=True, limit=3).check()
    assert (summary.rows, summary.bad.count, summary.back.count, summary.back.line) == (3, 1, 1, 5)
    assert summary.first == datetime.fromtimestamp(10, UTC)
    assert summary.latest == datetime.fromtimestamp(30, UTC)
    as_is = select(write(tmp_path, text), skip_bad=True, limit=3, as_is=True).check()
    assert as_is.first == datetime.fromtimestamp(20, UTC)
    empty = select(write(tmp_path, "timestamp,value\n")).check()
    assert (empty.rows, empty.first, empty.latest) == (0, None, None)


@pytest.mark.parametrize("rows", [[3, 2, 1], [2, 3, 1], [1, 2, 3]])
def test_rows_come_in_the_order_of_time_unless_it_is_to_be_the_files(tmp_path: Path, rows: list[int]) -> None:
    path = write(tmp_path, "timestamp,value\n" + "".join(f"{n},{n}\n" for n in rows))
    selection = select(path)
    assert (selection.check().back.count > 0) is (rows != [1, 2, 3])
    assert [row.values for row in selection.rows()] == [(1,), (2,), (3,)]
    as_is = select(path, as_is=True)
    as_is.check()
    assert [row.values for row in as_is.rows()] == [(n,) for n in rows]


def test_sorting_keeps_everything_of_a_row_and_the_order_of_equal_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlroom.tabular.sorting._RUN", 100)
    rng = random.Random(3)
    rows = [(rng.randrange(-(10**9), 4 * 10**9), rng.choice(["", f"{rng.random()}"]), n) for n in range(1000)]
    rows += [(rows[0][0], "1.0", 1000), (rows[0][0], "2.0", 1001)]
    path = write(tmp_path, "timestamp,a,b\n" + "".join(f"{t},{a},{b}\n" for t, a, b in rows))
    selection = select(path, with_text=True)
    assert selection.check().back.count > 0
    expected = sorted(rows, key=lambda row: row[0])
    found = [(int(row.text), row.line - 2, row.time.timestamp(), *row.values) for row in selection.rows()]
    assert found == [(t, n, float(t), float(a) if a else None, float(n)) for t, a, n in expected]
    # a second time
    assert [row.line - 2 for row in selection.rows()] == [n for _, _, n in expected]


def test_more_than_memory_should_hold_is_not_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 50)
    path = write(tmp_path, "timestamp,value\n3,1\n2,1\n1,1\n")
    with pytest.raises(InputError, match=r"not in the order of time, and to sort 3 takes .* --order as-is"):
        select(path).check()
    assert select(path, as_is=True).check().rows == 3


def test_times_that_are_there_twice_are_said_and_all_kept(tmp_path: Path) -> None:
    selection = select(write(tmp_path, "timestamp,value\n1,1\n1,2\n2,3\n1,4\n"))
    assert said(selection) == [
        "1 row goes back in time: the rows are sent in the order of time (line 5)",
        "2 rows have times that are there already: all are sent, in the order of the file (the first: line 3)",
    ]
    assert [row.values for row in selection.rows()] == [(1,), (2,), (4,), (3,)]


def test_a_wide_file_is_several_sensors_and_an_empty_cell_no_reading(tmp_path: Path) -> None:
    path = write(tmp_path, "time,oven,mill,note,label\n1,1,,a,0\n1,,2,b,0\n2,3,4,c,1\n3,,,d,0\n4,5,6,e,0\n4,,7,f,0\n")
    selection = select(path)
    assert selection.table.values() == ("oven", "mill")
    # At time 1 each sensor has one reading; at time 4 the mill has two.
    assert said(selection) == [
        "1 row has a time that is there already: all are sent, in the order of the file (line 7)"
    ]
    assert selection.check().readings == [3, 4]
    assert [row.values for row in selection.rows()] == [(1, None), (None, 2), (3, 4), (5, 6), (None, 7)]
    assert read(tmp_path, path.read_bytes(), "oven") == [(1, 1), (2, 3), (4, 5)]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("4,5", "5"), [4.5, 5.0]),
        (("1.234,5", "1.234", "7"), [1234.5, 1234.0, 7.0]),
        (("1,234.5", "1,234", "7"), [1234.5, 1234.0, 7.0]),
        (("1,234,567", "1,234"), [1234567.0, 1234.0]),
        (("1.234.567", "1.234"), [1234567.0, 1234.0]),
        (("0,125", "1,234"), [0.125, 1.234]),
        (("1.234", "20.5"), [1.234, 20.5]),
        (("1 234,5", "1 234 567"), [1234.5, 1234567.0]),
        (("1\u202f234,567", "1,5"), [1234.567, 1.5]),
        (("1\u00a0234.5",), [1234.5]),
        (("1'234.5", "-1'234'567"), [1234.5, -1234567.0]),
        (("1,5E+03", "2"), [1500.0, 2.0]),
    ],
)
def test_numbers_are_read_by_the_sign_that_the_file_shows(
    tmp_path: Path, separator: str, texts: tuple[str, ...], values: list[float]
) -> None:
    rows = "".join(f"{20 + i}{separator}{text}\n" for i, text in enumerate(texts))
    found = read(tmp_path, f"timestamp{separator}value\n{rows}")
    assert [value for _, value in found] == values


def test_a_sign_that_shows_late_holds_for_what_stands_above_it(tmp_path: Path) -> None:
    rows = "".join(f"{n};1.234\n" for n in range(5000))
    found = read(tmp_path, f"timestamp;value\n{rows}9999;0,5\n")
    assert {value for _, value in found} == {1234.0, 0.5}


def test_a_quoted_decimal_comma_is_read_where_commas_separate_columns(tmp_path: Path) -> None:
    assert read(tmp_path, 'timestamp,value\n20,"42,5"\n') == [(20, 42.5)]


def test_a_comma_that_may_be_either_is_never_guessed(tmp_path: Path) -> None:
    text = "timestamp;value\n20;7\n30;1,234\n"
    with pytest.raises(InputError, match=r"line 3: column value: '1,234' may be 1234 or 1\.234: say which with --dec"):
        read(tmp_path, text)
    assert read(tmp_path, text, form=Form(decimal=",")) == [(20, 7), (30, 1.234)]
    assert read(tmp_path, text, form=Form(decimal=".")) == [(20, 7), (30, 1234)]


@pytest.mark.parametrize(("decimal", "text"), [(",", "1.5"), (",", "1,234.5"), (".", "42,5"), (".", "1.234,5")])
def test_signs_that_stand_where_they_cannot_are_no_number(tmp_path: Path, decimal: str, text: str) -> None:
    with pytest.raises(InputError, match="is not a number: say the decimal sign with --decimal, or --skip-bad"):
        read(tmp_path, f"timestamp;value\n20;{text}\n", form=Form(decimal=decimal))


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,value\n" + "".join(f"{n},1\n" for n in range(140_000, 0, -1)))
    told: list[str] = []
    assert select(path, tell=told.append).check().rows == 140_000
    assert "65,536 rows read" in told
    assert "131,072 rows read to be sorted" in told
    assert "140,000 of 140,000 rows sorted" in told
    assert "131,072 of 140,000 rows in order" in told
    assert told[-1] == "131,072 sorted rows compared"
