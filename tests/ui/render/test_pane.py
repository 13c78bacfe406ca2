from __future__ import annotations

import pytest

from controlroom.ui.render.glyphs import UNICODE
from controlroom.ui.render.line import Role, plain, width_of
from controlroom.ui.render.order import SensorOrder
from controlroom.ui.render.pane import LEAST_WIDTH, MOST_HEIGHT, pane
from tests.fakes.clock import START
from tests.fakes.plant import make_plant, sensor_id

NOW = START.timestamp()


@pytest.fixture(scope="module")
def plant():
    return make_plant()


@pytest.mark.parametrize("width", [20, 30, LEAST_WIDTH, 60, 119])
@pytest.mark.parametrize("height", range(2, MOST_HEIGHT + 1))
def test_every_line_is_exactly_as_wide_as_asked(plant, width, height):
    for view in plant.sensors.values():
        for selected in (False, True):
            lines = pane(view, NOW, width=width, height=height, glyphs=UNICODE, selected=selected)
            assert len(lines) <= height
            assert {width_of(line) for line in lines} == {width}


def test_normal_is_quiet(plant):
    title, body = pane(plant.sensors[sensor_id(13)], NOW, width=LEAST_WIDTH, height=2, glyphs=UNICODE)
    assert plain(title) == "   energy-sensor-013 energy    92.23 kW"
    assert plain(body).endswith(" running   sim")
    assert {role for _, role in (*title, *body)} <= {Role.TITLE, Role.TITLE_DIM, Role.SPARK, Role.DIM, Role.CURSOR}


def test_critical_has_shape_word_and_reverse(plant):
    title, body = pane(plant.sensors[sensor_id(1)], NOW, width=LEAST_WIDTH, height=2, glyphs=UNICODE, selected=True)
    assert plain(title) == "▌■ temp-sensor-001 temperature 43.63 °C"
    assert ("■", Role.CRIT_UNACK) in title
    assert ("CRIT", Role.CRIT_UNACK) in body
    assert ("43.63 °C", Role.TITLE_CRIT) in [(text.strip(), role) for text, role in title]


def test_acked_is_not_reverse(plant):
    title, body = pane(plant.sensors[sensor_id(12)], NOW, width=LEAST_WIDTH, height=2, glyphs=UNICODE)
    assert ("▲", Role.TITLE_WARN) in title
    assert ("WARN", Role.WARN) in body


def test_returned_unacked_has_its_own_shape(plant):
    title, _ = pane(plant.sensors[sensor_id(3)], NOW, width=LEAST_WIDTH, height=2, glyphs=UNICODE)
    assert ("◇", Role.RTN_UNACK) in title


def test_a_long_id_gives_way_to_the_value(plant):
    view = make_plant(sensors=1).sensors[sensor_id(1)]
    view.label = "a-sensor-with-a-very-long-name-indeed-yes"
    title, _ = pane(view, NOW, width=LEAST_WIDTH, height=2, glyphs=UNICODE)
    assert plain(title).endswith("… 43.63 °C")
    assert "temperature" not in plain(title)


def test_by_area_says_where(plant):
    title, _ = pane(plant.sensors[sensor_id(13)], NOW, width=60, height=2, glyphs=UNICODE, order=SensorOrder.AREA)
    assert "energy-sensor-013 zone-c machine-005" in plain(title)
