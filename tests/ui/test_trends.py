"""Trends: what keys do to the curves, the span and the cursor; saved by name, exported to files."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest

from controlroom.core.archive import Series
from controlroom.core.trends import SavedTrend, Trend, encode_trend
from controlroom.ui.screens.machine import MachineScreen
from controlroom.ui.screens.overview import OverviewScreen
from controlroom.ui.screens.sensor import SensorScreen
from controlroom.ui.screens.trends import TrendScreen
from tests.fakes.plant import event, sensor_id
from tests.ui.screen_text import press, screen_lines, screen_text, settle
from tests.ui.test_alarm_actions import type_text
from tests.ui.test_hostile import NAMES, assert_harmless, hostile_plant

SIZE = (80, 24)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(path.read_bytes().decode(), newline="")))


def window(app):
    return app.context.trend


async def test_what_is_marked_becomes_a_trend_that_stays_as_it_is(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "space", "v")
        assert isinstance(full_app.screen, TrendScreen)
        shown = list(window(full_app).sensors)
        assert len(shown) == 3
        assert all(name in screen_text(full_app) for name in shown)
        await press(pilot, "b", "z", "escape")
        assert isinstance(full_app.screen, OverviewScreen)
        # A sensor that it shows already: the trend is opened as it is; another one: a new trend.
        await press(pilot, "g", "v")
        assert (window(full_app).sensors, window(full_app).overlay) == (shown, 86_400.0)
        await press(pilot, "escape", "G", "v")
        assert len(window(full_app).sensors) == 1


async def test_sensors_are_added_one_after_the_other_and_by_a_filter_but_no_more_than_eight(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "V", "down", "V")
        assert len(window(full_app).sensors) == 2
        assert "the trend has 2 of 8 curves" in screen_text(full_app)
        await press(pilot, "g", "v", "slash")
        await type_text(pilot, "sensor")
        assert "too many" in screen_text(full_app)
        await press(pilot, "enter")
        assert len(window(full_app).sensors) == 2
        await press(pilot, *["backspace"] * 6)
        await type_text(pilot, "hum")
        await press(pilot, "enter")
        assert len(window(full_app).sensors) > 2
        assert sensor_id(4) in window(full_app).sensors
        before = len(window(full_app).sensors)
        await press(pilot, "x")
        assert len(window(full_app).sensors) == before - 1


async def test_the_cursor_reads_all_curves_and_goes_with_the_span(full_app, history, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "v", *["left"] * 30)
        at = window(full_app).cursor
        assert at is not None
        assert at < clock.at.timestamp()
        asked = history._series(window(full_app).sensors[0], 900.0, clock.at.timestamp())
        expected = _value_before(asked, at)
        row = next(line for line in screen_lines(full_app) if window(full_app).sensors[0] in line)
        assert f"{expected:.2f}" in row
        await press(pilot, "pageup")
        assert window(full_app).end is not None
        assert "held" in screen_text(full_app)
        await press(pilot, "right_square_bracket")
        assert window(full_app).seconds == 3600.0
        await press(pilot, "G")
        assert (window(full_app).end, window(full_app).cursor) == (None, None)
        await press(pilot, "g")
        assert window(full_app).cursor == clock.at.timestamp() - 30 * 86_400.0


def _value_before(series: Series, at: float) -> float:
    return next(value for time, value in zip(series.times[::-1], series.values[::-1], strict=True) if time <= at)


async def test_from_one_alarm_to_the_one_before(full_app, state):
    critical = max(event.timestamp.timestamp() for event in state.feed if event.severity == "critical")
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "v", "E")
        assert window(full_app).cursor == critical
        await settle(pilot)
        assert "limit" in screen_lines(full_app)[-2]
        await press(pilot, "E")
        assert "was raised before this" in screen_text(full_app)


async def test_saved_opened_and_removed(full_app, history, trends):
    kept = Trend((sensor_id(1), sensor_id(2)), 3600.0, shared=True)
    history.saved.append(SavedTrend("line 1", kept, "ada", 0.0))
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "v", "N")
        await type_text(pilot, "press 4")
        await press(pilot, "enter")
        shown = encode_trend(window(full_app).trend())
        assert trends.orders == [("save", "press 4", shown, False)]
        # The name of another one: after a question.
        await press(pilot, "N", *["backspace"] * 7)
        await type_text(pilot, "line 1")
        await press(pilot, "enter")
        assert "Replace the trend" in screen_text(full_app)
        await press(pilot, "n")
        assert len(trends.orders) == 1
        await press(pilot, "O")
        assert "by ada" in screen_text(full_app)
        await press(pilot, "enter")
        assert (window(full_app).name, window(full_app).trend()) == ("line 1", kept)
        await press(pilot, "D", "enter", "y")
        assert trends.orders[-1] == ("remove", "line 1")


@pytest.mark.parametrize("kind", ["csv", "svg"])
async def test_written_to_a_file_whose_path_is_told(full_app, tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    async with full_app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "v", "X", *(["right"] if kind == "svg" else []), "tab", "ctrl+u")
        full_app.screen.query_one("#export-path").value = str(path)
        await press(pilot, "enter")
        assert f"written: {path}"[:60] in screen_text(full_app)
        shown = window(full_app).sensors
    if kind == "csv":
        rows = rows_of(path)
        assert {row["sensor"] for row in rows} == set(shown)
        assert all(float(row["value"]) > 0 and row["seconds"] == "0" for row in rows)
    else:
        root = ElementTree.fromstring(path.read_text("utf-8"))
        texts = " ".join(element.text or "" for element in root.iter())
        assert all(name in texts for name in shown)


async def test_a_viewer_opens_trends_and_saves_none_and_the_restricted_mode_writes_no_file(
    make_app, history, trends, tmp_path
):
    app = make_app(history=history, trends=trends, read_only=True, restricted=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "v", "N", "D", "X")
        assert isinstance(app.screen, TrendScreen)
        assert "Save" not in screen_text(app)
        assert "Export" not in screen_text(app)
        assert trends.orders == []


async def test_names_are_literal_in_the_picture_and_in_files(make_app, clock, history, tmp_path):
    state = hostile_plant()
    app = make_app(state)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.context.trend.show([name for name in NAMES if name])
        await press(pilot, "v", "X")
        app.screen.query_one("#export-path").value = str(tmp_path / "t.csv")
        await press(pilot, "enter")
        assert_harmless(screen_text(app))
    found = {row["sensor"] for row in rows_of(tmp_path / "t.csv")}
    assert found <= set(NAMES) | {"x" * 128}
    assert "[@click=app.quit]go[/]" in found


async def test_a_machine_is_acted_on_as_a_whole_after_a_question(full_app, actions, learning):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "d")
        assert isinstance(full_app.screen, MachineScreen)
        text = screen_text(full_app)
        assert all(sensor_id(number) in text for number in (1, 2, 3))
        assert "2 alarms, 2 un-acked" in text
        await press(pilot, "a")
        assert "Acknowledge 2 alarms of machine-001?" in screen_text(full_app)
        await press(pilot, "y")
        assert [action[0] for action in actions.actions] == ["ack_page"]
        assert {seen[0] for seen in actions.actions[0][1:]} == {sensor_id(1), sensor_id(3)}
        await press(pilot, "M")
        await type_text(pilot, "belt")
        await press(pilot, "enter")
        assert "3 sensors of machine-001?" in screen_text(full_app)
        await press(pilot, "y")
        assert learning.orders[-1][0] == "maintenance"
        assert set(learning.orders[-1][1:4]) == {sensor_id(number) for number in (1, 2, 3)}


async def test_from_a_machine_to_a_sensor_and_to_a_trend_of_all_its_sensors(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "d")
        assert "this is on no machine" in screen_text(full_app)
        await press(pilot, *["enter"] * 2, "d", "enter")
        assert isinstance(full_app.screen, SensorScreen)
        await press(pilot, "escape", "v")
        assert isinstance(full_app.screen, TrendScreen)
        assert set(window(full_app).sensors) == {sensor_id(number) for number in (1, 2, 3)}


async def test_the_alarm_of_the_machine_itself_names_the_sensors_that_have_moved(full_app, state, clock, actions):
    told = "its sensors do not go together as usual (moved: temp-sensor-001 71%, [/x] 20%)"
    state.apply_alarm(event("machine:machine-001", "machine", clock.at, message=told, sensor_type=""))
    async with full_app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "d")
        assert told in screen_text(full_app)
        await press(pilot, "a", "y")
        assert ("machine:machine-001", "machine") in [seen[:2] for seen in actions.actions[0][1:]]


async def test_a_marked_sensor_of_a_machine_stands_for_itself_alone(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "d", "down", "space", "a")
        assert [action[1:3] for action in actions.actions] == [(sensor_id(1), "limit")]
