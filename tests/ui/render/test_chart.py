from __future__ import annotations

import math
from typing import Any

import pytest

from controlroom.ui.render.chart import chart_lines, frame_of, round_levels, thinned
from controlroom.ui.render.glyphs import ASCII, UNICODE, Glyphs
from controlroom.ui.render.line import Line, Role, plain, width_of

TIMES = [1_700_000_000.0 + 3 * index for index in range(100)]
VALUES = [25 + math.sin(index / 9) for index in range(100)]


def drawn(
    times: list[float],
    values: list[float],
    *,
    width: int = 76,
    height: int = 14,
    glyphs: Glyphs = UNICODE,
    start: float | None = None,
    end: float | None = None,
    **rest: Any,
) -> list[Line]:
    limits = {name: rest[name] for name in ("warning", "critical") if name in rest}
    first, last = (times[0], times[-1]) if times else (0.0, 1.0)
    frame = frame_of(first if start is None else start, last if end is None else end, values, **limits)
    return chart_lines(times, values, frame, width=width, height=height, glyphs=glyphs, **rest)


@pytest.mark.parametrize(("width", "height"), [(76, 12), (118, 26), (40, 6), (19, 3), (5, 1)])
def test_it_is_exactly_as_large_as_asked(width, height):
    lines = drawn(TIMES, VALUES, width=width, height=height)
    assert len(lines) == height
    assert {width_of(line) for line in lines} == {width}


def test_limits_that_are_near_are_drawn_and_far_ones_are_not():
    near = drawn(TIMES, VALUES, warning=27.0, critical=90.0)
    roles = {role for line in near for text, role in line if "┄" in text}
    assert roles == {Role.WARN}


def test_the_time_axis_has_the_first_and_the_last_moment_of_the_span():
    last = plain(drawn(TIMES, VALUES, start=TIMES[0] - 600, end=TIMES[-1] + 3)[-1])
    assert last.split() == ["22:03:20", "22:10:50", "22:18:20"]


def test_the_curve_stands_where_its_time_is():
    """The strips under the chart count on it: the cells after the margin are the time from start to end."""
    frame = frame_of(TIMES[0], TIMES[0] + 600, VALUES)
    lines = chart_lines(TIMES, VALUES, frame, width=76, height=14, glyphs=UNICODE)
    columns = {
        index
        for line in lines
        for index, (char, role) in enumerate((char, role) for text, role in line for char in text)
        if role is Role.CHART and char not in " ⠀"
    }
    assert min(columns) == frame.margin
    half = frame.margin + (76 - frame.margin) * 297 / 600
    assert abs(max(columns) - half) <= 1


def test_a_silence_is_a_gap_in_the_curve():
    times = [*TIMES[:50], *(at + 600 for at in TIMES[50:])]
    whole = "".join(plain(line)[10:66] for line in drawn(times, VALUES))
    parted = "".join(plain(line)[10:66] for line in drawn(times, VALUES, gap_s=15.0))
    assert sum(char not in " ⠀" for char in parted) < sum(char not in " ⠀" for char in whole)


def test_roll_ups_have_a_quiet_band():
    lines = drawn(TIMES, VALUES, lows=[value - 1 for value in VALUES], highs=[value + 1 for value in VALUES])
    roles = {role for line in lines for _, role in line}
    assert {Role.SPARK, Role.CHART} <= roles


def test_thinning_loses_no_spike():
    times, values = [float(index) for index in range(10_000)], [1.0] * 10_000
    values[7777] = 99.0
    few_times, few = thinned(times, values, (0.0, 10_000.0), 100)
    assert len(few) <= 200
    assert few_times[few.index(99.0)] == 7777


def test_one_reading_is_no_chart():
    lines = drawn(TIMES[:1], VALUES[:1], width=60, height=5)
    assert "no two readings" in plain(lines[0])


def test_no_reading_is_no_chart():
    assert "no two readings" in plain(drawn([], [], width=60, height=5)[0])


def test_a_value_that_never_changes_can_be_drawn():
    lines = drawn(TIMES, [0.0] * 100, width=60, height=8)
    assert any(role is Role.CHART for line in lines for _, role in line)


def test_readings_of_one_moment_are_no_chart():
    assert "no two readings" in plain(drawn([5.0, 5.0], [1.0, 2.0], width=60, height=5)[0])


@pytest.mark.parametrize("times", [[0.0, 1e-9, 1.0], [0.0, 1.0, 1.0, 1.0], [3.0, 5.0, 9.0]])
def test_whatever_plotext_thinks_of_the_data_the_terminal_stays_clean(capfd, times):
    drawn(times, [1e15] * len(times), width=60, height=8)
    assert capfd.readouterr() == ("", "")


def test_ascii():
    lines = drawn(TIMES, VALUES, width=60, height=8, glyphs=ASCII, warning=26.5)
    assert all(plain(line).isascii() for line in lines)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.7, 12), (1012.1, 1013.9), (0.0001, 0.0004), (0, 1e9)])
def test_round_levels(low, high):
    levels = round_levels(low, high)
    assert 3 <= len(levels) <= 7
    assert all(low - 1e-9 <= level <= high + 1e-9 for level in levels)
    assert levels == sorted(set(levels))
