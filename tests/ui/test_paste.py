"""What a terminal pastes: many lines at once, megabytes, control characters."""

from __future__ import annotations

import pytest
from textual import events

from controlroom.ui.widgets.text_entry import LONGEST, TextEntry
from tests.ui.screen_text import press, screen_text, settle


@pytest.mark.parametrize(
    ("pasted", "value"),
    [
        ("press\nvib\r\nhum", "press vib hum"),
        ("x" * 1_000_000, "x" * LONGEST),
        ("\n", ""),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
    ],
    ids=["lines", "a megabyte", "an empty line", "an order to the terminal"],
)
async def test_a_field_takes_a_paste_as_one_line_as_far_as_there_is_room(app, pasted, value):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "slash")
        app.post_message(events.Paste(pasted))
        await settle(pilot)
        field = app.focused
        assert isinstance(field, TextEntry)
        assert field.value == value
        assert "\x1b" not in screen_text(app)


async def test_a_paste_takes_the_place_of_what_is_selected(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "slash", *"temp")
        field = app.focused
        field.select_all()
        app.post_message(events.Paste("vib"))
        await settle(pilot)
        assert field.value == "vib"


async def test_a_paste_where_no_field_is_types_no_keys(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        before = app.screen
        app.post_message(events.Paste("2\nq\n"))
        await settle(pilot)
        assert app.screen is before
        assert app.is_running
