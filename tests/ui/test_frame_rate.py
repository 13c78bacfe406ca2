"""A terminal that is slow to take what is drawn is drawn on less often; one that takes nothing is not drawn on."""

from __future__ import annotations

from controlroom.ui.frame_rate import LONGEST_S, FrameRate
from tests.ui.screen_text import screen_lines, settle

SIZE = (80, 24)


def test_nothing_is_drawn_while_something_waits():
    pace = FrameRate()
    assert not any(pace.due(3, 0.2 * tick) for tick in range(500))


def test_the_pause_is_bounded_and_the_present_comes_soon_after_the_stall():
    pace = FrameRate()
    for tick in range(500):
        pace.due(1, 0.2 * tick)
    drawn = [now for tick in range(100) if pace.due(0, now := 100.0 + 0.2 * tick)]
    assert drawn[0] - 100.0 <= LONGEST_S
    assert drawn[-1] - drawn[-2] < 0.3  # as often as before


def test_a_quick_terminal_is_drawn_on_at_every_tick():
    pace = FrameRate()
    assert all(pace.due(0, 0.2 * tick) for tick in range(100))
    assert not pace.slow


async def test_the_screen_waits_for_the_terminal(app, clock, monkeypatch):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        monkeypatch.setattr(app, "_waiting", lambda: 2)
        shown = screen_lines(app)[0]
        clock.move(60)
        app.tick()
        await pilot.pause()
        assert screen_lines(app)[0] == shown
