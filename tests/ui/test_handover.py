"""The page of the shift: what it shows, and that each key does what it says."""

from __future__ import annotations

from controlroom.core.handover import Note
from controlroom.ui.screens.alarms import AlarmsScreen
from controlroom.ui.screens.handover import HandoverScreen
from tests.ui.screen_text import screen_text, settle

SIZE = (80, 24)


async def press(pilot, *keys):
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def test_a_note_is_written_the_shift_is_given_and_signed(full_app, shift):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "H")
        assert isinstance(full_app.screen, HandoverScreen)
        text = screen_text(full_app)
        for said in ("SHIFT", "23 alarms rang", "NOTES", "Pump 3 on hand", "ALARMS THAT STAND"):
            assert said in text
        await press(pilot, "n", *"valve 7 shut", "enter")
        assert [note.text for note in shift.notes] == ["valve 7 shut"]
        full_app.screen.tick()
        await settle(pilot)
        assert "valve 7 shut" in screen_text(full_app)
        await press(pilot, "n", "escape", "s")
        assert "no handover waits for a signature" in screen_text(full_app)
        await press(pilot, "H")
        assert "Hand the shift over?" in screen_text(full_app)
        await press(pilot, "escape")
        assert shift.given == []
        await press(pilot, "H", "y")
        assert [given.report.notes[-1].text for given in shift.given] == ["valve 7 shut"]
        full_app.screen.tick()
        await settle(pilot)
        assert "Handover 1, given by mira" in screen_text(full_app)
        await press(pilot, "s", "enter")
        (given,) = shift.given
        assert (given.signed.who, given.signed.remark) == ("jo", "")
        await press(pilot, "escape")
        assert isinstance(full_app.screen, AlarmsScreen)


async def test_the_whole_report_can_be_reached(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "H", "G")
        assert "OPERATORS' ACTIONS" in screen_text(full_app)
        await press(pilot, "g")
        assert "23 alarms rang" in screen_text(full_app)


async def test_what_was_written_is_literal_and_a_database_that_is_away_is_said(full_app, shift):
    shift.notes.append(Note(0.0, "[b]x[/]\x1b[2J", "[red]look[/] \u202e at \x9b2J this"))
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "H")
        text = screen_text(full_app)
        assert "[b]x[/]␛[2J: [red]look[/]" in text
        shift.error = "the database does not answer"
        shift.report()
        full_app.screen.tick()
        await settle(pilot)
        text = screen_text(full_app)
        assert "the database does not answer" in text
        assert "23 alarms rang" in text


async def test_a_viewer_may_look(make_app, actions, history, shift):
    app = make_app(alarms=actions, history=history, shift=shift, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "H")
        assert "23 alarms rang" in screen_text(app)
        await press(pilot, "n", "s", "H")
        assert isinstance(app.screen, HandoverScreen)
        assert (shift.notes, shift.given) == ([], [])


async def test_where_no_log_is_kept_there_is_no_key(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "H")
        assert isinstance(app.screen, AlarmsScreen)
