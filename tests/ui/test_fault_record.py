"""The Simulator screen tells which faults act, who injected them, and when each was detected."""

from __future__ import annotations

import pytest

from controlroom.core.plant_state import FaultView, PlantState
from controlroom.ui.app import ControlRoomApp
from tests.fakes.clock import FrozenClock
from tests.ui.screen_text import press, screen_lines, screen_text, settle

NOW = FrozenClock().at.timestamp()
FAULTS = (
    FaultView("drift-1a2b3c4d", ("energy-sensor-008",), "ada", NOW - 380, detected_at=NOW - 200, kind="drift"),
    FaultView("gateway-outage-99", ("a", "b", "c"), "ben", NOW - 20),
    FaultView("stuck-0001", ("vib-sensor-002",), "ada", NOW - 900, NOW - 300, "over", NOW - 860, "stuck"),
    FaultView("spike-0002", ("temp-sensor-001",), "ada", NOW - 1900, NOW - 1890, "over"),
    FaultView("gain-0003", ("temp-sensor-001",), "ada", NOW - 2000, NOW - 2000, "refused"),
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
        (head,) = [y for y, line in enumerate(lines) if "faults: 2 act, 3 over" in line]
        assert "drift-1a2b3c4d" in lines[head + 1]
        assert lines[head + 1].split()[1:] == ["energy-sensor-008", "ada", "6m", "acts", "3m", "drift"]
        assert lines[head + 2].split()[1:] == ["3", "sensors", "ben", "20s", "acts", "not", "yet"]
        assert lines[head + 3].split()[1:] == ["vib-sensor-002", "ada", "15m", "over", "40s", "stuck"]
        assert lines[head + 4].split()[-2:] == ["over", "missed"]
        # The list of sensors keeps the room that is left.
        assert sum("-sensor-" in line for line in lines[:head]) >= 8


async def test_without_a_fault_the_list_has_all_the_room(app: ControlRoomApp, state: PlantState) -> None:
    state.apply_faults(())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        assert "faults: " not in screen_text(app)
        state.apply_faults(FAULTS)
        await settle(pilot)
        assert "faults: 2 act" in screen_text(app)
        state.apply_faults(())
        await settle(pilot)
        assert "faults: " not in screen_text(app)
