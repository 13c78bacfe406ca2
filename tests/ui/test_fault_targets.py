"""A fault of a machine or a zone, injected by keys: its sensors suffer together, under one id."""

from __future__ import annotations

import pytest

from simulator.faults import COMPOSED, FAULTS
from tests.ui.screen_text import press, screen_text, settle

NAMES = [*FAULTS, *COMPOSED]


@pytest.mark.parametrize(
    ("fault", "place", "kinds"),
    [
        ("machine-failure", "sensors of machine-001", {"drift", "noise"}),
        ("gateway-outage", "sensors of zone-a", {"dropout"}),
    ],
)
async def test_what_befalls_a_machine_or_a_zone_is_one_fault_on_each_of_its_sensors(
    app, state, commands, fault, place, kinds
):
    view = state.sensors["temp-sensor-001"]
    name = "machine_id" if fault == "machine-failure" else "zone"
    where = getattr(view.location, name)
    there = {each.sensor_id for each in state.sensors.values() if getattr(each.location, name) == where}
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "i", *["right"] * NAMES.index(fault))
        assert place in screen_text(app)
        await press(pilot, "enter")
    assert len(there) > 1
    assert {order for order, _, _ in commands.orders} == {"inject"}
    assert {sensor_id for _, sensor_id, _ in commands.orders} == there
    assert {each.fault for _, _, each in commands.orders} == kinds
    assert len({each.fault_id for _, _, each in commands.orders}) == 1
    assert commands.orders[0][2].fault_id.startswith(fault)
