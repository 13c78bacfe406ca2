"""Going from screen to screen, and what each of them says."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from controlroom.core.plant_state import DatabaseView, PipelineView, PlantState
from controlroom.ui import bindings
from controlroom.ui.screens.alarms import AlarmsScreen
from controlroom.ui.screens.help import Help
from controlroom.ui.screens.overview import OverviewScreen
from controlroom.ui.screens.sensor import SensorScreen
from controlroom.ui.screens.too_small import TooSmall
from controlroom.ui.widgets.alarm_list import AlarmList
from controlroom.wire import Location
from tests.fakes.plant import event, reading, sensor_id
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)


@pytest.mark.parametrize(
    ("key", "said"), [("2", "RTN-UNACK"), ("3", "PARTITIONS"), ("4", "INJECTED FAULTS"), ("1", "ALARM EVENTS")]
)
async def test_numbers_choose_the_screen(app, key, said):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2" if key == "1" else "1", key)
        assert said in screen_text(app)


async def test_alarms_are_listed_by_severity_and_then_by_time(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert [line[1:24] for line in screen_lines(app)[4:9]] == [
            "■ CRIT UNACK     14:03:",
            "◇ RTN  RTN-UNACK 14:02:",
            "▲ WARN UNACK     14:02:",
            "▲ WARN UNACK     14:02:",
            "▲ WARN ACKED     14:01:",
        ]
        await press(pilot, "t")
        assert app.screen.query_one(AlarmList).keys[0] == "temp-sensor-001/limit"
        assert "alarms newest first" in screen_text(app)


async def test_the_cursor_stays_on_its_alarm(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "j", "j")
        alarms = app.screen.query_one(AlarmList)
        chosen = alarms.selected
        state.apply_alarm(event(sensor_id(14), "limit", clock.at, severity="critical"))
        await settle(pilot)
        assert alarms.selected == chosen
        assert alarms.keys.index(chosen) == 3


async def test_the_status_line_says_the_whole_of_the_selected_alarm(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "j", "j")
        assert " hum-sensor-009  dropout  no reading for 15 s, expected every 5 s" in screen_text(app)


async def test_a_drill_is_marked_wherever_it_shows(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "slash", *"sim", "enter")
        assert app.screen.query_one(AlarmList).keys == ["energy-sensor-008/drift"]
        assert "energy-sensor-008 SIM drift" in screen_text(app)


async def test_enter_on_an_alarm_shows_its_sensor_and_escape_goes_back(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "j", "enter")
        assert isinstance(app.screen, SensorScreen)
        assert app.screen.sensor_id == sensor_id(3)
        await press(pilot, "escape")
        assert isinstance(app.screen, AlarmsScreen)


async def test_a_number_leaves_the_sensor(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter", "2")
        assert isinstance(app.screen, AlarmsScreen)
        await press(pilot, "1")
        assert isinstance(app.screen, OverviewScreen)


async def test_sensor_detail_has_chart_limits_figures_and_events(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        text = screen_text(app)
        for said in ("temp-sensor-001  temperature", "■ CRIT  43.63 °C  running", "┄┄┄", "13:48:22", "max 43.63"):
            assert said in text
        assert "n 240  every 3 s" in text
        assert "limit rose" in text


async def test_a_sensor_without_readings_has_no_chart(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.screen.show_sensor(sensor_id(15))
        await settle(pilot)
        assert "no two readings in this span" in screen_text(app)
        assert "no reading in this span" in screen_text(app)


async def test_a_sensor_that_goes_while_it_is_shown_says_so(app, state):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        state.apply_status(None, sensor_id(1))
        await settle(pilot)
        assert "this sensor is gone" in screen_text(app)


async def test_the_program_can_open_with_a_sensor(make_app):
    app = make_app(sensor_id=sensor_id(8))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "energy-sensor-008  energy" in screen_text(app)


async def test_what_is_unknown_is_never_zero(make_app):
    app = make_app(PlantState())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = screen_text(app)
        assert text.count("not known yet") == 5
        assert "DETECTION  lag ?" in text
        assert "PARTITIONS  ?" in text


async def test_loss_of_the_database_is_said_everywhere(app, state, clock):
    now = clock.at.timestamp()
    state.apply_database(DatabaseView(now - 31, reachable=False, error="connection refused"))
    state.apply_pipeline(PipelineView(now - 31, error="the database does not answer"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "■ DATABASE DOWN 31s ago" in screen_text(app)
        await press(pilot, "3")
        text = screen_text(app)
        assert "■ connection refused" in text
        assert "✗ the database does not answer" in text
        assert "lag ?" in text


async def test_the_simulator_lists_only_what_is_simulated_faults_first(app, state, clock):
    real = reading("boiler-7", "temperature", Location(), 99.0, clock.at)
    state.apply_reading(real, seen_at=clock.at.timestamp(), simulated=False)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        lines = screen_lines(app)
        assert "energy-sensor-008" in lines[3]
        assert "drift 6m" in lines[3]
        assert "boiler-7" not in "\n".join(lines)


async def test_notices_come_and_go(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        state.notify("temp-sensor-016: spawning", clock.at)
        await settle(pilot)
        assert "→ 14:03:22 temp-sensor-016: spawning" in screen_text(app)
        clock.move(7)
        await settle(pilot)
        assert "spawning" not in screen_text(app)


@pytest.mark.parametrize("keys", [("1",), ("2",), ("3",), ("4",), ("2", "h"), ("2", "S"), ("2", "m"), ("1", "enter")])
async def test_help_of_every_screen_fits_and_names_each_live_key(full_app, keys):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        live = [active for active in full_app.screen.active_bindings.values() if active.enabled and active.binding.id]
        await press(pilot, "question_mark")
        assert full_app.screen.query_one("#help").region.height <= 24
        assert full_app.screen.max_scroll_y == 0
        text = screen_text(full_app)
        for active in live:
            # The keys of a form, and of Textual's own widgets, are told where they are used.
            if not active.binding.id.endswith("-back"):
                assert f" {active.binding.description}" in text, active.binding


async def test_help_shows_every_live_key_and_fits(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "question_mark")
        assert isinstance(app.screen, Help)
        text = screen_text(app)
        for said in (
            "Overview",
            "Alarms",
            "Pause",
            "Inject",
            "Filter",
            "Palette",
            "PgDn  Page down",
            "wait for an operator",
        ):
            assert said in text
        panel = app.screen.query_one("#help")
        assert panel.region.height <= 24
        assert app.screen.max_scroll_y == 0
        await press(pilot, "escape")
        assert isinstance(app.screen, OverviewScreen)


async def test_a_key_can_be_given_another(make_app, commands):
    app = make_app(keymap={"sensor.pause": "z"})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "z Pause" in screen_text(app)
        await press(pilot, "p", "z")
        await press(pilot, "question_mark")
        assert "z  Pause" in screen_text(app)
    assert commands.orders == [("pause", sensor_id(1))]


def test_every_binding_has_an_id_and_no_key_that_terminals_take():
    found = [
        binding
        for group in (
            *(bindings.APP, bindings.MOVE, bindings.SENSOR, bindings.LIST, bindings.DETAIL),
            *(bindings.ALARM, bindings.ALARM_VIEWS, bindings.SENSOR_ALARM, bindings.SEEK, bindings.SPAN),
        )
        for binding in group
    ]
    assert len(found) > 20
    for binding in found:
        assert isinstance(binding, Binding)
        assert binding.id
        keys = set(binding.key.split(","))
        assert not keys & {"ctrl+s", "ctrl+q", "ctrl+b", "ctrl+a", "ctrl+z"}
        assert not all(key.startswith("f") and key[1:].isdigit() for key in keys)


async def test_the_palette_jumps_to_a_sensor(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "colon", *"press-sensor-010")
        await app.workers.wait_for_complete()
        await settle(pilot)
        await press(pilot, "down", "enter")
        assert isinstance(app.screen, SensorScreen)
        assert app.screen.sensor_id == sensor_id(10)


async def test_a_terminal_that_becomes_too_small_says_so_until_it_grows(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.resize_terminal(79, 24)
        await settle(pilot)
        assert isinstance(app.screen, TooSmall)
        assert "terminal too small: 80x24 needed" in screen_text(app)
        await pilot.resize_terminal(60, 10)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert isinstance(app.screen, OverviewScreen)
        assert "temp-sensor-001" in screen_text(app)


async def test_q_quits_at_once(make_app):
    gone: list[str] = []
    app = make_app(on_quit=lambda: gone.append("quit"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("q")
    assert gone == ["quit"]
    assert app.return_code == 0
    assert app.return_value == 0


async def test_it_ends_in_good_order_when_it_is_told_to(make_app):
    told: list[bool] = []
    app = make_app(stopping=lambda: bool(told))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert app.is_running
        told.append(True)
        app.tick()
        await pilot.pause()
    assert app.return_value == 0


async def test_drawing_more_and_less_often(make_app):
    app = make_app(refresh_rate=5.0)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "plus")
        assert "drawing at most 10 times a second" in screen_text(app)
        await press(pilot, "minus", "minus")
        assert "drawing at most 2 times a second" in screen_text(app)


@pytest.mark.parametrize("theme", ["grey-light", "high-contrast"])
async def test_themes(make_app, theme):
    app = make_app(theme=theme)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "temp-sensor-001" in screen_text(app)
        strips = app.screen._compositor.render_strips()
        assert strips[0]._segments[0].style.bgcolor.name == app.current_theme.variables["cr-surface"]


async def test_a_theme_can_be_changed_while_it_runs(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.theme = "grey-light"
        await settle(pilot)
        backgrounds = {
            segment.style.bgcolor.name
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style and segment.style.bgcolor
        }
        assert "#17191b" not in backgrounds
        assert "#dcdedf" in backgrounds
