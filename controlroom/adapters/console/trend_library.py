"""The trends that an operator saves, from a screen: asked for on any thread, done in turn on the link's loop."""

from __future__ import annotations

import asyncio

from controlroom.adapters.console.background import BackgroundActions
from controlroom.adapters.postgres.trend_store import TrendStore
from controlroom.core.plant_state import PlantState
from controlroom.core.sanitise import sanitise
from controlroom.core.trends import LONGEST_NAME


class TrendLibrary(BackgroundActions):
    """Implements `controlroom.ports.TrendLibrary`: every method returns at once; the outcome is a notice.

    Args:
        store: where trends are kept.
        loop: where the store lives.
        state: where the outcome is told.
    """

    def __init__(self, store: TrendStore, *, loop: asyncio.AbstractEventLoop, state: PlantState) -> None:
        super().__init__(loop=loop, state=state)
        self._store = store
        self._turn = asyncio.Lock()

    def save(self, name: str, trend: str, *, replace: bool = False) -> None:
        """Keep a trend, as `encode_trend` has it, under a name."""

        async def work() -> None:
            async with self._turn:
                await self._store.save(name, trend, replace=replace)
            self.tell(f"trend {sanitise(name, limit=LONGEST_NAME)} saved: all operators can open it", "info")

        self.start(work)

    def remove(self, name: str) -> None:
        """Forget a trend."""

        async def work() -> None:
            async with self._turn:
                await self._store.remove(name)
            self.tell(f"trend {sanitise(name, limit=LONGEST_NAME)} removed", "info")

        self.start(work)

    async def close(self) -> None:
        """Let what is under way finish, for a moment, and go."""
        await super().close()
        await self._store.close()
