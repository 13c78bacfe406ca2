"""What an operator does about alarms on their screen."""

from __future__ import annotations

from controlroom.ui.widgets.alarm_list import AlarmList
from tests.fakes.commands import RecordingAlarmActions
from tests.ui.screen_text import press, screen_text, settle

SIZE = (80, 24)


async def test_a_acknowledges_the_alarm_under_the_cursor_as_it_was_drawn(make_app):
    actions = RecordingAlarmActions()
    app = make_app(alarms=actions)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "j")
        alarms = app.screen.query_one(AlarmList)
        alarm = alarms.alarms[alarms.selected]
        assert " a Ack" in screen_text(app)
        await press(pilot, "a")
    assert actions.actions == [("ack", alarm.sensor_id, alarm.kind, alarm.occurrence_id, alarm.version)]


async def test_a_viewer_has_no_key_for_it(make_app):
    actions = RecordingAlarmActions()
    app = make_app(alarms=actions, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "a")
        assert "Ack " not in screen_text(app)
    assert actions.actions == []


async def test_where_nobody_takes_actions_there_is_no_key(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "a")
        assert " a Ack" not in screen_text(app)
