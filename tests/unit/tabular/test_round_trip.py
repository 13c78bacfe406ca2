"""A table that is written in any dialect is read back equal, or it is asked which of two readings is meant."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.errors import InputError
from controlroom.tabular import Form, Selection, Table


@dataclass(frozen=True)
class TimeForm:
    """A way to write times: the cells, the option that says it, and the least difference that it can tell."""

    cells: Callable[[datetime], tuple[str, ...]]
    option: str | None = None
    step: timedelta = timedelta(seconds=1)


def strftime(form: str, *, says: bool = False) -> TimeForm:
    return TimeForm(lambda t: (t.strftime(form),), form if says else None)


def epoch(unit: str, to_second: int, step: timedelta) -> TimeForm:
    first = datetime(1970, 1, 1, tzinfo=UTC)
    return TimeForm(lambda t: (str((t - first) // timedelta(microseconds=1) * to_second // 10**6),), unit, step)


MILLISECOND, MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)
TIMES = {
    "iso": strftime("%Y-%m-%d %H:%M:%S"),
    "iso T": strftime("%Y-%m-%dT%H:%M:%S"),
    "iso Z": TimeForm(lambda t: (t.isoformat().replace("+00:00", "Z"),), step=MICROSECOND),
    "iso offset": TimeForm(lambda t: ((t + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00"),)),
    "iso basic": strftime("%Y%m%dT%H%M%SZ"),
    "dots": strftime("%d.%m.%Y %H:%M:%S"),
    "dots, milliseconds": TimeForm(lambda t: (f"{t:%d.%m.%Y %H:%M:%S},{t.microsecond // 1000:03}",), None, MILLISECOND),
    "year first": strftime("%Y/%m/%d %H:%M:%S"),
    "day first": strftime("%d/%m/%Y %H:%M:%S", says=True),
    "month first": strftime("%m/%d/%Y %I:%M:%S %p", says=True),
    "month first, hyphens": strftime("%m-%d-%Y %H:%M:%S", says=True),
    "names": strftime("%d-%b-%Y %H:%M:%S"),
    "names, month first": strftime("%B %d, %Y %I:%M:%S %p"),
    "date and clock": TimeForm(lambda t: (f"{t:%d.%m.%Y}", f"{t:%H:%M:%S}")),
    "date and clock, month first": TimeForm(lambda t: (f"{t:%m/%d/%Y}", f"{t:%I:%M:%S %p}"), "%m/%d/%Y %I:%M:%S %p"),
    "s": epoch("s", 1, timedelta(seconds=1)),
    "ms": epoch("ms", 10**3, MILLISECOND),
    "us": epoch("us", 10**6, MICROSECOND),
    "ns": epoch("ns", 10**9, MICROSECOND),
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A table as bytes, and what is in it."""

    raw: bytes
    rows: list[tuple[datetime, tuple[float | None, ...]]]
    decimal: str
    time_format: str | None
    encoding: str | None
    #: whether there are points that separate thousands, and no other signs: taken for decimal points, if nobody says so
    say_decimal: bool


def number(value: int, places: int, decimal: str, group: str) -> str:
    whole, _, part = f"{abs(value) / 10**places:.{places}f}".partition(".")
    grouped = f"{int(whole):,}".replace(",", group)
    return ("-" if value < 0 else "") + grouped + (decimal + part if part else "")


@st.composite
def tables(draw: st.DrawFn) -> Written:
    form = TIMES[draw(st.sampled_from(sorted(TIMES)))]
    delimiter = draw(st.sampled_from(",;\t|"))
    decimal = draw(st.sampled_from(".,"))
    group = draw(st.sampled_from(["", "", " ", "\u00a0", "'", "." if decimal == "," else ","]))
    width = draw(st.integers(1, 3))
    named = draw(st.booleans())
    units = named and draw(st.booleans())
    moments = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1))  # noqa: DTZ001 - Hypothesis wants them so
    cells = st.tuples(st.integers(-(10**8), 10**8), st.integers(0, 4))
    texts, rows = [], []
    for n in range(draw(st.integers(1, 12))):
        moment = draw(moments).replace(tzinfo=UTC)
        moment -= (moment - datetime(1970, 1, 1, tzinfo=UTC)) % form.step
        values: list[float | None] = []
        written = []
        for _ in range(width):
            value, places = draw(cells)
            # Each column has a reading somewhere, and a file of one column has one in each row.
            empty = width > 1 and n > 0 and draw(st.booleans())
            written.append("" if empty else number(value, places, decimal, group))
            values.append(None if empty else float(f"{value / 10**places:.{places}f}"))
        texts.append([*form.cells(moment), *written])
        if any(value is not None for value in values):
            rows.append((moment, tuple(values)))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
                        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])))  # fmt: skip
    times = len(texts[0]) - width
    if named:
        names = draw(st.sampled_from([("Datum", "Uhrzeit"), ("時刻", "分"), ("When", "Then")]))[:times]
        writer.writerow([*names, *("Öfen", "Mühle 2", "温度")[:width]])
        if units:
            writer.writerow([*[""] * times, *("°C", "mm/s", "%")[:width]])
    writer.writerows(texts)
    encoding, mark, said = draw(st.sampled_from([
        ("utf-8", "", None), ("utf-8", "\ufeff", None), ("utf-16-le", "\ufeff", None), ("utf-16-be", "\ufeff", None),
        ("utf-16-le", "", "utf-16-le"), ("shift_jis_2004" if "\u00a0" not in out.getvalue() else "utf-8", "", "?"),
    ]))  # fmt: skip
    try:
        raw = (mark + out.getvalue()).encode(encoding)
    except UnicodeEncodeError:
        encoding, raw = "utf-8", out.getvalue().encode()
    said = encoding if said == "?" and encoding != "utf-8" else None if said == "?" else said
    signs = [text for row in texts for text in row[times:] if decimal in text]
    return Written(raw, rows, decimal, form.option, said, group in {".", ","} and not signs)


