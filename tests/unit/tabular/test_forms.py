"""How tables are written: delimiters, encodings, heads, and times of every form."""

from __future__ import annotations

import codecs
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlroom.errors import InputError
from controlroom.tabular import Form, Selection, Table, parse_time
from controlroom.tabular.form import delimiter_of, encoding_of, time_format_of, zone_of

NOON = datetime(2026, 1, 5, 13, tzinfo=UTC)


def table_of(directory: Path, text: str | bytes, **form: object) -> Table:
    path = directory / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Table.open(path, Form(**form))  # type: ignore[arg-type]


def times(directory: Path, text: str | bytes, **form: object) -> list[datetime]:
    table = table_of(directory, text, **form)
    selection = Selection(table, table.places(table.values()), gaps=table.is_wide(), as_is=True)
    return [row.time for row in selection.rows()]


@pytest.mark.parametrize(
    "text",
    [
        "2014-04-01 00:05:00",
        "2014-04-01T00:05:00",
        "2014-04-01T00:05",
        "2014-04-01T00:05:00Z",
        "2014-04-01 00:05:00 UTC",
        "2014-04-01T02:05:00+02:00",
        "2014-04-01T02:05:00+0200",
        "2014-04-01 02:05:00 +02",
        "2014-04-01 00:05:00.000",
        "2014-04-01 00:05:00,000000000",
        "20140401T000500Z",
        "2014-W14-2T00:05",
        "1396310700",
        "1396310700.0",
        "1396310700000",
        " 1396310700 ",
        "1396310700000000",
        "1396310700000000000",
        "01.04.2014 00:05",
        "1.4.2014 0:05:00",
        "01.04.14 00:05",
        "2014/04/01 00:05:00",
        "2014.04.01 00:05",
        "2014/4/1 12:05 AM",
        "1 Apr 2014 00:05",
        "01-Apr-2014 00:05:00",
        "Tue, 1 April 2014 00:05:00 GMT",
        "April 1, 2014 12:05 a.m.",
    ],
)
def test_times_of_every_kind_are_the_same_moment(text: str) -> None:
    moment = parse_time(text)
    assert moment == datetime(2014, 4, 1, 0, 5, tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2014-13-01", "nan", "inf", "1e300", "-1e300", "31.02.2026", "13:00", "2026-01-05 25:00",
     "2026/01/05 13:00 PM", "1/2/26", "5 Janvier 2026"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text)


def test_a_single_time_that_may_be_two_is_refused() -> None:
    with pytest.raises(ValueError, match="'01/05/2026' may be 2026-05-01 or 2026-01-05: say which with --time-format"):
        parse_time("01/05/2026")
    assert parse_time("01/13/2026").month == 1
    assert parse_time("13-01-2026").month == 1
    assert parse_time("05/05/2026").month == 5


@pytest.mark.parametrize("digits", [0, 3, 6, 9])
def test_numbers_since_1970_are_in_seconds_to_nanoseconds(tmp_path: Path, digits: int) -> None:
    [moment] = times(tmp_path, f"timestamp,value\n1767225600{'0' * digits},1\n")
    assert moment.isoformat() == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("when;v\n1767225600,5;1\n", "2026-01-01T00:00:00.500000+00:00"),
        ("when,v\n1767225600.5,1\n", "2026-01-01T00:00:00.500000+00:00"),
        ("when,v\n1767225600000.25,1\n", "2026-01-01T00:00:00.000250+00:00"),
        ("when,v\n1767225600123456789,1\n", "2026-01-01T00:00:00.123457+00:00"),
        ("1767225600123,1\n", "2026-01-01T00:00:00.123000+00:00"),
    ],
)
def test_a_column_of_likely_numbers_is_one_of_times(tmp_path: Path, text: str, expected: str) -> None:
    assert [moment.isoformat() for moment in times(tmp_path, text)] == [expected]


