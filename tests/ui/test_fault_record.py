"""The Simulator screen tells which faults act, who injected them, and when each was detected."""

from __future__ import annotations

import pytest

from controlroom.core.fault_view import FaultView
from controlroom.core.plant_state import PlantState
from controlroom.ui.app import ControlRoomApp
from tests.fakes.clock import FrozenClock
from tests.ui.screen_text import press, screen_lines, screen_text, settle

NOW = FrozenClock().at.timestamp()
FAULTS = (
    FaultView(
        "drift-1a2b3c4d",
        ("energy-sensor-008",),
        "ada",
        NOW - 380,
        detected_at=NOW - 200,
        kind="drift",
        severity="warning",
        fault="drift",
        magnitude=3.0,
    ),
    FaultView("gateway-outage-99", ("a", "b", "c"), "ben", NOW - 20, fault="gateway-outage"),
    FaultView(
        "stuck-0001", ("vib-sensor-002",), "ada", NOW - 900, NOW - 300, "over", NOW - 860, "stuck", "critical", "stuck"
    ),
    FaultView("spike-0002", ("temp-sensor-001",), "ada", NOW - 1900, NOW - 1890, "cleared", fault="spike"),
    FaultView("gain-0003", ("temp-sensor-001",), "ada", NOW - 2000, NOW - 2000, "refused", fault="gain"),
)


@pytest.mark.parametrize("size", [(80, 24), (120, 30)])
async def test_faults_with_their_detection_stand_below_the_list(
    app: ControlRoomApp, state: PlantState, size: tuple[int, int]
) -> None:
    state.apply_faults(FAULTS)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        lines = screen_lines(app)
        (head,) = [y for y, line in enumerate(lines) if "INJECTED FAULTS" in line]
        assert "2 ACT  2 of 5 detected" in lines[head]
        rows = [line.split() for line in lines[head + 1 : head + 5]]
        assert rows[0][:3] == ["acts", "drift", "3"]
        assert " ".join(rows[0]).removesuffix(" by ada").endswith("6m ▲ WARN drift after 180s")
        assert rows[1][:4] == ["acts", "gateway-outage", "3", "sensors"]
        assert "no alarm yet" in " ".join(rows[1])
        assert " ".join(rows[2]).removesuffix(" by ada").endswith("■ CRIT stuck after 40s")
        assert rows[3][:2] == ["cleared", "spike"]
        assert "not detected" in " ".join(rows[3])
        # The list of sensors keeps the room that is left.
        assert sum("-sensor-" in line for line in lines[:head]) >= 8


async def test_without_a_fault_the_list_has_all_the_room(app: ControlRoomApp, state: PlantState) -> None:
    state.apply_faults(())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        assert "INJECTED FAULTS" not in screen_text(app)
        state.apply_faults(FAULTS)
        await settle(pilot)
        assert "2 ACT" in screen_text(app)
        state.apply_faults(())
        await settle(pilot)
        assert "INJECTED FAULTS" not in screen_text(app)
