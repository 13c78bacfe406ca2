"""What goes to the terminal: nothing when nothing changed, little when little did."""

from __future__ import annotations

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from tests.fakes.plant import location, reading, sensor_id
from tests.ui.screen_text import press, settle


class Sink(HeadlessDriver):
    """A terminal that counts what it is sent."""

    sent = 0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.sent += len(data.encode())


@pytest.mark.parametrize("keys", [(), ("2",), ("3",), ("4",), ("enter",), ("n",)])
async def test_a_plant_that_stands_still_costs_nothing(app, keys):
    app.driver_class = Sink
    async with app.run_test(headless=False, size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        await settle(pilot)
        before = app._driver.sent
        assert before > 0
        for _ in range(3):
            await settle(pilot)
        assert app._driver.sent == before


async def test_a_second_that_passes_does_not_redraw_the_screen(app, clock):
    app.driver_class = Sink
    async with app.run_test(headless=False, size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        whole = app._driver.sent
        clock.move(1)
        await settle(pilot)
        assert 0 < app._driver.sent - whole < 1000


async def test_a_reading_of_a_sensor_that_is_covered_costs_nothing(app, state, clock):
    app.driver_class = Sink
    async with app.run_test(headless=False, size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        before = app._driver.sent
        for number in range(1, 16):
            new = reading(sensor_id(number), "temperature", location(number), 20.0, clock.at)
            state.apply_reading(new, seen_at=clock.at.timestamp(), simulated=True)
        await settle(pilot)
        assert app._driver.sent == before
