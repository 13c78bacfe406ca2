"""What every list can do: stand still, be marked, lead to the next trouble."""

from __future__ import annotations

import pytest

from controlroom.ui.widgets.alarm_list import AlarmList
from controlroom.ui.widgets.item_view import ItemView
from tests.fakes.plant import event, sensor_id
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)


async def test_a_frozen_list_says_what_is_new_and_what_is_over_and_does_not_move(full_app, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "j", "equals_sign")
        before = list(full_app.screen.query_one(AlarmList).keys)
        state.apply_alarm(event(sensor_id(14), "limit", clock.at, severity="critical"))
        state.apply_alarm(event(sensor_id(13), "limit", clock.at))
        state.apply_alarm(event(sensor_id(1), "limit", clock.at, state="NORMAL", what="closed", version=7))
        await settle(pilot)
        alarms = full_app.screen.query_one(AlarmList)
        assert alarms.keys == before
        text = screen_text(full_app)
        assert "FROZEN  2 new  1 over" in text
        assert "· over closed    14:03:10" in screen_lines(full_app)[4]
        await press(pilot, "equals_sign")
        assert "FROZEN" not in screen_text(full_app)
        assert len(alarms.keys) == len(before) + 1
        assert f"{sensor_id(3)}/spike" == alarms.selected


async def test_rows_of_a_frozen_list_still_tell_what_their_alarm_does(full_app, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "equals_sign")
        state.apply_alarm(
            event(sensor_id(1), "limit", clock.at, severity="critical", state="ACKED", what="acked", version=3)
        )
        await settle(pilot)
        assert "■ CRIT ACKED" in screen_lines(full_app)[4]


async def test_a_frozen_overview_keeps_its_places_but_not_its_values(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "equals_sign")
        before = list(app.screen.query_one(ItemView).keys)
        state.apply_alarm(event(sensor_id(14), "limit", clock.at, severity="critical"))
        await settle(pilot)
        assert app.screen.query_one(ItemView).keys == before
        assert "FROZEN  0 new" in screen_text(app)
        assert any("■ hum-sensor-014" in line for line in screen_lines(app))


async def test_another_order_or_filter_lets_it_go_on(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "equals_sign")
        assert "FROZEN" in screen_text(app)
        await press(pilot, "t")
        assert "FROZEN" not in screen_text(app)


@pytest.mark.parametrize(
    ("screen", "keys", "reached"),
    [
        ("1", "w", sensor_id(8)),
        ("1", "ww", sensor_id(9)),
        ("1", "W", sensor_id(12)),
        ("1", "we", sensor_id(1)),
        ("2", "w", f"{sensor_id(9)}/dropout"),
        ("2", "GE", f"{sensor_id(1)}/limit"),
        ("2", "wwww", f"{sensor_id(9)}/dropout"),
        ("4", "e", sensor_id(1)),
    ],
)
async def test_e_and_w_go_to_the_next_critical_and_warning(full_app, screen, keys, reached):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2" if screen == "1" else "1", screen, *keys)
        assert full_app.screen.query_one(ItemView).selected == reached


async def test_where_there_is_none_it_says_so(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "slash", *"noise", "enter", "e")
        assert "nothing here is CRIT" in screen_text(full_app)


async def test_orders_go_to_every_marked_sensor(full_app, commands):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space")
        assert [line[0] for line in screen_lines(full_app)[2:4]] == ["●", " "]
        await press(pilot, "p")
        assert "marked" not in screen_text(full_app)
        await press(pilot, "g", "space", "space", "i", "enter")
        await press(pilot, "g", "space", "space", "r", "end", "backspace", "7", "enter")
        await press(pilot, "g", "space", "space", "x")
        assert "Remove 2 sensors?" in screen_text(full_app)
        await press(pilot, "y")
    first, second = sensor_id(1), sensor_id(8)
    assert commands.orders[:2] == [("pause", first), ("pause", second)]
    (_, one, fault), (_, other, same) = commands.orders[2:4]
    assert (one, other) == (first, second)
    assert fault.fault == same.fault
    assert fault.fault_id != same.fault_id
    assert commands.orders[4:6] == [("rerate", first, 7.0), ("rerate", second, 7.0)]
    assert commands.orders[6:] == [("remove", first), ("remove", second)]


async def test_marks_go_with_escape(full_app, commands):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "escape")
        assert "marked" not in screen_text(full_app)
        await press(pilot, "g", "p")
    assert commands.orders == [("pause", sensor_id(1))]


@pytest.mark.parametrize(("entry", "said"), [("0", "0.01 to 86400"), ("x", "a number is needed"), ("", "a number")])
async def test_a_rate_is_checked_as_it_is_typed(full_app, commands, entry, said):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "r", *["backspace"] * 5, *entry)
        assert f"✗ {said}" in screen_text(full_app)
        await press(pilot, "enter")
    assert commands.orders == []
