from __future__ import annotations

import math

import pytest

from controlroom.ui.render.chart import ChartMark, chart_lines, round_levels
from controlroom.ui.render.glyphs import ASCII, UNICODE
from controlroom.ui.render.line import Role, plain, width_of

TIMES = [1_700_000_000.0 + 3 * index for index in range(100)]
VALUES = [25 + math.sin(index / 9) for index in range(100)]


@pytest.mark.parametrize(("width", "height"), [(76, 12), (118, 26), (40, 6), (19, 3), (5, 1)])
def test_it_is_exactly_as_large_as_asked(width, height):
    lines = chart_lines(TIMES, VALUES, width=width, height=height, glyphs=UNICODE)
    assert len(lines) == height
    assert {width_of(line) for line in lines} == {width}


def test_limits_that_are_near_are_drawn_and_far_ones_are_not():
    near = chart_lines(TIMES, VALUES, width=76, height=14, glyphs=UNICODE, warning=27.0, critical=90.0)
    roles = {role for line in near for text, role in line if "┄" in text}
    assert roles == {Role.WARN}


def test_alarms_stand_over_their_time():
    marks = [ChartMark(TIMES[0] - 60, 2), ChartMark(TIMES[50], 1), ChartMark(TIMES[99], 2)]
    top = plain(chart_lines(TIMES, VALUES, width=76, height=14, glyphs=UNICODE, marks=marks)[0])
    assert top.count("▲") == 1
    assert top.count("■") == 1
    assert top.index("▲") < top.index("■")


def test_the_time_axis_has_the_first_and_the_last_moment():
    last = plain(chart_lines(TIMES, VALUES, width=76, height=14, glyphs=UNICODE)[-1])
    assert "22:13:20" in last
    assert "22:18:17" in last


def test_one_reading_is_no_chart():
    lines = chart_lines(TIMES[:1], VALUES[:1], width=60, height=5, glyphs=UNICODE)
    assert "two readings are needed" in plain(lines[0])


def test_a_value_that_never_changes_can_be_drawn():
    lines = chart_lines(TIMES, [0.0] * 100, width=60, height=8, glyphs=UNICODE)
    assert any(role is Role.CHART for line in lines for _, role in line)


def test_readings_of_one_moment_are_no_chart():
    assert "two readings" in plain(chart_lines([5.0, 5.0], [1.0, 2.0], width=60, height=5, glyphs=UNICODE)[0])


@pytest.mark.parametrize("times", [[0.0, 1e-9, 1.0], [0.0, 1.0, 1.0, 1.0], [5.0, 3.0, 9.0]])
def test_whatever_plotext_thinks_of_the_data_the_terminal_stays_clean(capfd, times):
    chart_lines(times, [1e15] * len(times), width=60, height=8, glyphs=UNICODE, marks=[ChartMark(times[0], 2)])
    assert capfd.readouterr() == ("", "")


def test_ascii():
    lines = chart_lines(TIMES, VALUES, width=60, height=8, glyphs=ASCII, warning=26.5)
    assert all(plain(line).isascii() for line in lines)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.7, 12), (1012.1, 1013.9), (0.0001, 0.0004), (0, 1e9)])
def test_round_levels(low, high):
    levels = round_levels(low, high)
    assert 3 <= len(levels) <= 7
    assert all(low - 1e-9 <= level <= high + 1e-9 for level in levels)
    assert levels == sorted(set(levels))
