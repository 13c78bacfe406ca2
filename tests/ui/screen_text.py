"""What is on the screen, as text."""

from __future__ import annotations

from textual.app import App
from textual.pilot import Pilot


def screen_lines(app: App) -> list[str]:
    """The lines of the screen, as a terminal would show them."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


def screen_text(app: App) -> str:
    return "\n".join(screen_lines(app))


async def settle(pilot: Pilot) -> None:
    """Look at the plant once, and let everything be drawn."""
    await pilot.pause()
    pilot.app.tick()
    await pilot.pause()


async def press(pilot: Pilot, *keys: str) -> None:
    """Press keys, and let everything be drawn."""
    await pilot.press(*keys)
    await settle(pilot)
