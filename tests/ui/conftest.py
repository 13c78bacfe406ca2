"""What tests of the screen share: a plant that stands still, and a program that looks at it only when it is told to.

Textual reads most of its environment once, when it is imported, and the snapshot plug-in imports it before this file:
so the program itself asks for no animation and names its theme, and what is read later is cleared here.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from controlroom.core.plant_state import PlantState
from controlroom.ui.app import ControlRoomApp
from controlroom.ui.options import UiOptions
from tests.fakes.clock import FrozenClock
from tests.fakes.commands import RecordingAlarmActions, RecordingCommands, RecordingLearning, RecordingTrends
from tests.fakes.history import FakeHistory
from tests.fakes.plant import make_plant
from tests.fakes.shift import FakeShiftLog

#: the program's own timer never fires; a test calls `tick`
NEVER = 1e-6


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "CONTROLROOM_GLYPHS", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    # Ours stand still; the palette's is Textual's own, and would blink in one snapshot and not in the next.
    monkeypatch.setattr(Input, "cursor_blink", False)
    # On a slow machine the palette shows that it is busy, and fills its list in parts.
    monkeypatch.setattr(CommandPalette, "_BUSY_COUNTDOWN", 60.0)
    monkeypatch.setattr(CommandPalette, "_RESULT_BATCH_TIME", 60.0)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def state(clock: FrozenClock) -> PlantState:
    return make_plant(clock.at)


@pytest.fixture
def commands() -> RecordingCommands:
    return RecordingCommands()


@pytest.fixture
def make_app(state: PlantState, commands: RecordingCommands, clock: FrozenClock) -> Callable[..., ControlRoomApp]:
    def make(plant: PlantState = state, **options: object) -> ControlRoomApp:
        return ControlRoomApp(plant, commands, UiOptions(**{"clock": clock, "refresh_rate": NEVER, **options}))

    return make


@pytest.fixture
def app(make_app: Callable[..., ControlRoomApp]) -> ControlRoomApp:
    return make_app()


@pytest.fixture
def actions() -> RecordingAlarmActions:
    return RecordingAlarmActions()


@pytest.fixture
def learning() -> RecordingLearning:
    return RecordingLearning()


@pytest.fixture
def trends() -> RecordingTrends:
    return RecordingTrends()


@pytest.fixture
def history(state: PlantState, clock: FrozenClock) -> FakeHistory:
    return FakeHistory(state, clock)


@pytest.fixture
def shift(state: PlantState, clock: FrozenClock) -> FakeShiftLog:
    return FakeShiftLog(state, clock)


@pytest.fixture
def full_app(
    make_app: Callable[..., ControlRoomApp],
    actions: RecordingAlarmActions,
    history: FakeHistory,
    learning: RecordingLearning,
    trends: RecordingTrends,
    shift: FakeShiftLog,
) -> ControlRoomApp:
    """With somebody who takes actions on alarms, and a database that answers."""
    return make_app(alarms=actions, history=history, learning=learning, trends=trends, shift=shift, operator="mira")
