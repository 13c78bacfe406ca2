"""What an operator tells the detectors of a sensor: each key, what it asks, what is ordered, and the word for it."""

from __future__ import annotations

import pytest

from controlroom.core.archive import LearningFacts, Window
from controlroom.ui.screens.overview import OverviewScreen
from controlroom.ui.screens.sensor import SensorScreen
from tests.fakes.plant import sensor_id
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)
FIRST = sensor_id(1)


@pytest.fixture
def open_sensor(full_app):
    async def opened(pilot) -> None:
        await settle(pilot)
        await press(pilot, "enter")
        assert isinstance(full_app.screen, SensorScreen)

    return opened


async def type_text(pilot, text: str) -> None:
    await press(pilot, *("space" if char == " " else char for char in text))


async def test_f_freezes_and_what_is_frozen_is_offered_to_go_on(full_app, open_sensor, learning, history, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await open_sensor(pilot)
        assert "LEARNING" not in screen_text(full_app)
        await press(pilot, "F")
        assert f"LEARNING  {FIRST}" in screen_text(full_app)
        assert "stops" in screen_text(full_app)
        await press(pilot, "enter")
        history.told[FIRST] = LearningFacts(clock.at.timestamp() - 3600, "mira")
        clock.move(2)
        await settle(pilot)
        assert screen_lines(full_app)[4].startswith(" LEARNING  FROZEN since 13:03 by mira")
        await press(pilot, "F")
        assert "goes on" in screen_text(full_app)
        await press(pilot, "down")
        await type_text(pilot, "done")
        await press(pilot, "enter")
    assert learning.orders == [("freeze", FIRST, ""), ("thaw", FIRST, "done")]


async def test_m_asks_why_and_how_long(full_app, open_sensor, learning, clock):
    now = clock.at.timestamp()
    async with full_app.run_test(size=SIZE) as pilot:
        await open_sensor(pilot)
        await press(pilot, "M", "enter")
        assert "✗ a few words are needed" in screen_text(full_app)
        await type_text(pilot, "oil change")
        assert "until 2026-03-02 14:33 UTC" in screen_text(full_app)
        await press(pilot, "down", "right", "right")
        assert "until 2026-03-02 22:03 UTC" in screen_text(full_app)
        await press(pilot, "enter")
        assert isinstance(full_app.screen, SensorScreen)
        await press(pilot, "M")
        await type_text(pilot, "belt")
        await press(pilot, "down", "down")
        await type_text(pilot, "soon")
        assert "✗ as 45m, 3h, 1d or 21:40" in screen_text(full_app)
        await press(pilot, "enter", *["backspace"] * 4)
        await type_text(pilot, "21:40")
        assert "until 2026-03-02 21:40 UTC" in screen_text(full_app)
        await press(pilot, "enter")
    midnight = now - now % 86_400
    assert learning.orders == [
        ("maintenance", FIRST, now, now + 8 * 3600.0, "oil change"),
        ("maintenance", FIRST, now, midnight + 21 * 3600.0 + 40 * 60.0, "belt"),
    ]


async def test_r_wants_a_reason_and_asks_before_it_forgets(full_app, open_sensor, learning):
    async with full_app.run_test(size=SIZE) as pilot:
        await open_sensor(pilot)
        await press(pilot, "R", "enter")
        assert "✗ a few words" in screen_text(full_app)
        await type_text(pilot, "new probe")
        await press(pilot, "enter")
        assert f"Forget what {FIRST} taught?" in screen_text(full_app)
        await press(pilot, "n")
        assert learning.orders == []
        await press(pilot, "R")
        await type_text(pilot, "new probe")
        await press(pilot, "enter", "y")
    assert learning.orders == [("reset", FIRST, "new probe")]


async def test_l_accepts_what_is_held(full_app, open_sensor, learning):
    async with full_app.run_test(size=SIZE) as pilot:
        await open_sensor(pilot)
        await press(pilot, "L", "enter")
    assert learning.orders == [("accept", FIRST, "")]


async def test_a_form_that_is_left_orders_nothing(full_app, open_sensor, learning):
    async with full_app.run_test(size=SIZE) as pilot:
        await open_sensor(pilot)
        for key in "FMLR":
            await press(pilot, key)
            assert not isinstance(full_app.screen, SensorScreen)
            await press(pilot, "escape")
            assert isinstance(full_app.screen, SensorScreen)
    assert learning.orders == []


async def test_on_the_overview_it_is_ordered_of_all_that_is_marked_at_once(full_app, learning):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "M")
        assert "MAINTENANCE  2 sensors" in screen_text(full_app)
        await type_text(pilot, "belt")
        await press(pilot, "enter")
        assert "marked" not in screen_text(full_app)
    ((name, *sensors, _, _, reason),) = learning.orders
    assert (name, len(set(sensors)), reason) == ("maintenance", 2, "belt")


