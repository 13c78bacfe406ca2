from __future__ import annotations

from controlroom.ui.render.glyphs import ASCII, UNICODE
from controlroom.ui.render.line import Role, plain
from controlroom.ui.render.sparkline import scale_of, sparkline


def test_the_newest_is_at_the_right_and_what_does_not_fit_is_the_oldest():
    (line,) = sparkline([7, 0, 1, 2, 3], 3, scale=(0, 7), glyphs=UNICODE)
    assert plain(line) == "▂▃▄"


def test_limits_colour_the_readings_that_reach_them():
    (line,) = sparkline([1, 2, 5, 6, 7, 1], 8, scale=(0, 8), glyphs=UNICODE, warning=5, critical=7)
    assert [(role, len(text)) for text, role in line] == [
        (Role.SPARK, 2),
        (Role.SPARK, 2),
        (Role.WARN, 2),
        (Role.CRIT, 1),
        (Role.SPARK, 1),
    ]


def test_two_lines_have_sixteen_levels():
    upper, lower = sparkline([0, 7, 8, 15], 4, scale=(0, 15), glyphs=UNICODE, height=2)
    assert plain(upper) == "  ▁█"
    assert plain(lower) == "▁███"


def test_values_beyond_the_scale_are_cut():
    (line,) = sparkline([-5, 50], 2, scale=(0, 7), glyphs=UNICODE)
    assert plain(line) == "▁█"


def test_no_values_are_blank():
    assert [plain(line) for line in sparkline([], 3, scale=(0, 1), glyphs=UNICODE, height=2)] == ["   ", "   "]
    assert plain(sparkline([1.0], 0, scale=(0, 1), glyphs=UNICODE)[0]) == ""


def test_ascii():
    (line,) = sparkline([0, 7], 2, scale=(0, 7), glyphs=ASCII)
    assert plain(line).isascii()


def test_noise_within_the_limits_lies_low():
    low, high = scale_of([24.8, 25.2, 25.0], 35.0, 40.0)
    assert high - low >= 5.0
    (line,) = sparkline([24.8, 25.2, 25.0], 3, scale=(low, high), glyphs=UNICODE)
    assert max(UNICODE.levels.index(char) for char in plain(line)) <= 2


def test_scale_of_what_never_changes_and_of_zero():
    for values in ([0.0, 0.0], [5.0], [-3.0, -3.0]):
        low, high = scale_of(values, None, None)
        assert low < min(values)
        assert high > max(values)


def test_scale_with_equal_limits_is_not_empty():
    low, high = scale_of([1.0], 5.0, 5.0)
    assert high > low