def test_numbers_since_1970_are_of_one_unit(tmp_path: Path) -> None:
    text = "timestamp,value\n0,0\n1767225600123,1\n1767225601,2\n"
    with pytest.raises(InputError, match=r"line 4: column timestamp: '1767225601' is no time in milli.* --time-"):
        times(tmp_path, text)
    assert times(tmp_path, text, time_format="ms")[2] == datetime(1970, 1, 21, 10, 53, 45, 601000, tzinfo=UTC)


@pytest.mark.parametrize(("text", "form"), [("20260105", "%Y%m%d"), ("20260105130000", "%Y%m%d%H%M%S")])
def test_digits_that_may_be_a_date_are_asked_for(tmp_path: Path, text: str, form: str) -> None:
    table = f"timestamp,value\n{text},1\n"
    with pytest.raises(InputError, match=f"line 2: column timestamp: '{text}' may be 2026-01-05 .*{form} or --time-f"):
        times(tmp_path, table)
    assert times(tmp_path, table, time_format=form)[0].date() == NOON.date()
    assert times(tmp_path, table, time_format="ms")[0].year != 2026


@pytest.mark.parametrize(
    ("rows", "month"),
    [
        (["01/05/2026 1:00 PM", "01/13/2026 1:00 PM"], 1),
        (["01/05/2026 13:00", "13/05/2026 13:00"], 5),
        (["01-05-2026 13:00", "13-05-2026 13:00"], 5),
        (["01.05.2026 13:00"], 5),
        (["2026/01/05 13:00"], 1),
    ],
)
def test_the_column_tells_whether_the_day_comes_first(tmp_path: Path, rows: list[str], month: int) -> None:
    first, *_ = times(tmp_path, "when,what\n" + "".join(f"{row},1\n" for row in rows))
    assert (first.month, first.hour) == (month, 13)


def test_it_is_the_whole_column_that_tells(tmp_path: Path) -> None:
    rows = "".join(f"01/0{1 + n % 9}/2026,1\n" for n in range(3000))
    first, *_ = times(tmp_path, f"when,what\n01/02/2026,1\n{rows}01/13/2026,1\n")
    assert (first.month, first.day) == (1, 2)


def test_where_nothing_tells_the_first_that_may_be_two_is_named_with_both(tmp_path: Path) -> None:
    text = "when,what\n05/05/2026 1:00 PM,1\n01/05/2026 1:00 PM,1\n02/05/2026 1:00 PM,1\n"
    with pytest.raises(InputError) as caught:
        times(tmp_path, text)
    assert str(caught.value) == (
        "data.csv: line 3: column when: '01/05/2026 1:00 PM' may be 2026-05-01 or 2026-01-05: say which with "
        "--time-format '%d/%m/%Y %I:%M %p' or --time-format '%m/%d/%Y %I:%M %p'"
    )
    assert times(tmp_path, text, time_format="%d/%m/%Y %I:%M %p")[1] == datetime(2026, 5, 1, 13, tzinfo=UTC)
    assert times(tmp_path, text, time_format="%m/%d/%Y %I:%M %p")[1] == NOON.replace(day=5)


def test_times_of_one_day_are_each_read(tmp_path: Path) -> None:
    clocks = ["1:00 PM", "11:00 PM", "11:00:05 AM", "23:00", "10:00+02", "11:00:05", "9:00", "23:30 UTC", "12:00 AM"]
    found = times(tmp_path, "when,what\n" + "".join(f"1/13/2026 {clock},1\n" for clock in clocks))
    expected = [
        "13:00:00",
        "23:00:00",
        "11:00:05",
        "23:00:00",
        "08:00:00",
        "11:00:05",
        "09:00:00",
        "23:30:00",
        "00:00:00",
    ]
    assert [f"{moment:%d %H:%M:%S}" for moment in found] == [f"13 {clock}" for clock in expected]


def test_a_column_that_has_both_is_wrong_where_it_turns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 3: column when: '01/13/2026' is not a time"):
        times(tmp_path, "when,what\n13/01/2026,1\n01/13/2026,1\n")


