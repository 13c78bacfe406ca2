from __future__ import annotations

from datetime import timedelta

import pytest

from controlroom.core.plant_state import DatabaseView, PlantState
from controlroom.ui.widgets.sensor_grid import SensorGrid
from tests.fakes.plant import cluster, event, location, make_plant, reading, sensor_id
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)


async def test_worst_first_with_shape_word_and_value(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        lines = screen_lines(app)
        assert "■ 1 CRIT" in lines[0]
        assert "▲ 3 WARN" in lines[0]
        assert "4 un-acked" in lines[0]
        assert "14:03:22 UTC" in lines[0]
        assert "■ temp-sensor-001 temperature 43.63 °C" in lines[2]
        assert "CRIT running" in lines[3]
        assert "▲ energy-sensor-008" in lines[2]
        assert "WARN drift     SIM" in lines[3]


async def test_states_are_words(app):
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for word in ("STALE 47s", "PAUSED", "NO DATA", "running", "drift"):
            assert word in text


async def test_cluster_line_says_what_is_wrong(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "▲ brokers 2/3  ▲ 7 under-replicated  lag 11  workers 1 3/s  db ok 0.4 ms" in screen_text(app)


async def test_a_new_reading_is_drawn(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        clock.move(3)
        new = reading(sensor_id(1), "temperature", location(1), 44.44, clock.at)
        state.apply_reading(new, seen_at=clock.at.timestamp(), simulated=True)
        await settle(pilot)
        assert "44.44 °C" in screen_text(app)


async def test_what_is_off_the_screen_is_never_drawn(make_app, clock, monkeypatch):
    state = make_plant(clock.at, sensors=60, broken=False)
    app = make_app(state)
    drawn: list[str] = []
    draw = SensorGrid.draw

    def recording(self, key, width, *, selected):
        drawn.append(key)
        return draw(self, key, width, selected=selected)

    monkeypatch.setattr(SensorGrid, "draw", recording)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        visible = set(drawn)
        assert 0 < len(visible) <= 14
        drawn.clear()
        for view in list(state.sensors.values()):
            view.touch()
        await settle(pilot)
        assert set(drawn) == visible
        drawn.clear()
        await settle(pilot)
        assert drawn == []


async def test_the_cursor_stays_on_its_sensor_when_the_list_is_sorted_anew(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "j", "j", "j")
        grid = app.screen.query_one(SensorGrid)
        chosen, place = grid.selected, grid.keys.index(grid.selected)
        assert place == 6
        state.apply_alarm(event(sensor_id(14), "limit", clock.at, severity="critical"))
        await settle(pilot)
        assert grid.selected == chosen
        assert grid.keys.index(chosen) == place + 1


async def test_the_cursor_stays_in_its_place_when_its_sensor_goes(app, state):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "right")
        grid = app.screen.query_one(SensorGrid)
        third = grid.keys[2]
        state.apply_status(None, grid.selected)
        await settle(pilot)
        assert grid.selected == third


@pytest.mark.parametrize(
    ("keys", "index"),
    [
        (("j",), 2),
        (("down", "right"), 3),
        (("j", "k"), 0),
        (("l", "h"), 0),
        (("h",), 0),
        (("k",), 0),
        (("G",), 14),
        (("G", "g"), 0),
        (("pagedown",), 12),
        (("pagedown", "pageup"), 0),
        (("end", "home"), 0),
    ],
)
async def test_moving(app, keys, index):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        grid = app.screen.query_one(SensorGrid)
        assert grid.keys.index(grid.selected) == index


async def test_the_cursor_is_always_in_view(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "G")
        selected = app.screen.query_one(SensorGrid).selected
        assert sum(selected in line for line in screen_lines(app)) == 2  # its pane, and the status line


async def test_order_is_turned_from_worst_to_area_to_name_to_clock(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        grid = app.screen.query_one(SensorGrid)
        assert grid.keys[0] == sensor_id(1)
        await press(pilot, "t")
        assert grid.keys[:5] == [
            "energy-sensor-003",
            "temp-sensor-001",
            "vib-sensor-002",
            "hum-sensor-004",
            "press-sensor-005",
        ]
        assert "temp-sensor-001 machine-001 43.63 °C" in screen_text(app)
        await press(pilot, "t")
        assert grid.keys == sorted(grid.keys)
        for name, ahead in ((sensor_id(7), -7200.0), (sensor_id(9), 600.0)):
            view = app.context.state.sensors[name]
            view.simulated = False
            view.take(view.seen_at + ahead, view.seen_at, view.last_value)
        await press(pilot, "t")
        assert grid.keys[:2] == [sensor_id(7), sensor_id(9)]
        assert f"{sensor_id(7)} 2h behind" in screen_text(app)
        assert f"{sensor_id(9)} 10m ahead" in screen_text(app)
        await press(pilot, "t")
        assert grid.keys[0] == sensor_id(1)


async def test_filter_narrows_and_inverts_and_ends(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        grid = app.screen.query_one(SensorGrid)
        await press(pilot, "slash", *"vib")
        assert sorted(grid.keys) == ["vib-sensor-002", "vib-sensor-007", "vib-sensor-012"]
        await press(pilot, "home", "exclamation_mark")
        assert len(grid.keys) == 12
        assert not any("vib" in key for key in grid.keys)
        await press(pilot, "enter", "j")
        assert grid.has_focus
        assert len(grid.keys) == 12
        await press(pilot, "escape")
        assert len(grid.keys) == 15


async def test_a_filter_that_nothing_passes_says_so(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "slash", *"zzz")
        assert "nothing passes the filter" in screen_text(app)


async def test_time_makes_what_is_shown_stale(make_app, clock):
    app = make_app(make_plant(clock.at, broken=False))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "STALE" not in screen_text(app)
        clock.move(40)
        await settle(pilot)
        text = screen_text(app)
        assert "STALE 4" in text
        assert "brokers 3/3 41s ago" in text


async def test_an_empty_plant_says_what_to_do(make_app):
    app = make_app(PlantState())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "waiting for the first reading" in text
        assert "n makes a simulated sensor" in text
        assert "alarms ?" in text
        assert "brokers ?  ISR ?  lag ?  workers ?  db ?" in text


async def test_quorum_loss_is_said(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        state.apply_cluster(cluster(clock.at, offline=(2, 3)))
        await settle(pilot)
        assert "▲ brokers 1/3  ■ QUORUM LOST" in screen_text(app)


async def test_the_feed_shows_the_newest_first_and_what_waits_in_reverse(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        clock.move(2)
        state.apply_alarm(event(sensor_id(11), "spike", clock.at - timedelta(seconds=1), message="out of nothing"))
        await settle(pilot)
        lines = screen_lines(app)
        title = next(index for index, line in enumerate(lines) if "ALARM EVENTS" in line)
        assert lines[title + 1].startswith(" 14:03:23   1s  ▲ WARN  temp-sensor-011")
        marks = [
            segment.style.reverse
            for segment in app.screen._compositor.render_strips()[title + 1]
            if "WARN" in segment.text
        ]
        assert marks == [True]


@pytest.mark.parametrize(("size", "columns"), [((80, 24), 2), ((120, 40), 3), ((160, 45), 4), ((200, 50), 2)])
async def test_more_columns_on_a_wider_screen(app, size, columns):
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert app.screen.query_one(SensorGrid).columns == columns


async def test_the_rate_is_known_after_a_moment_and_the_same_on_every_screen(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "? readings/s" in screen_lines(app)[1]
        for _ in range(4):
            clock.move(1)
            for _ in range(3):
                new = reading(sensor_id(1), "temperature", location(1), 44.0, clock.at)
                state.apply_reading(new, seen_at=clock.at.timestamp(), simulated=True)
            await settle(pilot)
        assert "3.0 readings/s" in screen_lines(app)[1]
        await press(pilot, "3")
        assert "3.0 readings/s" in screen_lines(app)[1]


async def test_panes_grow_with_the_screen_and_need_no_scrolling_when_they_fit(app):
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        grid = app.screen.query_one(SensorGrid)
        assert grid.item_height == 5
        assert grid.max_scroll_y == 0
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert grid.item_height == 2
        assert grid.max_scroll_y == 4


async def test_no_alarm_is_said_only_when_the_database_has_been_asked(make_app, clock):
    plant = PlantState()
    app = make_app(plant)
    new = reading(sensor_id(1), "temperature", location(1), 44.0, clock.at)
    plant.apply_reading(new, seen_at=clock.at.timestamp(), simulated=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "alarms ?" in screen_lines(app)[0]
        plant.apply_database(DatabaseView(clock.at.timestamp(), reachable=True))
        await settle(pilot)
        assert "no alarm" in screen_lines(app)[0]
