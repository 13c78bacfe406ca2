"""Why an alarm was raised, on its page: asked of the database, drawn small and large, and what is not there said."""

from __future__ import annotations

import pytest

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.ui.screens.alarm import AlarmScreen
from controlroom.ui.screens.sensor import SensorScreen
from tests.fakes.history import group_event
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SMALL, LARGE = (80, 24), (120, 40)


async def test_the_page_says_it_in_a_line_and_y_shows_it(full_app, history):
    async with full_app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "2", "h")
        text = screen_text(full_app)
        assert "why limit rang first; 1.7 x its limit; 4 times before; 1 of 5 marked false" in text
        assert "JOURNAL" in text
        assert "raised 14:03:10     " not in text
        await press(pilot, "y")
        text = screen_text(full_app)
        for said in (
            "│ raised 14:03:10", "· expected reading", "computed again", "┄ critical 40.00 °C", "it stands",
            "1.7 x 1st  14:03:10", "over 14:03:10", "BEFORE 4 times since 2026-02-26; 1 of 5 marked false",
            "FALSE by jon: the gate", "acked by mira",
        ):  # fmt: skip
            assert said in text, said
        assert "JOURNAL" not in text
        assert "cause" not in text
        assert all(len(line) == SMALL[0] for line in screen_lines(full_app))
        await press(pilot, "y")
        text = screen_text(full_app)
        assert "JOURNAL" in text
        assert "BEFORE" not in text
    assert history.asked.count(("why", "temp-sensor-001", "limit")) == 1


async def test_a_large_terminal_shows_both(full_app):
    async with full_app.run_test(size=LARGE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "h")
        text = screen_text(full_app)
        for said in ("cause", "│ raised 14:03:10", "BEFORE 4 times", "JOURNAL", "severity-rose"):
            assert said in text, said
        await pilot.resize_terminal(*SMALL)
        await settle(pilot)
        text = screen_text(full_app)
        assert "JOURNAL" in text
        assert "BEFORE" not in text


async def test_keys_work_while_it_is_shown(full_app, actions):
    async with full_app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "2", "h", "y", "a")
        assert [action[0] for action in actions.actions] == ["ack"]
        await press(pilot, "enter")
        assert isinstance(full_app.screen, SensorScreen)
        await press(pilot, "escape")
        assert isinstance(full_app.screen, AlarmScreen)
        assert "BEFORE" in screen_text(full_app)
        await press(pilot, "y", "escape")
        assert not isinstance(full_app.screen, AlarmScreen)


async def test_it_is_asked_again_when_the_alarm_changes_and_now_and_then(full_app, history, clock, state):
    async with full_app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "2", "h")
        for seconds, times in ((30, 1), (29, 1), (2, 2)):
            clock.move(seconds)
            await settle(pilot)
            assert history.asked.count(("why", "temp-sensor-001", "limit")) == times


async def test_while_the_database_thinks_and_when_it_is_away(full_app, history):
    history.silent = True
    async with full_app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "2", "h", "y")
        assert "asking the database" in screen_text(full_app)
        history.error = "the database does not answer (timeout)"
        await press(pilot, "escape", "h")
        assert "the database does not answer (timeout)" in screen_text(full_app)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_group_has_no_curve_and_says_so(full_app, state, clock, size):
    state.apply_alarm(group_event(clock.at))
    async with full_app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "2", "slash", *"zone", "enter", "h", "y")
        text = screen_text(full_app)
        assert f"zone:zone-c  {GROUP_KIND}" in text
        assert "it is of a group: there is no curve" in text
        assert "BEFORE never seen before" in text


async def test_the_smallest_terminal_loses_nothing_but_room(full_app):
    async with full_app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "2", "G", "h", "y")
        text = screen_text(full_app)
        assert "computed again, `noise` stays below its limit" in text
        assert "BEFORE 4 times" in text
        assert "limit raised 1.25 x" in text