@pytest.mark.parametrize(
    "text",
    [
        "Datum;Uhrzeit;Wert\n05.01.2026;13:00:00;1,5\n",
        "date,time,value\n2026-01-05,1:00 PM,1.5\n",
        "time,date,value\n13:00,2026-01-05,1.5\n",
        "05.01.2026\t13:00\t1,5\n",
        "Start,Date,Clock,Value\nx,1/5/2026,13:00,1.5\nx,1/13/2026,13:00,1.5\n",
    ],
)
def test_a_column_of_dates_beside_one_of_times(tmp_path: Path, text: str) -> None:
    table = table_of(tmp_path, text)
    assert len(table.layout.times) == 2
    assert times(tmp_path, text)[0] == NOON


def test_times_of_day_alone_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column Uhrzeit holds times of day without a date: name .*--time-column"):
        times(tmp_path, "Uhrzeit;Wert\n13:00;2,5\n")


def test_the_format_that_is_said_finds_the_column(tmp_path: Path) -> None:
    text = "Wann;Wert\n5. Jan 2026 um 13 Uhr 00;2,5\n"
    with pytest.raises(InputError, match=r"no column holds times: name it with --time-column, and .* --time-format"):
        times(tmp_path, text)
    assert times(tmp_path, text, time_format="%d. %b %Y um %H Uhr %M") == [NOON]


def test_two_columns_of_times_are_asked_about(tmp_path: Path) -> None:
    text = "Begin,End,Wert\n2026-01-05 13:00,2026-01-05 13:01,5\n"
    with pytest.raises(InputError, match=r"which column holds the times, Begin and End.: name it with --time-column"):
        times(tmp_path, text)
    assert times(tmp_path, text, time_columns=("Begin",)) == [NOON]


@pytest.mark.parametrize(
    ("text", "columns", "values", "units"),
    [
        ("Zeit;Druck\n05.01.2026 13:00;1,5\n", ("Zeit", "Druck"), ("Druck",), {}),
        ("温度,時刻\n1.5,2026-01-05 13:00\n", ("温度", "時刻"), ("温度",), {}),
        ("Zeit;Ofen;Notiz\n;°C;\n05.01.2026 13:00;1,5;a\n", ("Zeit", "Ofen", "Notiz"), ("Ofen",), {"Ofen": "°C"}),
        ("t,a,b\n[s],[bar],[-]\n1767225600,1,2\n", ("t", "a", "b"), ("a", "b"), {"t": "s", "a": "bar", "b": "-"}),
        ("2026-01-05 13:00,1.5\n2026-01-05 13:01,2\n", ("column1", "column2"), ("column2",), {}),
        ("press;2026-01-05 13:00;1,5\n", ("column1", "column2", "column3"), ("column3",), {}),
        ("timestamp,101,102\n2026-01-05,1,2\n", ("timestamp", "101", "102"), ("101", "102"), {}),
        (",time,a,b\n0,2026-01-05,1,2\n1,2026-01-06,1,2\n", ("", "time", "a", "b"), ("a", "b"), {}),
        ("time,a,a\n2026-01-05,1,2\n", ("time", "a", "a (3)"), ("a", "a (3)"), {}),
        (";;\nZeit;a;b\n05.01.2026 13:00;1;2\n", ("Zeit", "a", "b"), ("a", "b"), {}),
        ("0,1,2\n2026-01-05,1,2\n2026-01-06,1,2\n", ("0", "1", "2"), ("1", "2"), {}),
        (",a,b\n2026-01-05,1,2\n2026-01-06,1,2\n", ("", "a", "b"), ("a", "b"), {}),
        ("Time,Value,Quality\n2026-01-05,1,2\n", ("Time", "Value", "Quality"), ("Value",), {}),
    ],
)
def test_heads_of_every_kind(
    tmp_path: Path, text: str, columns: tuple[str, ...], values: tuple[str, ...], units: dict[str, str]
) -> None:
    table = table_of(tmp_path, text)
    assert table.columns == columns
    assert table.values() == values
    assert table.layout.units == units
    table.rule  # noqa: B018 - times can be read


