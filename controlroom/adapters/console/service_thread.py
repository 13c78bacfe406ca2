"""A service on a thread of its own with an event loop of its own, so that nothing a screen does can stop it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

from controlroom.errors import ControlroomError

log = logging.getLogger(__name__)


class ServiceThread:
    """Runs `service(stop)` until it returns or is asked to stop; keeps the error it ended with.

    Args:
        on_error: hears that error, on the service's thread.
    """

    def __init__(
        self,
        name: str,
        service: Callable[[asyncio.Event], Awaitable[None]],
        on_error: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._on_error = on_error
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self.error: BaseException | None = None
        # A daemon: should the service not end in time, the process still does.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start it; returns when its loop runs."""
        self._thread.start()
        self._started.wait()

    def ask_to_stop(self) -> None:
        """Ask it to end; does not wait."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(self._stop.set)
            except RuntimeError:
                log.debug("%s has ended already", self.name)

    def join(self, timeout: float) -> bool:
        """Wait for its end; whether it came in time."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self.error = error
            log.error("%s ended: %s", self.name, error, exc_info=not isinstance(error, ControlroomError))
            self._on_error(error)
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._started.set()
        await self._service(self._stop)
