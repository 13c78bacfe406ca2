"""A recording on the screen: it says that it is the past, its keys play it, no key gives an order."""

from __future__ import annotations

from controlroom.core.plant_state import PlantState
from controlroom.ui import bindings
from tests.fakes.commands import RecordingDrills
from tests.fakes.plant import make_plant
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SIZE = (80, 24)


class FakeReplay:
    """Records what is asked of `controlroom.ports.SessionReplay`."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.speed, self.paused, self.ended = 4.0, False, False
        self.position_s, self.seeking, self.cut_off = 3725.0, False, False

    def toggle(self) -> None:
        self.paused = not self.paused

    def step(self) -> None:
        self.asked.append("step")

    def seek(self, seconds: float) -> None:
        self.asked.append(seconds)

    def faster(self) -> None:
        self.asked.append("faster")

    def slower(self) -> None:
        self.asked.append("slower")


async def test_it_says_that_it_is_the_past(make_app):
    replay = FakeReplay()
    app = make_app(replay=replay)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert " REPLAY 1:02:05  x4 " in screen_lines(app)[0]
        replay.seeking = True
        await settle(pilot)
        assert "seeking" in screen_lines(app)[0]
        replay.seeking, replay.ended = False, True
        await settle(pilot)
        assert " end " in screen_lines(app)[0]
        replay.cut_off = True
        await settle(pilot)
        assert "cut off here" in screen_lines(app)[0]


async def test_its_keys_play_it(make_app):
    replay = FakeReplay()
    app = make_app(replay=replay)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "P")
        assert "paused" in screen_lines(app)[0]
        for screen in ("1", "2", "3", "4"):
            await press(pilot, screen, "semicolon")
        await press(pilot, "less_than_sign", "greater_than_sign", "left_curly_bracket", "right_curly_bracket")
        await press(pilot, "left_parenthesis", "right_parenthesis")
        assert replay.asked == ["step"] * 4 + [-10, 10, -300, 300, "slower", "faster"]


async def test_no_order_can_be_given(make_app, commands):
    app = make_app(replay=FakeReplay(), drills=RecordingDrills())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for screen in ("1", "2", "3", "4"):
            await press(pilot, screen)
            live = {active.binding.action for active in app.screen.active_bindings.values() if active.enabled}
            assert live & bindings.MUTATING == set()
        await press(pilot, "1", "n", "i", "x", "p")
        assert commands.orders == []


async def test_going_back_shows_what_was_then(make_app, clock):
    states = [make_plant(clock.at)]
    app = make_app(states[0], replay=FakeReplay(), current_state=lambda: states[-1])
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "15 sensors" in screen_text(app)
        states.append(PlantState())
        await settle(pilot)
        assert "0 sensors" in screen_text(app)
        states.append(make_plant(clock.at, broken=False))
        await settle(pilot)
        assert "15 sensors" in screen_text(app)
        assert "no alarm" in screen_text(app)


async def test_a_plant_has_no_such_keys(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "P", "semicolon")
        assert "Step" not in screen_text(app)
        await press(pilot, "question_mark")
        assert "REPLAY" not in screen_text(app)


def test_how_it_looks(snap_compare, make_app):
    async def settled(pilot) -> None:
        await settle(pilot)

    assert snap_compare(make_app(replay=FakeReplay(), banner="night.rec"), run_before=settled, terminal_size=SIZE)
