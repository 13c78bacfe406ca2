"""The search of the help, and the palette, by names and by synonyms."""

from __future__ import annotations

import asyncio

from textual.command import CommandPalette

from controlroom.ui.keymap import binding_ids
from controlroom.ui.screens.alarms import AlarmsScreen
from controlroom.ui.screens.help import Help
from controlroom.ui.synonyms import SYNONYMS, means
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)


def test_every_synonym_is_of_a_key_and_adds_something():
    known = binding_ids()
    assert set(SYNONYMS) <= set(known)
    for name, words in SYNONYMS.items():
        for word in words.split():
            assert means(word, name, known[name].description) is not None


async def test_help_is_searched_by_what_an_operator_calls_it(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "question_mark", *"silence")
        assert "SEARCH  silence" in screen_text(full_app)
        assert any("s  Shelve" in line and "here" in line and "silence" in line for line in screen_lines(full_app))
        height = full_app.screen.query_one("#help").region.height
        # A key of another screen is found with the name of that screen.
        await press(pilot, *["backspace"] * 7, *"inject")
        assert any("i  Inject" in line and "Overview" in line for line in screen_lines(full_app))
        await press(pilot, *["backspace"] * 6, *"zzz")
        assert "no key does that" in screen_text(full_app)
        assert full_app.screen.query_one("#help").region.height == height
        # Esc ends the search, and then the help.
        await press(pilot, "escape")
        assert "KEYS AND MARKS" in screen_text(full_app)
        await press(pilot, "escape")
        assert isinstance(full_app.screen, AlarmsScreen)


async def test_what_a_viewer_may_not_do_is_not_found(make_app, actions, history):
    app = make_app(read_only=True, alarms=actions, history=history)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "question_mark", *"silence")
        assert isinstance(app.screen, Help)
        assert "Shelve " not in screen_text(app)
        await press(pilot, *["backspace"] * 7, *"hidden")
        assert "Shelved" in screen_text(app)


async def test_a_search_finds_a_key_by_what_it_is_bound_to_now(make_app, actions):
    app = make_app(alarms=actions, keymap={"alarm.shelve": "z"})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "question_mark", *"mute")
        assert any("z  Shelve" in line and "Alarms" in line for line in screen_lines(app))


async def find(pilot, *typed: str, shown: str) -> None:
    await press(pilot, "colon", *typed)
    assert isinstance(pilot.app.screen, CommandPalette)
    async with asyncio.timeout(20):
        while shown not in screen_text(pilot.app):
            await asyncio.sleep(0.01)
    await press(pilot, "enter")
    async with asyncio.timeout(20):
        while isinstance(pilot.app.screen, CommandPalette):
            await asyncio.sleep(0.01)
    await settle(pilot)


async def test_the_palette_finds_an_action_by_a_synonym(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        # On another screen's key its screen is opened: what it acts on is to be seen first.
        await find(pilot, *"snooze", shown="Shelve  (s on Alarms)  snooze")
        assert isinstance(full_app.screen, AlarmsScreen)
        await find(pilot, *"snooze", shown="Shelve  (s)  snooze")
        assert "SHELVE" in screen_text(full_app)


async def test_the_bottom_line_tells_what_the_thing_under_the_cursor_can_do(full_app, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        # A simulated sensor with a fault, one without, a paused one, and a real one.
        grid = full_app.screen.items
        grid.select(next(key for key in grid.keys if state.sensors[key].faults))
        await settle(pilot)
        assert "c Clear" in screen_lines(full_app)[-1]
        clean = next(
            key for key in grid.keys if not state.sensors[key].faults and state.sensors[key].state == "running"
        )
        grid.select(clean)
        await settle(pilot)
        assert "p Pause" in screen_lines(full_app)[-1]
        assert "c Clear" not in screen_lines(full_app)[-1]
        state.sensors[clean].state = "paused"
        await settle(pilot)
        assert "p Resume" in screen_lines(full_app)[-1]
        state.sensors[clean].simulated = False
        await settle(pilot)
        assert "Resume" not in screen_lines(full_app)[-1]
        assert "Inject" not in screen_lines(full_app)[-1]
        # An alarm that waits, and one that is acknowledged and latched.
        await press(pilot, "2")
        assert " a Ack " in screen_lines(full_app)[-1]
        alarm = full_app.screen.query_one("AlarmList").alarms[full_app.screen.items.selected]
        alarm.state = "LATCHED"
        await settle(pilot)
        assert "l Reset the latch" in screen_lines(full_app)[-1]
        assert " a Ack " not in screen_lines(full_app)[-1]
