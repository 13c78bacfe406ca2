"""What each key orders."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.inject import InjectForm
from controlroom.ui.screens.spawn import SpawnForm
from controlroom.ui.widgets.sensor_grid import SensorGrid
from controlroom.wire import Location
from tests.fakes.plant import reading, sensor_id
from tests.ui.screen_text import press, screen_text, settle

SIZE = (80, 24)


async def test_n_and_enter_spawn_a_sensor_beside_the_selected_one(app, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "n", "enter")
    ((order, spec),) = commands.orders
    assert order == "spawn"
    assert (spec.sensor_id, spec.sensor_type, spec.interval) == ("temp-sensor-002", "temperature", 3.0)
    assert spec.location == Location("production", "machine-001", "zone-a")


async def test_the_spawn_form_by_keyboard(app, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(
            pilot, "n", "right", "tab", "ctrl+u", *"pump-7", "down", "down", "ctrl+u", *"roof", "down", "ctrl+u"
        )
        await press(pilot, *"0.5", "enter")
    ((_, spec),) = commands.orders
    assert (spec.sensor_id, spec.sensor_type, spec.interval) == ("pump-7", "vibration", 0.5)
    assert spec.location == Location("production", "machine-001", "roof")


async def test_the_suggested_id_follows_the_type_until_one_is_typed(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "n", "right")
        form = app.screen
        assert isinstance(form, SpawnForm)
        assert form.query_one("#spawn-id", Input).value == "vib-sensor-001"
        assert form.query_one("#spawn-interval", Input).value == "4"
        await press(pilot, "tab", "end", *"x", "shift+tab", "right")
        assert form.query_one("#spawn-id", Input).value == "vib-sensor-001x"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("tab", "ctrl+u"), "a name is needed"),
        (("tab", "ctrl+u", *"temp-sensor-001"), "this name is taken"),
        (("tab", "ctrl+u", *"a/b"), "letters, digits"),
        (("tab", "tab", "tab", "tab", "ctrl+u", *"zz"), "a number is needed"),
        (("tab", "tab", "tab", "tab", "ctrl+u", "0"), "0.01 to 86400"),
    ],
)
async def test_what_is_wrong_is_said_as_it_is_typed_and_not_sent(app, commands, keys, said):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "n", *keys)
        assert said in screen_text(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, SpawnForm)
        await press(pilot, "escape")
        assert not isinstance(app.screen, SpawnForm)
    assert commands.orders == []


async def test_p_pauses_and_resumes(app, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "p")
        app.screen.query_one(SensorGrid).select(sensor_id(6))
        await press(pilot, "p")
    assert commands.orders == [("pause", sensor_id(1)), ("resume", sensor_id(6))]


async def test_i_and_enter_inject_a_spike(app, commands, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "i")
        assert "FAULT INJECTION" in screen_text(app)
        await press(pilot, "enter")
    ((order, target, fault),) = commands.orders
    assert (order, target, fault.fault, fault.magnitude) == ("inject", sensor_id(1), "spike", 45.0)
    assert fault.duration == 6.0  # two readings of a sensor that reads every 3 s
    assert fault.start == clock.at


async def test_the_inject_form_by_keyboard(make_app, commands):
    app = make_app(operator="mira")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "i", "right", "tab", "ctrl+u", *"-4", "tab", "ctrl+u", "enter")
    ((_, _, fault),) = commands.orders
    assert (fault.fault, fault.magnitude, fault.duration, fault.by) == ("drift", -4.0, None, "mira")


async def test_a_magnitude_out_of_range_is_not_sent(app, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "i", *["right"] * 5, "tab", "ctrl+u", "0", "enter")
        assert isinstance(app.screen, InjectForm)
        assert "✗ 1 to 1000" in screen_text(app)
    assert commands.orders == []


async def test_c_clears_faults_and_says_when_there_is_none(app, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "c")
        assert "temp-sensor-001: no fault is injected" in screen_text(app)
        await press(pilot, "right", "c")
    assert commands.orders == [("clear", sensor_id(8), None)]


@pytest.mark.parametrize(
    ("answer", "orders"),
    [("y", [("remove", sensor_id(1))]), ("n", []), ("escape", [])],
)
async def test_x_removes_after_a_question(app, commands, answer, orders):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "x")
        assert "Remove temp-sensor-001?" in screen_text(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, Confirm), "Enter is hit too easily to be a yes"
        await press(pilot, answer)
        assert not isinstance(app.screen, Confirm)
    assert commands.orders == orders


async def test_the_question_is_about_the_sensor_that_was_shown(app, state, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "x")
        state.sensors[sensor_id(1)].alarms.clear()
        state.structure_version += 1
        await settle(pilot)
        await press(pilot, "y")
    assert commands.orders == [("remove", sensor_id(1))]


@pytest.mark.parametrize("key", ["p", "i", "c", "x"])
async def test_a_real_sensor_takes_no_orders(app, state, commands, clock, key):
    real = reading("boiler-7", "temperature", Location(), 99.0, clock.at)
    state.apply_reading(real, seen_at=clock.at.timestamp(), simulated=False)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.screen.query_one(SensorGrid).select("boiler-7")
        await press(pilot, key)
        assert "boiler-7 is not simulated: it takes no orders from here" in screen_text(app)
    assert commands.orders == []


@pytest.mark.parametrize("key", ["n", "p", "i", "c", "x"])
async def test_a_viewer_has_no_such_key(make_app, commands, key):
    app = make_app(read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        before = screen_text(app)
        await press(pilot, "right", key)
        assert "READ ONLY" in before
        assert "Inject" not in before
        assert len(app.screen_stack) == 1
        await press(pilot, "question_mark")
        assert "Inject" not in screen_text(app)
    assert commands.orders == []


async def test_orders_work_on_the_simulator_screen_and_on_a_sensor(app, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "4", "p", "enter", "p")
    assert commands.orders == [("pause", sensor_id(8))] * 2


async def test_no_key_of_the_overview_hides_on_the_alarms(app, commands):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2", "p", "i", "c", "x", "n")
        assert len(app.screen_stack) == 1
    assert commands.orders == []
