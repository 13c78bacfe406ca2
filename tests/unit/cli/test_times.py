"""Times and durations as people type them."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime

import click
import pytest

from controlroom.cli import report_pictures, report_text, times
from controlroom.cli.times import Duration, Instant, instant_of

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("module", [times, report_text, report_pictures])
def test_examples(module):
    tried = doctest.testmod(module)
    assert tried.attempted > 0
    assert tried.failed == 0


@pytest.mark.parametrize("text", ["last tuesday", "2026-13-01", "25:00", "8x", "-8h", "99999999999d", "nan", "\x1b[2J"])
def test_what_is_no_time_is_said_in_one_line_with_what_would_be(text):
    with pytest.raises(click.BadParameter, match="is no time: 2026-03-01") as error:
        Instant().convert(text, None, None)
    assert "\n" not in error.value.message


@pytest.mark.parametrize(("text", "hours"), [("now", 0.0), ("30m", 0.5), ("1.5h", 1.5), ("1d", 24.0)])
def test_how_long_ago(text, hours):
    assert (NOW - instant_of(text, NOW)).total_seconds() == hours * 3600


@pytest.mark.parametrize("text", ["soon", "0", "-1h", "nan", "inf", "1e12"])
def test_what_is_no_duration(text):
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)
