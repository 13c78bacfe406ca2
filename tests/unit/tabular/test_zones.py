"""Times of a place whose clocks are put forward and back: each is said, and the file's order tells hours apart."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from controlroom.tabular import Form, Selection, Table
from controlroom.tabular.zones import ZoneClock

BERLIN = ZoneInfo("Europe/Berlin")
BACK = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
FORWARD = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)


def read(directory: Path, texts: list[str], zone: ZoneInfo = BERLIN) -> tuple[list[datetime], list[str]]:
    path = directory / "data.csv"
    path.write_text("time;value\n" + "".join(f"{text};1\n" for text in texts))
    table = Table.open(path, Form(zone=zone))
    selection = Selection(table, table.places(["value"]), as_is=True)
    summary = selection.check()
    return [row.time for row in selection.rows()], list(summary.remarks(table, as_is=True, done="sent"))


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        *((zone, minutes) for zone in ("Europe/Berlin", "America/New_York", "Asia/Kolkata") for minutes in (60, 10, 1)),
        # Half an hour is there twice: what is recorded every hour does not tell which it is.
        *(("Australia/Lord_Howe", minutes) for minutes in (30, 10, 1)),
    ],
)
def test_a_year_of_a_zone_is_read_back_in_either_order(tmp_path: Path, minutes: int, falling: bool, zone: str) -> None:
    step = timedelta(minutes=minutes)
    count = 366 * 24 if minutes == 60 else int(timedelta(days=2) / step)
    begins = [datetime(2026, 1, 1, tzinfo=UTC)] if minutes == 60 else [
        datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 31, 12, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC)
    ]  # fmt: skip
    for begin in begins:
        moments = [begin + n * step for n in range(count)]
        if falling:
            moments.reverse()
        place = ZoneInfo(zone)
        found, _ = read(tmp_path, [f"{moment.astimezone(place):%d.%m.%Y %H:%M}" for moment in moments], place)
        assert found == moments


def test_an_hour_that_is_there_twice_is_said(tmp_path: Path) -> None:
    moments = [BACK + timedelta(minutes=20 * n) for n in range(-6, 9)]
    found, remarks = read(tmp_path, [f"{moment.astimezone(BERLIN):%Y-%m-%d %H:%M}" for moment in moments])
    assert found == moments
    [remark] = remarks
    assert remark.startswith("6 times are there twice in Europe/Berlin, where clocks are put back then: told apart by")
    assert remark.endswith("(the first: line 8)")


def test_a_time_twice_within_that_hour_is_no_second_hour(tmp_path: Path) -> None:
    texts = ["2026-10-25 01:50", "2026-10-25 02:00", "2026-10-25 02:10", "2026-10-25 02:10", "2026-10-25 02:20",
             "2026-10-25 02:00"]  # fmt: skip
    found, remarks = read(tmp_path, texts)
    assert [f"{moment:%H:%M}" for moment in found] == ["23:50", "00:00", "00:10", "00:10", "00:20", "01:00"]
    assert remarks[0].startswith("1 row has a time that is there already")


def test_where_the_order_does_not_tell_it_is_the_first(tmp_path: Path) -> None:
    moments = [BACK + timedelta(minutes=5 * n) for n in range(-50, 50)]
    texts = [f"{moment.astimezone(BERLIN):%Y-%m-%d %H:%M}" for moment in moments]
    random.Random(4).shuffle(texts)
    found, remarks = read(tmp_path, texts)
    assert not set(found) & {BACK + timedelta(hours=1, minutes=5 * n) for n in range(12)}
    assert any("24 times are there twice in Europe/Berlin" in remark and "the first of" in remark for remark in remarks)


def test_a_time_that_does_not_exist_is_said_and_taken_by_a_clock_that_was_not_put_forward(tmp_path: Path) -> None:
    texts = ["2026-03-29 01:30", "2026-03-29 02:30", "2026-03-29 03:45"]
    found, remarks = read(tmp_path, texts)
    assert found == [FORWARD + timedelta(minutes=minutes) for minutes in (30, 90, 105)]
    [remark] = remarks
    assert remark.startswith("1 time does not exist in Europe/Berlin, where clocks are put forward then: taken as by")
    assert remark.endswith("(line 3)")


def test_times_that_name_their_zone_are_not_touched(tmp_path: Path) -> None:
    found, remarks = read(tmp_path, ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:00"])
    assert found == [BACK + timedelta(minutes=minutes) for minutes in (30, 90, 120)]
    assert remarks == []


def test_numbers_since_1970_are_of_no_zone(tmp_path: Path) -> None:
    assert read(tmp_path, ["1767225600"])[0] == [datetime(2026, 1, 1, tzinfo=UTC)]


def test_the_ends_of_the_calendar() -> None:
    clock = ZoneClock(BERLIN, rising=True)
    assert clock.utc(datetime(9999, 12, 31, 12)).year == 9999  # noqa: DTZ001 - as files have it
    with pytest.raises(OverflowError):
        clock.utc(datetime(1, 1, 1))  # noqa: DTZ001
