"""An operator's actions on alarms from a screen: asked for on any thread, done in turn on the link's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from controlroom.adapters.console.background import BackgroundActions
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.core.alarms.model import Alarm
from controlroom.core.plant_state import PlantState
from controlroom.errors import ActionRefused


class BackgroundAlarmActions(BackgroundActions):
    """Implements `controlroom.ports.AlarmActions`: every method returns at once; the outcome is a notice.

    Args:
        store: where actions are done.
        loop: where the store lives.
        state: where the outcome is told.
    """

    def __init__(self, store: AlarmActionStore, *, loop: asyncio.AbstractEventLoop, state: PlantState) -> None:
        super().__init__(loop=loop, state=state)
        self._store = store
        self._turn = asyncio.Lock()

    def ack(self, sensor_id: str, kind: str, occurrence_id: str, version: int) -> None:
        """Acknowledge the occurrence as it was drawn."""
        self._do(sensor_id, kind, "acked", lambda: self._store.ack(sensor_id, kind, occurrence_id, version))

    def ack_page(self, seen: Sequence[tuple[str, str, str, int]]) -> None:
        """Acknowledge all that a page shows: (sensor id, kind, occurrence, version) of each."""
        page = list(seen)

        async def work() -> None:
            refused: list[str] = []
            for alarm in page:
                try:
                    await self._store.ack(*alarm)
                except ActionRefused as refusal:
                    refused.append(refusal.message)
            self.tell(f"acked {len(page) - len(refused)} of {len(page)}", "info")
            for message in refused:
                self.tell(message, "error")

        self._in_turn(work)

    def shelve(self, sensor_id: str, kind: str, seconds: float, reason: str, *, one_shot: bool = False) -> None:
        """Silence it for a time."""
        done = f"shelved for {seconds / 60:.0f} min"
        self._do(sensor_id, kind, done, lambda: self._store.shelve(sensor_id, kind, seconds, reason, one_shot=one_shot))

    def unshelve(self, sensor_id: str, kind: str) -> None:
        """End a shelve before its time."""
        self._do(sensor_id, kind, "un-shelved", lambda: self._store.unshelve(sensor_id, kind))

    def out_of_service(self, sensor_id: str, kind: str, reason: str) -> None:
        """Take it out of service."""
        self._do(sensor_id, kind, "out of service", lambda: self._store.out_of_service(sensor_id, kind, reason))

    def return_to_service(self, sensor_id: str, kind: str) -> None:
        """Maintenance is over."""
        self._do(sensor_id, kind, "back in service", lambda: self._store.return_to_service(sensor_id, kind))

    def reset(self, sensor_id: str, kind: str) -> None:
        """Reset its latch."""
        self._do(sensor_id, kind, "latch reset", lambda: self._store.reset(sensor_id, kind))

    def comment(self, sensor_id: str, kind: str, text: str) -> None:
        """Add a note to its journal."""
        self._do(sensor_id, kind, "comment kept", lambda: self._store.comment(sensor_id, kind, text))

    def mark_false(self, sensor_id: str, kind: str, reason: str = "") -> None:
        """Call its latest occurrence a false alarm."""
        self._do(sensor_id, kind, "marked as false", lambda: self._store.mark_false(sensor_id, kind, reason))

    async def close(self) -> None:
        """Let what is under way finish, for a moment, and go."""
        await super().close()
        await self._store.close()

    def _do(self, sensor_id: str, kind: str, done: str, action: Callable[[], Awaitable[Alarm]]) -> None:
        async def work() -> None:
            await action()
            self.tell(f"{sensor_id} {kind}: {done}", "info")

        self._in_turn(work)

    def _in_turn(self, work: Callable[[], Awaitable[None]]) -> None:
        async def in_turn() -> None:
            async with self._turn:
                await work()

        self.start(in_turn)
