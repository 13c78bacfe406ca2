"""What an operator does about alarms on their screen: each key, and what it asks for."""

from __future__ import annotations

import pytest

from controlroom.ui.screens.alarm import AlarmScreen
from controlroom.ui.screens.alarms import AlarmsScreen
from controlroom.ui.screens.suppressed import SuppressedScreen
from controlroom.ui.widgets.alarm_list import AlarmList
from tests.fakes.history import group_event
from tests.fakes.plant import event, sensor_id
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)
FIRST = (sensor_id(1), "limit")


async def type_text(pilot, text: str) -> None:
    await press(pilot, *("space" if char == " " else char for char in text))


async def test_a_acknowledges_the_alarm_under_the_cursor_as_it_was_drawn(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "j")
        alarms = full_app.screen.query_one(AlarmList)
        alarm = alarms.alarms[alarms.selected]
        assert " a Ack" in screen_text(full_app)
        await press(pilot, "a")
    assert actions.actions == [("ack", alarm.sensor_id, alarm.kind, alarm.occurrence_id, alarm.version)]


async def test_an_ack_is_of_what_was_drawn_also_when_worse_is_known_already(full_app, actions, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        drawn = state.live_alarm(*FIRST).version
        # It has become worse, and the screen has not been drawn since.
        state.apply_alarm(event(*FIRST, clock.at, severity="critical", what="severity-rose", version=drawn + 5))
        await pilot.press("a")
    assert actions.actions[0][-1] == drawn


async def test_a_capital_a_asks_with_the_count_and_acknowledges_the_page(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "A")
        assert "Acknowledge 4 alarms?" in screen_text(full_app)
        assert "Critical: 1." in screen_text(full_app)
        await press(pilot, "n")
        assert actions.actions == []
        await press(pilot, "A", "y")
    ((name, *seen),) = actions.actions
    assert name == "ack_page"
    assert [(alarm[0], alarm[3]) for alarm in seen] == [
        (sensor_id(1), 2),
        (sensor_id(3), 2),
        (sensor_id(9), 1),
        (sensor_id(8), 1),
    ]


async def test_the_page_is_what_can_be_seen(full_app, actions, state, clock):
    for number in range(100, 140):
        state.apply_alarm(event(f"s-{number}", "limit", clock.at))
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "A")
        rows = full_app.screen_stack[0].query_one(AlarmList).size.height
        assert f"Acknowledge {rows} alarms?" in screen_text(full_app)


async def test_the_page_that_is_acknowledged_is_the_one_that_was_shown(full_app, actions, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "A")
        state.apply_alarm(event(sensor_id(14), "limit", clock.at, severity="critical"))
        await settle(pilot)
        await press(pilot, "y")
    assert sensor_id(14) not in {seen[0] for seen in actions.actions[0][1:]}


async def test_where_nothing_waits_the_page_is_not_asked_about(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "slash", *"noise", "enter", "A")
        assert "nothing on this page waits" in screen_text(full_app)
    assert actions.actions == []


async def test_s_shelves_for_a_preset_time_with_a_reason(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "s")
        text = screen_text(full_app)
        assert f"SHELVE  {sensor_id(1)} limit" in text
        assert "a few words are needed" in text
        assert "Silent until 14:18:22 UTC" in text
        await press(pilot, "enter")
        assert "✗ a few words are needed" in screen_text(full_app)
        assert actions.actions == []
        await type_text(pilot, "noisy transmitter")
        await press(pilot, "tab", "right", "right", "tab", "right")
        assert "Silent until 15:03:22 UTC" in screen_text(full_app)
        await press(pilot, "enter")
        assert isinstance(full_app.screen, AlarmsScreen)
    assert actions.actions == [("shelve", *FIRST, 3600.0, "noisy transmitter", True)]


