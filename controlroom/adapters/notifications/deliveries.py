"""Notifications on their way: a receiver that hangs or fails holds up nobody but itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from controlroom.adapters.notifications.pending import PendingNotifications
from controlroom.adapters.notifications.sender import DeliveryFailed, Sender
from controlroom.core.alarms.dispatch import Message
from controlroom.core.alarms.policy import Policy, Receiver

log = logging.getLogger(__name__)

#: (receiver, message, why it failed or None)
Result = tuple[Receiver, Message, str | None]


class Deliveries:
    """One turn after the other on the connection of the worker on duty; messages are sent on threads in between.

    Args:
        policy: who is told.
        on_result: called when a message was sent or failed, so that the next turn comes soon.
    """

    def __init__(
        self, pending: PendingNotifications, sender: Sender, policy: Policy, on_result: Callable[[], None]
    ) -> None:
        self._pending = pending
        self._sender = sender
        self._policy = policy
        self._on_result = on_result
        self._results: list[Result] = []
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._threads = _threads(policy)
        self._failing: set[str] = set()

    def adopt(self, policy: Policy, sender: Sender) -> None:
        """Others are told from now on, by another sender; messages that are under way go on by the one before."""
        self._policy, self._sender = policy, sender
        self._pending.adopt(policy)
        before, self._threads = self._threads, _threads(policy)
        before.shutdown(wait=False)

    async def turn(self, connection: asyncpg.Connection) -> None:
        """Mark what has been sent, plan what is new, send what is due."""
        await self._mark(connection)
        while await self._pending.plan(connection):
            pass
        for receiver in self._policy.receiver:
            if receiver.name in self._busy:
                continue
            messages = await self._pending.take(connection, receiver)
            if messages:
                self._busy[receiver.name] = asyncio.create_task(self._send(receiver, messages))

    def close(self) -> None:
        """Start nothing more. What is under way was taken: if its outcome is not marked, it is sent again by its id."""
        for task in self._busy.values():
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _mark(self, connection: asyncpg.Connection) -> None:
        while self._results:
            receiver, message, error = self._results[0]
            if error is None:
                await self._pending.sent(connection, receiver, message)
                if receiver.name in self._failing:
                    log.warning("notifications to %s go out again", receiver.name)
                    self._failing.discard(receiver.name)
            else:
                await self._pending.failed(connection, receiver, message, error)
                if receiver.name not in self._failing:
                    log.warning("notifications to %s fail: %s; trying again", receiver.name, error)
                    self._failing.add(receiver.name)
            self._results.pop(0)
        for name in [name for name, task in self._busy.items() if task.done()]:
            del self._busy[name]

    async def _send(self, receiver: Receiver, messages: Sequence[Message]) -> None:
        loop, sender = asyncio.get_running_loop(), self._sender
        held: set[str] = set()
        try:
            for message in messages:
                if held & set(message.occurrences):
                    # An earlier change of the same alarm is not told yet: this one would overtake it.
                    continue
                try:
                    await loop.run_in_executor(self._threads, sender.send, receiver, message)
                except DeliveryFailed as error:
                    held |= set(message.occurrences)
                    self._results.append((receiver, message, error.message))
                except Exception as error:  # noqa: BLE001 - a plug-in's own error is a failed delivery too
                    held |= set(message.occurrences)
                    self._results.append((receiver, message, type(error).__name__))
                else:
                    self._results.append((receiver, message, None))
                self._on_result()
        finally:
            self._on_result()


def _threads(policy: Policy) -> ThreadPoolExecutor:
    """One for each receiver: one that hangs takes none from the others."""
    return ThreadPoolExecutor(max(1, len(policy.receiver)), thread_name_prefix="notify")
