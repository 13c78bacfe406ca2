"""What an operator tells the detectors from a screen: ordered in PostgreSQL, and told when a worker has done it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from controlroom.adapters.console.background import BackgroundActions
from controlroom.adapters.postgres.learning import LearningStore
from controlroom.adapters.postgres.session import PASSING_ERRORS
from controlroom.core.learning import LearningAction
from controlroom.core.plant_state import PlantState
from controlroom.core.sanitise import sanitise

#: Workers look every second, and at once when they are told: who has not done it by now is not there.
PATIENCE_S = 5.0
LOOK_S = 0.2


class LearningControl(BackgroundActions):
    """Implements `controlroom.ports.LearningControl`.

    Args:
        store: where it is ordered.
        group: of the workers that are to do it.
        loop: where the store lives.
        state: where the outcome is told.
    """

    def __init__(self, store: LearningStore, group: str, *, loop: asyncio.AbstractEventLoop, state: PlantState) -> None:
        super().__init__(loop=loop, state=state)
        self._store = store
        self._group = group
        #: its connection takes one question at a time
        self._turn = asyncio.Lock()

    def freeze(self, sensors: Sequence[str], reason: str = "") -> None:
        """Stop learning until it is thawed."""
        self._order(sensors, LearningAction.FREEZE, "learning is frozen", reason)

    def thaw(self, sensors: Sequence[str], reason: str = "") -> None:
        """Go on learning; a maintenance window that is open ends."""
        self._order(sensors, LearningAction.THAW, "learning goes on", reason)

    def reset(self, sensors: Sequence[str], reason: str) -> None:
        """Forget all that was learned."""
        self._order(sensors, LearningAction.RESET, "all is forgotten and learned anew", reason)

    def accept(self, sensors: Sequence[str], reason: str = "") -> None:
        """What is held is the new normal."""
        self._order(sensors, LearningAction.ACCEPT, "what is held is normal from now on", reason)

    def maintenance(self, sensors: Sequence[str], start: float, end: float, reason: str) -> None:
        """Learn nothing in this window."""
        until = f"{datetime.fromtimestamp(end, UTC):%Y-%m-%d %H:%M} UTC"
        self._order(sensors, LearningAction.MAINTENANCE, f"in maintenance until {until}", reason, start=start, end=end)

    async def close(self) -> None:
        """Let what is under way finish, for a moment, and go."""
        await super().close()
        await self._store.close()

    def _order(
        self,
        sensors: Sequence[str],
        action: LearningAction,
        done: str,
        reason: str,
        *,
        start: float | None = None,
        end: float | None = None,
    ) -> None:
        meant = list(sensors)
        named = sanitise(meant[0]) if len(meant) == 1 else f"{len(meant)} sensors"

        async def work() -> None:
            async with self._turn:
                orders = await self._store.order(meant, action, reason=reason, start=start, end=end)
            if await self._carried_out(orders):
                self.tell(f"{named}: {done}", "info")
            else:
                self.tell(f"{named}: ordered; it is done when a worker runs that watches it", "warning")

        self.start(work)

    async def _carried_out(self, orders: Sequence[int]) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                async with self._turn:
                    if await self._store.applied(self._group, orders) == len(orders):
                        return True
            except PASSING_ERRORS:
                return False  # it is ordered; what became of it stands on the sensor's screen when the database is back
            await asyncio.sleep(LOOK_S)
        return False
