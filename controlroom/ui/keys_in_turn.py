"""Keys take effect one after the other, however quickly they are typed."""

from __future__ import annotations

import time
from collections import deque

from textual.app import App
from textual.driver import Driver
from textual.events import Event, Key
from textual.message import Message

#: a key that has not come back after so long went down with its widget: the next need not wait for it
_LOST_S = 1.0


class KeysInTurn(App[int]):
    """Gives a key to the screen when the key before it has had its effect.

    Textual gives each key to the widget that has the focus when it arrives. A key's binding takes effect later, after
    the key has passed from that widget to the application, so what follows at once goes to the old widget: 3 after Esc
    in a field is typed into the field. Here a message follows each key along its whole way, and the next key starts
    when it arrives.
    """

    class Done(Message):
        """The key before this has had its effect."""

    def __init__(self, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class=driver_class)
        self._waiting_keys: deque[Key] = deque()
        self._key_began: float | None = None

    async def on_event(self, event: Event) -> None:
        """Give a key to the screen, or keep it until it is its turn."""
        if not isinstance(event, Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._key_began is not None and time.monotonic() - self._key_began < _LOST_S:
            self._waiting_keys.append(event)
            self.set_timer(_LOST_S, self._next_if_lost)
        else:
            self._waiting_keys.append(event)
            await self._next_key()

    async def _next_if_lost(self) -> None:
        if self._key_began is None or time.monotonic() - self._key_began >= _LOST_S:
            await self._next_key()

    async def on_keys_in_turn_done(self, message: Done) -> None:
        """Give the next key to the screen."""
        # A change of the focus that the key has caused is in the application's queue by now: the next goes behind it.
        self.call_later(self._next_key)

    async def _next_key(self) -> None:
        self._key_began = None
        if not self._waiting_keys:
            return
        self._key_began = time.monotonic()
        way = self.focused or self.screen
        await super().on_event(self._waiting_keys.popleft())
        if not way.post_message(self.Done()):
            self.post_message(self.Done())