def read(path: Path, form: Form) -> list[tuple[datetime, tuple[float | None, ...]]]:
    table = Table.open(path, form)
    selection = Selection(table, table.places(table.values()), gaps=table.is_wide(), as_is=True)
    selection.check()
    return [(row.time, row.values) for row in selection.rows()]


def ask(path: Path, form: Form) -> tuple[list[tuple[datetime, tuple[float | None, ...]]], InputError | None]:
    try:
        return read(path, form), None
    except InputError as error:
        return [], error


@given(tables())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read_back_or_asked_for(tmp_path: Path, table: Written) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(table.raw)
    form = Form(encoding=table.encoding, decimal=table.decimal if table.say_decimal else None)
    found, asked = ask(path, form)
    while asked is not None:
        # Only what may be read in two ways is asked for, and the option that is named is the answer.
        assert " may be " in asked.message
        if "--decimal" in asked.hint:
            assert form.decimal is None
            form = replace(form, decimal=table.decimal)
        else:
            assert "--time-format" in asked.hint
            assert form.time_format is None
            form = replace(form, time_format=table.time_format)
        found, asked = ask(path, form)
    assert found == table.rows


@given(tables())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_with_everything_said_nothing_is_asked(tmp_path: Path, table: Written) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(table.raw)
    assert read(path, Form(None, table.decimal, table.encoding, table.time_format)) == table.rows


@given(st.binary(max_size=2000))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_it_is_a_table_or_an_error_of_one_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(raw)
    assert "\n" not in str(ask(path, Form())[1])


CELLS = st.sampled_from(
    ["", " ", "nan", "inf", "-1e400", "1e17", "1,234", "1.234,5", "5.1.2026", "05/01/2026 1:00 PM", "13/01/2026",
     "13:00", "2026-01-05", "2026-01-05T13:00Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00+01:00", "20260105",
     "1767225600", "1767225600123", "timestamp", "value", "date", "time", "label", "°C", "\x1b[31m", "\0", "sep=;",
     "1 234", "1'2"]
)  # fmt: skip


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=8), st.sampled_from(",;\t"), st.booleans())
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nor_does_any_table_of_cells_that_mean_something(
    tmp_path: Path, rows: list[list[str]], delimiter: str, zoned: bool
) -> None:
    path = tmp_path / "data.csv"
    path.write_text("\n".join(delimiter.join(row) for row in rows))
    _, error = ask(path, Form(zone=ZoneInfo("Europe/Berlin") if zoned else None))
    assert error is None or str(error).isprintable()


@given(st.text(alphabet="0123456789.,:/-; \t|\n\"'aPM°", max_size=300))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nor_does_text_that_resembles_a_table_break_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    assert "\n" not in str(ask(path, Form())[1])


@pytest.mark.parametrize("form", sorted(TIMES))
def test_every_form_of_times_is_read(tmp_path: Path, form: str) -> None:
    moments = [datetime(2026, month, day, 13, 5, 6, tzinfo=UTC) for month in (1, 2, 12) for day in (1, 12, 13, 28)]
    rows = "".join(f"{';'.join(TIMES[form].cells(moment))};{n},5\n" for n, moment in enumerate(moments))
    path = tmp_path / "data.csv"
    path.write_text(rows)
    assert read(path, Form()) == [(moment, (n + 0.5,)) for n, moment in enumerate(moments)]