async def test_the_line_tells_what_is_set_and_what_waits(full_app, open_sensor, history, clock):
    now = clock.at.timestamp()
    windows = (Window(now - 60, now + 7200, "jon"), Window(now + 86_400, now + 90_000, "jon"))
    history.told[FIRST] = LearningFacts(None, "", windows, ("freeze", "reset"))
    async with full_app.run_test(size=SIZE) as pilot:
        await open_sensor(pilot)
        await press(pilot, "F")
        assert "goes on" in screen_text(full_app), "in maintenance it is offered to go on"
        await press(pilot, "escape")
        line = screen_lines(full_app)[4].rstrip()
        assert line == " LEARNING  MAINTENANCE until 16:03 by jon  WAITS freeze, reset"
        history.error = "away"
        history.told[FIRST] = LearningFacts()
        clock.move(7201)
        await settle(pilot)
        line = screen_lines(full_app)[4]
        assert line.startswith(" LEARNING  ? database away  MAINTENANCE from 03-03 14:03 until 03-03 15:03")
        history.error = ""
        clock.move(2)
        await settle(pilot)
        assert "MAINTENANCE" not in screen_lines(full_app)[4]


async def test_footer_and_help_name_the_keys(full_app, open_sensor):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert " / Filter" in screen_lines(full_app)[-1]
        await press(pilot, "question_mark")
        for said in ("F  Learning", "M  Maintenance", "L  Accept level", "R  Reset learning", "never shown as zero"):
            assert said in screen_text(full_app)
        await press(pilot, "escape")
        await open_sensor(pilot)
        assert screen_lines(full_app)[-1].startswith(" a Ack  F Learning  M Maintenance  p Pause")
        assert screen_lines(full_app)[-1].rstrip().endswith("q Quit")


@pytest.mark.parametrize("viewer", [True, False])
async def test_who_may_not_and_where_nobody_takes_it_there_is_no_key(make_app, history, learning, clock, viewer):
    history.told[FIRST] = LearningFacts(clock.at.timestamp() - 3600, "mira")
    app = make_app(history=history, learning=learning if viewer else None, read_only=viewer)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for screen in (OverviewScreen, SensorScreen):
            await press(pilot, *"FMLR")
            assert isinstance(app.screen, screen)
            assert "F Learning" not in screen_text(app)
            await press(pilot, "enter")
        # What is set is told to everybody.
        assert "FROZEN since 13:03 by mira" in screen_text(app)
    assert learning.orders == []


async def test_the_kind_of_its_signal_and_who_has_become_quieter_are_shown(full_app, open_sensor, history, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await open_sensor(pilot)
        history.told[FIRST] = LearningFacts(signal="periodic", raised_limits=(("spike", 1.1), ("level", 1.25)))
        clock.move(2)
        await settle(pilot)
        assert "temperature, periodic" in screen_lines(full_app)[2]
        assert screen_lines(full_app)[4].startswith(" LEARNING  SENSITIVITY spike 91 %, level 80 %")
