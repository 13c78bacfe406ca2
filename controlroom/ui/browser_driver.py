"""Textual's driver for a browser: `controlroom serve` starts a session with pipes in place of a terminal."""

from __future__ import annotations

import asyncio
import os

from textual.drivers import web_driver
from textual.messages import ExitApp

from controlroom.ui.terminal_driver import EscapeParser

# The driver makes its parser from this name of its module, and offers no other way to give it one.
web_driver.XTermParser = EscapeParser  # type: ignore[attr-defined]  # on purpose, see above

PACKET = 64 * 1024


class BrowserDriver(web_driver.WebDriver):
    """Ends the session when its server is gone, whatever happened to that."""

    def start_application_mode(self) -> None:
        """Start, and remember the loop that the application runs in."""
        self._app_loop = asyncio.get_running_loop()
        # In place of Textual's own way of writing: a pipe takes a part of what is more than it holds.
        self._write = self._write_all  # type: ignore[assignment]
        super().start_application_mode()

    def run_input_thread(self) -> None:
        """Hand on what the browser sends, until its end."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._end()

    def _write_all(self, data: bytes) -> int:
        try:
            written = 0
            while written < len(data):
                written += os.write(self.fileno, data[written : written + PACKET])
        except OSError:  # nobody reads it any more
            if not self.exit_event.is_set():
                self._end()
        return len(data)

    def _end(self) -> None:
        self.exit_event.set()
        try:
            asyncio.run_coroutine_threadsafe(self._app._post_message(ExitApp()), self._app_loop)  # noqa: SLF001 - as Textual's own driver does
        except RuntimeError:
            return  # the loop has ended by itself
