from __future__ import annotations

from dataclasses import replace

import pytest

from controlroom.core.archive import Answer
from controlroom.core.why.model import Curve, Evidence, Occurrence, Past, Why
from controlroom.ui.render.glyphs import ASCII, UNICODE
from controlroom.ui.render.line import Role, plain, width_of
from controlroom.ui.render.why_lines import why_lines, why_summary

DAY = 86_400.0
TIMES = tuple(float(i) for i in range(200))
ONE = Occurrence("a", 100.0, 160.0, "critical", value=25.0, expected=20.0, score=5.0, detector="step")
EARLIER = Occurrence("b", 40.0, 70.0, "warning", value=24.0, acked_by="mira", peak=26.5)
WHY = Why(
    "temp-1",
    "level",
    ONE,
    0.0,
    200.0,
    unit="°C",
    curve=Curve(
        TIMES, tuple(20.0 + (5.0 if 100 <= i < 160 else i % 2) for i in range(200)), (18.0,) * 200, (22.0,) * 200
    ),
    band="expected mean",
    band_origin="computed again",
    band_source="as `level` expects it",
    limits=(("warning", 35.0), ("critical", 24.5), ("warning", 10.0)),
    evidence=(
        Evidence("level", tuple((at, 3.2 if 100 <= at < 160 else 0.2) for at in TIMES), 3.2, 110.0, 100.0, 100.0),
        Evidence("spike", tuple((at, 0.3) for at in TIMES), 0.3, 5.0),
        Evidence("noise", tuple((at, 1.2 if at == 130 else 0.1) for at in TIMES), 1.2, 130.0, 130.0),
    ),
    first=("level", 100.0),
    past=Past((EARLIER,), 1, 1, 40.0),
)


def text(why: Why = WHY, width: int = 80, height: int = 15, glyphs=UNICODE) -> list[str]:
    lines = why_lines(why, 2 * DAY, width, height, glyphs)
    assert len(lines) == height or not why.curve.times
    assert all(width_of(line) == width for line in lines)
    return [plain(line) for line in lines]


@pytest.mark.parametrize("size", [(80, 15), (120, 20), (120, 33), (200, 50)])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_it_fills_its_room(size, glyphs):
    lines = text(WHY, *size, glyphs)
    if glyphs.ascii:
        assert "\n".join(lines).replace("°", "").replace("…", "").isascii()


def test_the_detectors_lie_on_the_charts_axis_and_tell_how_near_they_were():
    lines = text()
    level, spike, noise = (
        next(line for line in lines if line.startswith(f"{name:>10} ")) for name in ("level", "spike", "noise")
    )
    alarm = next(line for line in lines if line.lstrip().startswith("alarm"))
    assert level.rstrip().endswith("3.2 x 1st  00:01:40")
    assert spike.rstrip().endswith("0.3 x")
    assert noise.rstrip().endswith("1.2 x over 00:02:10")
    mark = min(line.index("│") for line in lines if "│" in line)
    # The limit is half of the height: what is beyond it is higher.
    assert level.index("▇") in range(mark - 1, mark + 2)
    assert alarm.index("■") in range(mark - 1, mark + 2)
    assert "stood 1 min" in alarm


def test_what_is_beyond_its_limit_stands_out_without_colour():
    lines = why_lines(WHY, DAY, 80, 15, UNICODE)
    level = next(line for line in lines if plain(line).startswith("     level"))
    assert {role for piece, role in level if "▇" in piece} == {Role.STRONG}


def test_limits_that_are_far_away_do_not_flatten_the_curve_unless_the_limit_rang():
    far = replace(WHY, limits=(("critical", 60.0),))
    lines = text(far)
    assert "  critical 60.00 °C" in "\n".join(lines)
    assert "┄" not in "\n".join(lines)
    near = replace(WHY, kind="limit", limits=(("critical", 30.0),))
    assert "┄ critical 30.00 °C" in "\n".join(text(near))


def test_of_several_limits_the_nearer_one_is_drawn():
    assert "warning 35.00 °C" in "\n".join(text())
    low = replace(WHY, occurrence=replace(ONE, value=12.0))
    assert "warning 10.00 °C" in "\n".join(text(low))


def test_what_is_missing_is_said_first():
    lines = text(replace(WHY, notes=("only 3 readings before are stored",)))
    assert any("✗ only 3 readings before are stored" in line for line in lines)
    nothing = text(replace(WHY, curve=Curve(), evidence=(), notes=("the readings are not stored",)))
    assert nothing[0].startswith(" ✗ the readings are not stored")
    assert nothing[1].startswith(" BEFORE once since 1970-01-01; 1 of 2 marked false")


def test_earlier_ones_tell_when_how_long_how_far_and_how_they_ended():
    assert text()[-1].rstrip() == " 01-01 00:00  47h  ▲ WARN 30 s        to 26.50 °C  acked by mira"


def test_never_before_is_said():
    lines = text(replace(WHY, past=Past()))
    assert lines[-1].startswith(" BEFORE never seen before; not marked false")


def test_the_summary_is_one_line():
    assert plain(why_summary(Answer(0.0, WHY), 80)).rstrip() == (
        " why level rang first; 3.2 x its limit; once before; 1 of 2 marked false"
    )
    first = replace(WHY, first=("spike", 98.0))
    assert "spike rang first, 00:01:38" in plain(why_summary(Answer(0.0, first), 80))
    assert "asking the database" in plain(why_summary(None, 80))
    assert "it was never raised" in plain(why_summary(Answer(0.0, None, "it was never raised"), 80))
    assert "away; level rang first" in plain(why_summary(Answer(0.0, WHY, "away"), 80))


def test_hostile_words_are_harmless():
    hostile = replace(WHY, unit="\x1b[2J", past=Past((replace(EARLIER, words=("eve: \x1b]52;c;x\x07",)),), 1))
    assert "\x1b" not in "\n".join(text(hostile, 120, 20))