async def test_a_form_that_is_left_does_nothing(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("s", "c", "o", "f"):
            await press(pilot, "2", key)
            await type_text(pilot, "no")
            await press(pilot, "escape")
    assert actions.actions == []


@pytest.mark.parametrize(
    ("key", "title", "asked"),
    [
        ("c", "COMMENT", ("comment", *FIRST, "valve checked")),
        ("o", "OUT OF SERVICE", ("out_of_service", *FIRST, "valve checked")),
        ("f", "FALSE ALARM", ("mark_false", *FIRST, "valve checked")),
    ],
)
async def test_keys_that_want_words(full_app, actions, key, title, asked):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", key)
        assert title in screen_text(full_app)
        await type_text(pilot, "valve checked")
        await press(pilot, "enter")
    assert actions.actions == [asked]


async def test_a_false_alarm_needs_no_words(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "f", "enter")
    assert actions.actions == [("mark_false", *FIRST, "")]


@pytest.mark.parametrize(("key", "name"), [("u", "unshelve"), ("l", "reset")])
async def test_keys_that_want_none(full_app, actions, key, name):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", key)
    assert actions.actions == [(name, *FIRST)]


async def test_space_marks_and_a_key_acts_on_what_is_marked(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "space", "space")
        assert "2 marked" in screen_text(full_app)
        assert [line[0] for line in screen_lines(full_app)[4:7]] == ["●", "●", "▌"]
        await press(pilot, "u")
        assert "marked" not in screen_text(full_app)
        await press(pilot, "g", "space", "space", "a")
    assert actions.actions[:2] == [("unshelve", *FIRST), ("unshelve", sensor_id(3), "spike")]
    assert [seen[0] for seen in actions.actions[2][1:]] == [sensor_id(1), sensor_id(3)]


async def test_marks_on_what_does_not_wait_are_said_so(full_app, actions, state, clock):
    state.apply_alarm(event(sensor_id(12), "drift", clock.at, state="ACKED", what="acked"))
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "slash", *"acked", "enter", "g", "space", "space")
        assert "2 marked" in screen_text(full_app)
        await press(pilot, "a")
        assert "nothing that is marked waits" in screen_text(full_app)
    assert actions.actions == []


async def test_an_alarm_s_own_page_acknowledges_what_it_showed(full_app, actions, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "h")
        state.apply_alarm(event(*FIRST, clock.at, severity="critical", what="severity-rose", version=9))
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("a")
    assert [action[-1] for action in actions.actions] == [2, 9]


async def test_what_is_marked_and_goes_is_not_meant_any_more(full_app, actions, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "space", "space")
        state.apply_alarm(event(*FIRST, clock.at, state="NORMAL", what="closed", version=9))
        await settle(pilot)
        await press(pilot, "u")
    assert actions.actions == [("unshelve", sensor_id(3), "spike")]