def test_what_was_found_of_a_head_is_said(tmp_path: Path) -> None:
    assert list(table_of(tmp_path, "Zeit;Ofen\n;°C\n05.01.2026 13:00;1,5\n").remarks()) == [
        "the second line of the head is read as units: Ofen in °C"
    ]
    assert list(table_of(tmp_path, "05.01.2026 13:00;1,5\n").remarks()) == [
        "no line names the columns: they are called column1 and so on, the times are in column1"
    ]
    assert list(table_of(tmp_path, "Zeit;Ofen\n05.01.2026 13:00;1,5\n").remarks()) == []


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Zeit;Druck\n05.01.2026 13:00;1,5\n", ";"),
        ("Zeit;a;b\n05.01.2026 13:00;1,5;2,5\n", ";"),
        ("05.01.2026 13:00;1,5\n", ";"),
        ("timestamp,value,note\n2026-01-05 13:00,1,a;b\n2026-01-05 13:01,1,a;b;c\n", ","),
        ("2026-01-05 13:00:00,000;1.5\n", ";"),
        ("time\tvalue\n2026-01-05 13:00\t1,5\n", "\t"),
        ("time|value\n2026-01-05 13:00|1.5\n", "|"),
        ('"Zeit, lokal";"Wert, bar"\n05.01.2026 13:00;1,5\n', ";"),
        ("sep=;\r\nZeit;Wert\r\n05.01.2026 13:00;1,5\r\n", ";"),
    ],
)
def test_the_delimiter_is_found(tmp_path: Path, text: str, delimiter: str) -> None:
    assert table_of(tmp_path, text).source.delimiter == delimiter  # type: ignore[attr-defined]
    assert times(tmp_path, text)[0] == NOON


def test_another_delimiter_may_be_named(tmp_path: Path) -> None:
    assert times(tmp_path, "time:value\n1767618000:1.5\n", delimiter=":") == [NOON]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ],
)
def test_encodings_that_tell_themselves(tmp_path: Path, encoding: str, mark: bytes) -> None:
    text = "Zeit;Öl\r\n05.01.2026 13:00;1,5\r\n"
    raw = mark + text.encode(encoding)
    assert table_of(tmp_path, raw).columns == ("Zeit", "Öl")
    assert times(tmp_path, raw) == [NOON]
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(raw))
    assert Table.open(path).columns == ("Zeit", "Öl")


def test_other_encodings_are_named(tmp_path: Path) -> None:
    raw = "Zeit;Öl\n05.01.2026 13:00;1,5\n".encode("cp1252")
    with pytest.raises(
        InputError, match=r"line 1: byte 0xd6 \(place 6 of the line\) is not UTF-8: .*--encoding cp1252"
    ):
        table_of(tmp_path, raw)
    assert table_of(tmp_path, raw, encoding="cp1252").columns == ("Zeit", "Öl")
    with pytest.raises(InputError, match=r"it is not ascii \(ordinal not in range.*--encoding names another"):
        table_of(tmp_path, raw, encoding="ascii")


def test_what_options_say_is_checked() -> None:
    assert time_format_of("%d/%m/%Y %H:%M:%S.%f %z") == "%d/%m/%Y %H:%M:%S.%f %z"
    assert time_format_of("ns") == "ns"
    assert encoding_of("latin-1") == "latin-1"
    assert str(zone_of("America/New_York")) == "America/New_York"
    for parse, text in (
        (delimiter_of, "ab"), (delimiter_of, '"'), (time_format_of, "%H:%M"), (time_format_of, "%Q"),
        (time_format_of, "hours"), (encoding_of, "klingon"), (encoding_of, "hex"), (zone_of, "Mars/Base"),
        (zone_of, "../etc/passwd"), (zone_of, "Europe"), (zone_of, ""),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"neither|there is no"):
            parse(text)
