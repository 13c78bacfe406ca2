"""One sensor's screen: spans, what memory has and what the database adds, its alarms and faults."""

from __future__ import annotations

import pytest

from tests.fakes.plant import event, sensor_id
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_spans_from_a_minute_to_a_week(full_app, history, size):
    async with full_app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "enter", *["left_square_bracket"] * 5)
        assert "14:02:22 to 14:03:22" in screen_text(full_app)
        sources = []
        for _ in range(7):
            line = screen_lines(full_app)[3]
            sources.append(line.partition("]")[2].strip().split("  ")[0])
            await press(pilot, "right_square_bracket")
        assert sources == ["readings"] * 4 + ["minute means"] * 2 + ["hour means"]
        assert "02-23 14:03 to 03-02 14:03" in screen_text(full_app)
    asked = [question[2] for question in history.asked if question[0] == "series"]
    assert asked == [900.0, 300.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0, 604_800.0]


async def test_comma_and_full_stop_do_the_same(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter", "comma")
        assert "13:58:22 to 14:03:22" in screen_text(full_app)
        await press(pilot, "full_stop", "full_stop")
        assert "13:03:22 to 14:03:22" in screen_text(full_app)


async def test_memory_is_shown_at_once_and_the_database_follows(full_app, history):
    history.silent = True
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        text = screen_text(full_app)
        assert "memory; asking the database" in text
        assert "n 240" in text
        assert "score not kept" in text
        history.silent = False
        await press(pilot, "escape", "enter")
        assert "score not kept" not in screen_text(full_app)


async def test_a_database_that_is_away_takes_nothing_from_what_is_in_memory(full_app, history):
    history.error = "it does not answer"
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        text = screen_text(full_app)
        assert "n 240" in text
        assert "memory; database away" in text


async def test_alarm_and_fault_stand_under_their_time(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        full_app.screen.show_sensor(sensor_id(8))
        await settle(pilot)
        lines = {line[:6].strip(): line[7:] for line in screen_lines(full_app)}
        # The fault began 6 of 15 minutes ago, the alarm 52 s ago.
        assert abs(lines["fault"].index("━") - 73 * 9 / 15) <= 1
        assert abs(lines["alarm"].index("▲") - 73 * (900 - 52) / 900) <= 1
        assert "drift" in lines["fault"]


async def test_readings_beyond_a_limit_have_its_shape(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        assert screen_lines(full_app)[17].rstrip().endswith("14:03:20    43.63 ■")
        assert screen_lines(full_app)[20].rstrip().endswith("14:03:12    38.26 ▲")


async def test_a_acknowledges_what_waits_of_the_sensor(full_app, actions, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter", "a")
        state.apply_alarm(event(sensor_id(1), "noise", clock.at))
        await settle(pilot)
        await press(pilot, "a")
        full_app.screen.show_sensor(sensor_id(2))
        await settle(pilot)
        await press(pilot, "a")
        assert "nothing waits" in screen_text(full_app)
    assert actions.actions[0][0:3] == ("ack", sensor_id(1), "limit")
    assert actions.actions[1][0] == "ack_page"
    assert len(actions.actions) == 2


async def test_a_chart_is_not_drawn_at_every_tick(full_app, state, clock, monkeypatch):
    from controlroom.ui.widgets.chart import SensorChart

    drawn: list[float] = []
    draw = SensorChart.draw
    monkeypatch.setattr(SensorChart, "draw", lambda self, *args: (drawn.append(1.0), draw(self, *args))[1])
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        before = len(drawn)
        for _ in range(10):
            await settle(pilot)
        assert len(drawn) == before


async def test_h_lists_what_all_its_alarms_did(full_app, history):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        full_app.screen.show_sensor(sensor_id(5))
        await settle(pilot)
        await press(pilot, "h")
        lines = screen_lines(full_app)
        assert "press-sensor-005  3 alarm events in 7 days, the latest first" in lines[2]
        assert [" ".join(line.split()[2:6]).replace("▲ WARN ", "") for line in lines[3:6]] == [
            "limit closed back to",
            "limit acked",
            "limit raised",
        ]
        assert "mira" in lines[4]
        await press(pilot, "j")
        assert "mira acknowledged by mira" in screen_text(full_app)
        history.error = "it does not answer"
        await press(pilot, "escape")
        assert "READINGS" in screen_text(full_app)


async def test_what_is_not_in_a_shorter_list_any_more_is_not_on_the_screen(full_app, history, state):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        assert "limit rose" in screen_text(full_app)
        state.feed.clear()
        state.feed_version += 1
        await press(pilot, "left_square_bracket")
        assert "limit rose" not in screen_text(full_app)
        assert "ALARM EVENTS  none" in screen_text(full_app)