@pytest.mark.parametrize("key", [*"aAsuolcf", "space"])
async def test_a_viewer_has_no_key_for_it(make_app, actions, history, key):
    app = make_app(alarms=actions, history=history, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", key)
        text = screen_text(app)
        assert isinstance(app.screen, AlarmsScreen)
        assert not {"Ack", "Shelve", "marked"} & set(text.split())
        await press(pilot, "question_mark")
        assert not {"Ack", "Shelve", "Comment", "Mark"} & set(screen_text(app).split())
    assert actions.actions == []


async def test_a_viewer_sees_history_measures_and_what_is_suppressed(make_app, actions, history):
    app = make_app(alarms=actions, history=history, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key, said in (("h", "JOURNAL"), ("S", "SUPPRESSED ALARMS"), ("m", "ALARM MEASURES")):
            await press(pilot, "2", key)
            assert said in screen_text(app)
            await press(pilot, *"aAsuolcf")
    assert actions.actions == []


async def test_where_nobody_takes_actions_and_no_database_is_there_is_no_key(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", *"ahSm")
        assert isinstance(app.screen, AlarmsScreen)
        assert " a Ack" not in screen_text(app)


async def test_h_shows_what_to_do_and_who_did_what(full_app, history, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "G", "h")
        assert isinstance(full_app.screen, AlarmScreen)
        text = screen_text(full_app)
        for said in (f"{sensor_id(12)}  noise", "▲ WARN ACKED", "acked by mira", "no guidance", "JOURNAL  2 events"):
            assert said in text
        await press(pilot, "escape", "g", "h")
        text = screen_text(full_app)
        for said in ("high priority ■ CRIT UNACK", "cause", "consequence", "Open valve V-12", "run-book", "10 min"):
            assert said in text
        assert "severity-rose" in text
        await press(pilot, "a", "enter")
        assert f"{sensor_id(1)}  temperature" in screen_text(full_app)
    assert actions.actions == [("ack", *FIRST, f"{sensor_id(1)}/limit", 2)]


async def test_the_screen_goes_on_while_the_database_thinks_and_says_when_it_is_away(full_app, history):
    history.silent = True
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert "10 min ?" in screen_text(full_app)
        await press(pilot, "h")
        assert "asking the database" in screen_text(full_app)
        history.error = "the database does not answer (timeout)"
        for key in ("1", "2", "h"):
            await press(pilot, key)
        assert "the database does not answer (timeout)" in screen_text(full_app)
        await press(pilot, "2", "S")
        assert "the database does not answer (timeout)" in screen_text(full_app)


async def test_a_common_cause_opens_with_the_alarms_it_stands_for(full_app, state, clock):
    state.apply_alarm(group_event(clock.at))
    assert "zone:zone-c" not in state.sensors
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "slash", *"zone", "enter", "enter")
        assert isinstance(full_app.screen, AlarmScreen)
        text = screen_text(full_app)
        assert "STANDS FOR 3 alarms" in text
        assert "temp-sensor-011          dropout   BY DESIGN" in text
        await press(pilot, "enter")
        assert "temp-sensor-011  temperature" in screen_text(full_app)


async def test_what_is_suppressed_is_not_in_the_list_but_counted_and_listed(full_app, state, clock, actions):
    state.apply_alarm(
        event(*FIRST, clock.at, severity="critical", state="SHELVED", what="shelved", version=3, actor="jon")
    )
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "■ 1 CRIT" not in screen_text(full_app)
        await press(pilot, "2")
        text = screen_text(full_app)
        assert sensor_id(1) not in text
        assert "suppressed 6" in text
        await press(pilot, "S")
        assert isinstance(full_app.screen, SuppressedScreen)
        lines = screen_lines(full_app)[4:10]
        assert [line.split()[0].strip("▌") for line in lines] == ["SHELVED", "SHELVED", "OUT", "BY", "BY", "BY"]
        assert "14:17:22  14m  jon" in lines[0]
        await press(pilot, "u", "G", "k", "k", "k", "o", "escape")
        assert isinstance(full_app.screen, AlarmsScreen)
    assert actions.actions == [
        ("unshelve", "press-sensor-010", "limit"),
        ("return_to_service", "vib-sensor-007", "limit"),
    ]


async def test_the_shelved_list_can_be_filtered_and_marked(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "S", "slash", *"mira", "enter")
        assert "2 of 6" in screen_text(full_app)
        await press(pilot, "space", "escape")
        assert "2 of 6" not in screen_text(full_app)
        await press(pilot, "escape")
        assert isinstance(full_app.screen, SuppressedScreen)
        await press(pilot, "escape")
        assert isinstance(full_app.screen, AlarmsScreen)


async def test_measures_are_shown_against_their_targets(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert "10 min 0 (most 2)  average 0.4 (about 1)  stale 0  suppressed 6" in screen_text(full_app)
        await press(pilot, "m")
        text = screen_text(full_app)
        assert "▲ share of the ten most frequent alarms       100 %  under 5 %" in text
        assert "acknowledged after, median                   40 s" in text


async def test_questions_are_asked_now_and_then_and_not_at_every_tick(full_app, history, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        for _ in range(20):
            await settle(pilot)
        assert history.asked.count(("measures",)) == 1
        clock.move(31)
        await settle(pilot)
        assert history.asked.count(("measures",)) == 2
        await press(pilot, "1")
        clock.move(31)
        await settle(pilot)
        assert history.asked.count(("measures",)) == 2


async def test_a_taller_screen_shows_what_to_do_about_the_alarm_under_the_cursor(full_app, history, clock):
    async with full_app.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert "Open valve V-12" in screen_text(full_app)
        await press(pilot, "j")
        clock.move(1)
        await settle(pilot)
        assert "Open valve V-12" not in screen_text(full_app)
        assert f"{sensor_id(3)}  spike" in screen_text(full_app)
        assert history.asked.count(("alarm", *FIRST)) == 1
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert f"{sensor_id(3)}  spike      " not in screen_text(full_app)
