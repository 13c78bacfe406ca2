"""Who may only look has no key that changes anything, whether it was asked for or the database says so."""

from __future__ import annotations

import dataclasses

import pytest
from textual.binding import Binding

from controlroom.ui import bindings
from controlroom.ui.screens.overview import OverviewScreen
from tests.fakes.commands import RecordingDrills
from tests.ui.screen_text import press, screen_text, settle

SIZE = (80, 24)


def login_may_act(state, allowed):
    figures = dataclasses.replace(state.database.figures, user="eve", may_act=allowed)
    state.apply_database(dataclasses.replace(state.database, figures=figures))


async def test_a_login_that_may_not_act_is_a_viewer(app, state, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert " i Inject" in screen_text(app)
        login_may_act(state, False)
        await settle(pilot)
        text = screen_text(app)
        assert "READ ONLY" in text
        assert "login eve may look, not act" in text
        assert " i Inject" not in text
        await press(pilot, "p", "x", "i", "n", "c")
        assert isinstance(app.screen, OverviewScreen)
        assert commands.orders == []

        login_may_act(state, True)
        await settle(pilot)
        assert " i Inject" in screen_text(app)


@pytest.mark.parametrize("screen", ["1", "2", "3", "4", "enter"])
async def test_help_and_palette_offer_a_viewer_nothing_that_changes_anything(make_app, screen):
    app = make_app(read_only=True, drills=RecordingDrills())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, screen)
        live = {active.binding.action for active in app.screen.active_bindings.values() if active.enabled}
        assert live & bindings.MUTATING == set()


def test_every_key_that_gives_an_order_is_among_those_a_viewer_lacks():
    """A new key of these groups must be put into MUTATING, or be named here as one that only looks."""
    looks = {"history"}
    for group in (bindings.SENSOR, bindings.ALARM, bindings.BROKER):
        for binding in group:
            assert isinstance(binding, Binding)
            if binding.action.partition("(")[0] not in looks:
                assert binding.action.partition("(")[0] in bindings.MUTATING, binding.action
