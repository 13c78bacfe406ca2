"""Keys that follow each other at once."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from controlroom.ui.screens.cluster import ClusterScreen
from controlroom.ui.terminal_driver import EscapeParser
from tests.ui.screen_text import press, settle


async def test_a_key_right_after_escape_goes_to_the_screen_not_to_the_field(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "slash", "t")
        field = app.focused
        assert isinstance(field, Input)
        for key, character in (("e", "e"), ("escape", "\x1b"), ("3", "3")):
            app.post_message(events.Key(key, character))
        await settle(pilot)
        await settle(pilot)
        assert isinstance(app.screen, ClusterScreen)
        assert "3" not in field.value


def keys(data: str) -> list[str]:
    parser = EscapeParser()
    return [event.key for event in [*parser.feed(data), *parser.feed("")] if isinstance(event, events.Key)]


def test_escape_and_a_character_in_one_piece_are_two_keys():
    for character in "0123456789-=fbqaé":
        pressed = keys("\x1b" + character)
        assert pressed[0] == "escape", (character, pressed)
        assert len(pressed) == 2, (character, pressed)
    assert keys("\x1b3") == ["escape", "3"]


def test_sequences_are_still_keys_of_their_own():
    assert keys("\x1b[A\x1bOP\x1b[5~£3") == ["up", "f1", "pageup", "pound_sign", "3"]
