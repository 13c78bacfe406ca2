from __future__ import annotations

import pytest

from controlroom.core.cells import crop, left, right
from controlroom.ui.palette import Palette
from controlroom.ui.render.line import Role, fit, plain, spread, width_of
from controlroom.ui.theme import THEMES


@pytest.mark.parametrize(
    ("text", "width", "cropped"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abc   ", 3, "abc"),
        ("ab cd", 4, "ab…"),
        ("日本語", 5, "日本…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_crop(text, width, cropped):
    assert crop(text, width) == cropped


@pytest.mark.parametrize("text", ["", "abc", "temperature", "日本語センサー", "e\u0301a\u0301"])
@pytest.mark.parametrize("width", [1, 2, 5, 9, 30])
def test_cells_are_exact_whatever_the_characters(text, width):
    for cell in (left(text, width), right(text, width)):
        assert width_of([(cell, Role.TEXT)]) == width
    assert width_of(fit([(text, Role.TEXT), ("tail", Role.DIM)], width)) == width


def test_spread_keeps_the_end_whole():
    start, end = [("a long beginning", Role.TEXT)], [("end", Role.STRONG)]
    assert plain(spread(start, end, 12)) == "a long b…end"
    assert plain(spread([("a", Role.TEXT)], end, 8)) == "a    end"
    assert plain(spread(start, end, 2)) == "e…"


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_role_has_a_style_on_every_ground(theme):
    palette = Palette(theme.variables)
    for role in Role:
        assert palette.style(role).color is not None
        for ground in ("surface", "panel", "selection"):
            assert palette.style(role, ground).bgcolor.name == theme.variables[f"cr-{ground}"]


def test_what_waits_for_an_operator_is_reverse_without_colours_too():
    palette = Palette(THEMES[0].variables, colour=False)
    for role in (Role.CRIT_UNACK, Role.WARN_UNACK, Role.RTN_UNACK):
        assert palette.style(role).reverse
    assert palette.style(Role.CRIT).color.name == THEMES[0].variables["cr-strong"]


def test_neighbours_of_one_role_are_one_segment():
    palette = Palette(THEMES[0].variables)
    assert [s.text for s in palette.segments([("a", Role.DIM), (" ", Role.DIM), ("b", Role.WARN)])] == ["a ", "b"]


def test_ascii_keeps_the_width():
    palette = Palette(THEMES[0].variables, ascii_only=True)
    assert palette.strip([("42 °C ↑ 日", Role.TEXT)], 10).text == "42 'C ^ ??"
