"""The wall mode: pages turn by themselves, and no key does anything but show another screen and quit."""

from __future__ import annotations

from controlroom.ui.screens.alarms import AlarmsScreen
from controlroom.ui.screens.cluster import ClusterScreen
from controlroom.ui.screens.overview import OverviewScreen
from controlroom.ui.screens.sensor import SensorScreen
from tests.fakes.plant import make_plant
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)


async def turn(pilot) -> None:
    pilot.app.turn_page()
    await settle(pilot)


async def test_pages_turn_through_the_lists_and_the_screens(make_app, clock, actions):
    app = make_app(make_plant(clock.at, sensors=40), wall=15.0, alarms=actions)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "WALL  Overview, page 1 of 4, turned every 15 s" in screen_lines(app)[-2]
        first = app.screen.items.visible_keys
        await turn(pilot)
        assert "page 2 of 4" in screen_lines(app)[-2]
        assert app.screen.items.visible_keys != first
        for _ in range(3):
            await turn(pilot)
        assert isinstance(app.screen, AlarmsScreen)
        while isinstance(app.screen, AlarmsScreen):
            await turn(pilot)
        assert isinstance(app.screen, ClusterScreen)
        while isinstance(app.screen, ClusterScreen):
            await turn(pilot)
        # And again from the beginning.
        assert isinstance(app.screen, OverviewScreen)
        assert "page 1 of 4" in screen_lines(app)[-2]
        assert app.screen.items.visible_keys == first


async def test_there_is_no_cursor_and_no_key_that_changes_anything(make_app, clock, commands, actions, history):
    app = make_app(make_plant(clock.at), wall=15.0, alarms=actions, history=history)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        shown = screen_text(app)
        assert "▌" not in shown
        assert screen_lines(app)[-1].split() == ["q", "Quit"]
        await press(pilot, "j", "down", "G", "slash", "t", "T", "i", "p", "x", "n", "space", "enter", "colon", "v", "e")
        await press(pilot, "question_mark", "equals_sign")
        assert screen_text(app) == shown
        await press(pilot, "2")
        assert isinstance(app.screen, AlarmsScreen)
        await press(pilot, "a", "A", "s", "o", "h", "S", "m", "enter")
        assert isinstance(app.screen, AlarmsScreen)
        assert (commands.orders, actions.actions) == ([], [])
        await pilot.press("q")
    assert app.return_code == 0


async def test_a_screen_without_a_list_and_one_that_is_not_shown_by_itself_are_left(make_app, clock):
    app = make_app(make_plant(clock.at), wall=15.0, sensor_id="temp-sensor-001")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, SensorScreen)
        await turn(pilot)
        assert isinstance(app.screen, AlarmsScreen)
        await press(pilot, "4")
        await turn(pilot)
        await turn(pilot)
        assert isinstance(app.screen, OverviewScreen)


async def test_what_changes_does_not_turn_the_page_back(make_app, clock):
    state = make_plant(clock.at, sensors=40)
    app = make_app(state, wall=15.0)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await turn(pilot)
        state.sensor("new-one")
        await settle(pilot)
        assert "page 2 of" in screen_lines(app)[-2]
