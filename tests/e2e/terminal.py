"""A real terminal for tests: the program runs in a pty, an emulator keeps the screen that a person would see."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import pexpect
import psutil
import pyte

#: Slow machines run these tests too; nothing waits for longer than what it waits for takes.
PATIENCE_S = 90.0


class Terminal:
    """A program on a terminal of `columns` x `lines`."""

    def __init__(
        self, command: list[str], *, columns: int = 80, lines: int = 24, env: dict[str, str] | None = None
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})}
        self._stalled = False
        self._sent = bytearray()
        self.child = pexpect.spawn(command[0], command[1:], dimensions=(lines, columns), env=environment, timeout=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.close(force=True)

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def press(self, *keys: str) -> None:
        """Type these keys, one after the other, as a person does: each is on its own."""
        for key in keys:
            self.child.send(key)
            self._read(0.15)

    @property
    def sent(self) -> bytes:
        """What the program has sent to the terminal: the last 100,000 bytes."""
        return bytes(self._sent)

    def resize(self, columns: int, lines: int) -> None:
        """Another size."""
        self.screen.resize(lines, columns)
        self.child.setwinsize(lines, columns)

    def stall(self) -> None:
        """Take nothing any more, as a terminal does after Ctrl-S, or a link that is dead."""
        self._stalled = True

    def go_on(self) -> None:
        """Take what comes again."""
        self._stalled = False

    def suspend(self, patience: float = PATIENCE_S) -> None:
        """Stop the program as job control does (SIGTSTP), and wait until it has stopped."""
        os.kill(self.child.pid, signal.SIGTSTP)
        deadline = time.monotonic() + patience
        while psutil.Process(self.child.pid).status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < deadline, "it did not stop"
            self._read(0.05)
        self._read(0.1)

    def resume(self) -> None:
        """Let it go on (SIGCONT), on a screen that holds nothing of it: the shell has had it."""
        self.screen.reset()
        os.kill(self.child.pid, signal.SIGCONT)

    @property
    def restored(self) -> bool:
        """Whether the last that was sent gave the screen back: the alternate one left, the cursor shown."""
        end = bytes(self._sent[-2000:])
        return b"\x1b[?1049l" in end and b"\x1b[?25h" in end

    def wait_for(self, wanted: str | Callable[[str], object], patience: float = PATIENCE_S) -> str:
        """Read until the screen holds `wanted`; the screen then. AssertionError shows the last screen."""
        holds = wanted if callable(wanted) else lambda text: wanted in text
        deadline = time.monotonic() + patience
        while not holds(self.text):
            assert self.child.isalive(), f"the program ended ({self.child.exitstatus}):\n{self.text}"
            assert time.monotonic() < deadline, f"{wanted!r} did not come:\n{self.text}"
            self._read(0.1)
        return self.text

    def wait_for_end(self, patience: float = PATIENCE_S, *, reading: bool = True) -> int:
        """Read (or, as a stalled terminal does, do not) until the program has ended; its exit status."""
        deadline = time.monotonic() + patience
        while self.child.isalive():
            assert time.monotonic() < deadline, f"it did not end:\n{self.text}"
            if reading:
                self._read(0.1)
            else:
                time.sleep(0.1)
        self.child.wait()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus)

    def _read(self, seconds: float) -> None:
        assert not self._stalled, "a stalled terminal is not read"
        try:
            read = self.child.read_nonblocking(65_536, timeout=seconds)
            self._sent = (self._sent + read)[-100_000:]
            self._stream.feed(read)
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF:
            time.sleep(0.05)
