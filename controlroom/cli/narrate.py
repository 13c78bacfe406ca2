"""Tell the steps of `up` and `down` on stderr: lines that stay, and on a terminal one line that changes."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, TextIO

from controlroom.logs import say, writes_json

if TYPE_CHECKING:
    from controlroom.local import Step

_QUIET = 2.0


class Narrator:
    """A `Progress` for people.

    Finished steps are lines with the seconds they took. On a terminal the last line shows what is under way; elsewhere
    a step's beginning is a line too, and a long step gets another one every two seconds.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() and not writes_json()
        self._under_way: dict[str, str] = {}
        self._told: dict[str, float] = {}

    def __call__(self, step: Step) -> None:
        """Tell one step."""
        if step.done:
            self._under_way.pop(step.name, None)
            self._told.pop(step.name, None)
            self._line(f"{step.text} ({step.seconds:.1f} s)")
        else:
            self._under_way[step.name] = step.text
            if not self._live and self._due(step.name):
                self._line(step.text)
        if self._live:
            self._show()

    def _due(self, name: str) -> bool:
        now = time.monotonic()
        if now - self._told.get(name, -_QUIET) < _QUIET:
            return False
        self._told[name] = now
        return True

    def _line(self, text: str) -> None:
        if writes_json():
            say(text)
            return
        clear = "\r\x1b[K" if self._live else ""
        print(f"{clear}  {text}", file=self._stream, flush=True)

    def _show(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        text = "; ".join(self._under_way.values())
        print(f"\r\x1b[K  {text}"[: width + 4] if text else "\r\x1b[K", end="", file=self._stream, flush=True)
