"""The log of the shift from a screen: asked for on any thread, done in turn on the link's loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from controlroom.adapters.console.background import BackgroundActions
from controlroom.adapters.postgres.handovers import Handovers
from controlroom.core.plant_state import PlantState
from controlroom.errors import ControlroomError


class BackgroundShiftLog(BackgroundActions):
    """Implements `controlroom.ports.ShiftLog`.

    Args:
        store: where notes and handovers are.
        loop: where the store lives.
        state: where the report and the outcome are told.
    """

    def __init__(self, store: Handovers, *, loop: asyncio.AbstractEventLoop, state: PlantState) -> None:
        super().__init__(loop=loop, state=state)
        self._store = store
        self._turn = asyncio.Lock()
        self._asked = False

    def report(self) -> None:
        """Ask for the report of the running shift; a question that is not answered yet is not asked again."""

        async def read() -> None:
            self._asked = False
            answers = self._state.archive.shift
            try:
                answers.put("", (await self._store.running(), await self._store.unsigned()), time.time())
            except ControlroomError as error:
                answers.fail("", error.message, time.time())

        if not self._asked:
            self._asked = True
            self._in_turn(read)

    def note(self, text: str) -> None:
        """Write a note into the log of the shift."""

        async def write() -> None:
            await self._store.note(text)
            self.tell("note kept", "info")

        self._in_turn(write)
        self.report()

    def give(self) -> None:
        """End the shift."""

        async def write() -> None:
            given = await self._store.give()
            self.tell(f"handover {given.number} is given: whoever takes over signs it", "info")

        self._in_turn(write)
        self.report()

    def sign(self, number: int, remark: str = "") -> None:
        """Take over."""

        async def write() -> None:
            await self._store.sign(number, remark)
            self.tell(f"handover {number} is signed", "info")

        self._in_turn(write)
        self.report()

    async def close(self) -> None:
        """Let what is under way finish, for a moment, and go."""
        await super().close()
        await self._store.close()

    def _in_turn(self, work: Callable[[], Awaitable[None]]) -> None:
        async def in_turn() -> None:
            async with self._turn:
                await work()

        # After the link has ended there is no loop any more, and nobody who would look.
        with contextlib.suppress(RuntimeError):
            self.start(in_turn)
