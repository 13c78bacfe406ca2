"""What actions and questions of an operator have in common: asked on any thread, done on the loop of the link."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal

from controlroom.core.plant_state import PlantState
from controlroom.errors import ControlroomError

STOP_TIMEOUT_S = 2.0


class BackgroundActions:
    """Starts what is asked for and returns at once.

    Args:
        loop: where it is done.
        state: where the outcome is told.
    """

    def __init__(self, *, loop: asyncio.AbstractEventLoop, state: PlantState) -> None:
        self._loop = loop
        self._state = state
        self._running: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Let what is under way finish, for a moment; what takes longer is given up."""
        if self._running:
            _, hanging = await asyncio.wait(self._running, timeout=STOP_TIMEOUT_S)
            for task in hanging:
                task.cancel()

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it; an error is told in one line."""

        async def told() -> None:
            try:
                await work()
            except ControlroomError as error:
                self.tell(str(error), "error")

        def begin() -> None:
            task = self._loop.create_task(told())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        self._loop.call_soon_threadsafe(begin)

    def tell(self, text: str, level: Literal["info", "warning", "error"]) -> None:
        """Tell the operator."""
        self._state.notify(text, datetime.now(UTC), level)
