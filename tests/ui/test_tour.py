"""The guided tour on a plant that stands still: its steps, its fault, and how it is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.plant import event
from tests.ui.screen_text import press, screen_text, settle

SIZE = (80, 24)


@pytest.fixture
def touring(make_app, actions, history):
    return make_app(tour=True, alarms=actions, history=history, operator="mira")


async def test_a_fault_is_injected_found_acknowledged_and_ended(touring, state, commands, clock):
    async with touring.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "TOUR 1 of 9  Welcome" in screen_text(touring)
        assert commands.orders == []
        await press(pilot, "greater_than_sign", "greater_than_sign")
        await settle(pilot)
        tour = touring.context.tour
        victim = tour.victim.sensor_id
        assert [order[:2] for order in commands.orders] == [("inject", victim)]
        assert (tour.fault.fault, tour.fault.by) == ("offset", "mira")
        assert "Waiting for its simulator to take it" in " ".join(screen_text(touring).split())
        # An order that was lost, as while the plant starts, is given once more.
        clock.move(9)
        await settle(pilot)
        assert [order[:2] for order in commands.orders] == [("inject", victim)] * 2
        state.sensors[victim].faults = (tour.fault,)
        await settle(pilot)
        assert f"{victim} now reads far too high" in " ".join(screen_text(touring).split())
        clock.move(5)
        await settle(pilot)
        assert "Waiting for its alarm: 5 s" in " ".join(screen_text(touring).split())

        raised = event(victim, "limit", clock.now(), severity="critical", simulated=True)
        state.apply_alarm(raised)
        await settle(pilot)
        assert "TOUR 4 of 9  Detected" in screen_text(touring)
        assert "Found after 5 s by the detector `limit`" in " ".join(screen_text(touring).split())
        await press(pilot, "2")
        await settle(pilot)
        assert "TOUR 5 of 9  Acknowledge" in screen_text(touring)
        acked = event(victim, "limit", clock.now(), what="acked", state="ACKED", version=2)
        state.apply_alarm(acked)
        await settle(pilot)
        assert "TOUR 6 of 9  Acknowledged" in screen_text(touring)
        await press(pilot, "h")
        await settle(pilot)
        assert "TOUR 7 of 9  One alarm" in screen_text(touring)
        # What was read once can be read again, and waits then for the key.
        await press(pilot, "less_than_sign")
        await settle(pilot)
        assert "TOUR 6 of 9" in screen_text(touring)
        await press(pilot, "greater_than_sign", "greater_than_sign")
        await settle(pilot)
        assert commands.orders[-1] == ("clear", victim, None)
        assert "TOUR 8 of 9  The end of the fault" in screen_text(touring)
        gone = event(victim, "limit", clock.now() + timedelta(seconds=40), what="returned", state="NORMAL", version=3)
        state.apply_alarm(gone)
        await settle(pilot)
        assert "TOUR 9 of 9  Done" in screen_text(touring)
        await press(pilot, "greater_than_sign")
        await settle(pilot)
        assert "TOUR" not in screen_text(touring)
        assert "the tour has ended" in screen_text(touring)
        # The keys are free again.
        await press(pilot, "greater_than_sign", "Q")
        assert len(commands.orders) == 3


@pytest.mark.parametrize("key", ["Q", "q"])
async def test_it_can_be_left_at_any_time_and_the_fault_ends_with_it(touring, commands, key):
    async with touring.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "greater_than_sign", "greater_than_sign")
        await settle(pilot)
        await pilot.press(key)
        await pilot.pause()
        assert [order[0] for order in commands.orders] == ["inject", "clear"]
        assert touring.is_running is (key != "q")


async def test_without_a_tour_there_are_no_keys_of_it(app, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "greater_than_sign", "question_mark")
        assert "Next step" not in screen_text(app)
        assert "TOUR" not in screen_text(app)


async def test_the_keys_are_named_as_they_are_bound(make_app, actions):
    app = make_app(tour=True, alarms=actions, keymap={"tour.next": "ctrl+n"})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "ctrl+n goes on" in screen_text(app)
        await press(pilot, "ctrl+n")
        assert "TOUR 2 of 9" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_every_step_fits_its_panel(touring, size):
    from controlroom.ui.render.tour_lines import TEXT_LINES, tour_lines
    from controlroom.ui.tour import STEPS

    async with touring.run_test(size=size) as pilot:
        await settle(pilot)
        tour = touring.context.tour
        for with_alarm in (False, True):
            tour.found_at, tour.kind = (tour.now + 100, "level+2") if with_alarm else (None, "")
            for step in STEPS:
                assert len(tour_lines(step.title, 1, 9, step.text(tour), {}, size[0])) <= TEXT_LINES + 1, step.title
