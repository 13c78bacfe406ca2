"""One browser's session: a process of its own that draws the control room, and the pipes to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

log = logging.getLogger(__name__)

#: A session that was told to end is ended with SIGTERM after so long, and killed after as long again.
QUIT_S = 5.0
#: Lines of its standard error that are logged if it fails.
LAST_LINES = 5
START = b"__GANGLION__\n"


class Session(AppService):
    """textual-serve's side of a session, with a process that is started without a shell and always comes to an end.

    Args:
        command: the program and its arguments.
        environment: of the process.
        write_bytes: sends what is drawn to the browser; likewise `write_str` messages and `close` the end.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        write_bytes: Callable[[bytes], Awaitable[None]],
        write_str: Callable[[str], Awaitable[None]],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(
            " ".join(command),
            write_bytes=write_bytes,
            write_str=write_str,
            close=close,
            download_manager=DownloadManager(),
        )
        self._arguments = command
        self._environment = dict(environment)
        self._errors: deque[str] = deque(maxlen=LAST_LINES)

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        """Start the process, in a session of its own: a Ctrl-C on the server's terminal is the server's alone."""
        size = {"COLUMNS": str(width), "ROWS": str(height)}
        process = self._process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment | size,
            start_new_session=True,
        )
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Hand on what the process draws, until its end; then tell the browser."""
        assert self._process is not None
        process = self._process
        assert process.stdout is not None
        errors = asyncio.create_task(self._read_errors(process))
        try:
            while (line := await process.stdout.readline()) not in {START, b""}:
                self._errors.append(line.decode("utf-8", "replace").rstrip())
            while True:
                head = await process.stdout.readexactly(5)
                payload = await process.stdout.readexactly(int.from_bytes(head[1:], "big"))
                if head[:1] == b"D":
                    await self.on_data(payload)
                elif head[:1] == b"M":
                    await self.on_meta(payload)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError, ValueError):
            pass  # the process has ended, or the browser has gone
        finally:
            await self._end(process)
            errors.cancel()
            if process.returncode:
                log.warning("a session has ended with status %s: %s", process.returncode, "; ".join(self._errors))
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self.remote_close()

    async def stop(self) -> None:
        """End the process, and wait until it has ended."""
        task, self._task = self._task, None
        if task is None:
            return
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self.send_meta({"type": "quit"})
        assert self._process is not None
        await self._end(self._process)
        task.cancel()
        await asyncio.wait([task], timeout=QUIT_S)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        for harder in (None, process.terminate, process.kill):
            if harder is not None:
                with contextlib.suppress(ProcessLookupError):
                    harder()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(QUIT_S):
                    await process.wait()
                    return

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            self._errors.append(line.decode("utf-8", "replace").rstrip())
