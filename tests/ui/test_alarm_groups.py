"""The alarms under headings: by keys, with what acts on a group, frozen, folded, and found by a filter."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.plant import event, make_plant, with_a_burst
from tests.ui.screen_text import press, screen_lines, screen_text, settle
from tests.ui.test_hostile import assert_harmless, hostile_plant

SIZE = (80, 24)
BURST = 200


@pytest.fixture
def burst(clock):
    """A machine of which 200 sensors alarm within 20 seconds, the pump first; and one alarm elsewhere."""
    state = with_a_burst(make_plant(clock.at, broken=False), clock.at, BURST)
    state.apply_alarm(event("temp-sensor-001", "limit", clock.at - timedelta(seconds=30), message="elsewhere"))
    return state


async def test_a_burst_of_200_alarms_is_understood_and_acknowledged_in_six_keys(make_app, burst, actions):
    app = make_app(burst, alarms=actions)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        keys = ("2", "t", "t", "t")
        await press(pilot, *keys)
        lines = screen_lines(app)
        # The cause on top: which machine, how many, how soon, and what came first.
        assert "press-9" in lines[4]
        assert "■ CRIT 20" in lines[4]
        assert "200 in 19s, first pump" in lines[4]
        assert "pump" in lines[5]
        assert "1st too hot" in lines[5]
        assert "201, by cause" in lines[3]
        await press(pilot, "a")
        assert "Acknowledge 200 alarms of press-9?" in screen_text(app)
        await press(pilot, "y")
        (done,) = actions.actions
        assert done[0] == "ack_page"
        assert len(done) == 1 + BURST
        assert ("temp-sensor-001", "limit") not in [seen[:2] for seen in done[1:]]


async def test_a_group_folds_and_opens_and_the_cursor_stays(make_app, burst, actions):
    app = make_app(burst, alarms=actions)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "t", "t", "g")
        assert "▾ hall/east" in screen_text(app)
        await press(pilot, "enter")
        text = screen_text(app)
        assert "▸ hall/east" in text
        assert "pump" not in text.splitlines()[5]
        assert "temp-sensor-001" in text
        assert app.screen.items.selected == "area hall/east"
        # Frozen and folded: nothing of it is new.
        await press(pilot, "equals_sign")
        assert "0 new" in screen_text(app) or "new" not in screen_text(app)
        burst.apply_alarm(event("pump", "drift", app.context.options.clock.now(), severity="critical"))
        await settle(pilot)
        assert "1 new" in screen_text(app)
        await press(pilot, "equals_sign", "enter")
        assert "▾ hall/east" in screen_text(app)


async def test_a_filter_leaves_the_headings_of_what_passes(make_app, burst, actions):
    app = make_app(burst, alarms=actions)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "t", "t", "t", "slash", *"follows-007", "enter")
        text = screen_text(app)
        assert "follows-007" in text
        assert "elsewhere" not in text
        assert "1 of 201" in text
        # It was not the first, whatever else is left out.
        assert "1st" not in text
        await press(pilot, "g", "s")
        assert "SHELVE" in screen_text(app)
        assert "follows-007" in screen_text(app)


async def test_a_heading_says_all_of_it_in_the_status_line_and_is_no_critical_alarm(make_app, burst, actions, clock):
    app = make_app(burst, alarms=actions)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2", "t", "t", "t")
        clock.move(10)
        await settle(pilot)
        assert "press-9  200 alarms  first" in screen_lines(app)[-2]
        assert "pump" in screen_lines(app)[-2]
        await press(pilot, "e")
        assert app.screen.items.selected == "pump/limit"


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_hostile_names_are_literal_in_headings(make_app, actions, ascii_only):
    app = make_app(hostile_plant(), alarms=actions, ascii=ascii_only)
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(pilot)
        for keys in (("2", "t", "t"), ("t",)):
            await press(pilot, *keys)
            text = screen_text(app)
            assert_harmless(text)
            assert "[@click=app.quit]go[/]" in text
            assert text.isascii() or not ascii_only
            await press(pilot, "g", "a")
            assert_harmless(screen_text(app))
            await press(pilot, "escape")


async def test_a_latch_is_reset_on_a_group_after_a_question_where_something_is_latched(make_app, burst, actions):
    app = make_app(burst, alarms=actions)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "t", "t", "t", "l")
        assert "press-9: nothing is latched" in screen_text(app)
        at = app.context.options.clock.now()
        burst.apply_alarm(event("pump", "limit", at, state="LATCHED", what="acked", version=2, actor="jo"))
        await settle(pilot)
        await press(pilot, "g", "l")
        assert "Reset the latch of pump limit of press-9?" in screen_text(app)
        await press(pilot, "y")
        assert actions.actions == [("reset", "pump", "limit")]
