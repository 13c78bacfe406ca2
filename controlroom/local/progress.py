"""What `up` and `down` tell while they work, and how they are told to give up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from controlroom.errors import PlantError


@dataclass(frozen=True)
class Step:
    """One step of bringing the plant up or down, told when it begins, when it gets on, and when it is done.

    Attributes:
        name: stable key of the step (`files`, `format`, `broker-1`, `database`, ...).
        text: one line for the operator.
        done: whether the step is complete.
        seconds: time since the step began.
    """

    name: str
    text: str
    done: bool
    seconds: float


_NOTICE = 0.1

Progress = Callable[[Step], None]


def silent(step: Step) -> None:
    """A `Progress` that tells nobody."""
    del step


class Cancelled(PlantError):
    """The start was called off before the plant was up; what it had started is stopped again."""


class Telling:
    """What is told of one step that is under way. Call it to replace the step's line."""

    def __init__(self, name: str, text: str, send: Progress) -> None:
        self._name = name
        self._text = text
        self._send = send
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        """Tell that the step has got on."""
        self._text = text
        self._send(self._step(done=False))

    def conclude(self, text: str) -> None:
        """Choose the line that the step ends with."""
        self._text = text

    def end(self) -> None:
        """Tell that the step is complete."""
        self._send(self._step(done=True))

    def _step(self, *, done: bool) -> Step:
        return Step(self._name, self._text, done=done, seconds=time.monotonic() - self._began)


class Reporter:
    """Hands steps to one `Progress` from several threads, and carries the request to give up."""

    def __init__(self, progress: Progress, cancel: threading.Event | None = None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._cancel = cancel or threading.Event()
        self._aborted = threading.Event()

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[Telling]:
        """Tell a step's begin and, unless it fails, its end; yields what tells the rest."""
        telling = Telling(name, text, self._send)
        telling(text)
        yield telling
        telling.end()

    def check(self) -> None:
        """Raise `Cancelled` if the start was called off."""
        if self._cancel.is_set() or self._aborted.is_set():
            raise Cancelled("called off before the plant was up", hint="what had been started is stopped again")

    def pause(self, seconds: float) -> None:
        """Wait, but hardly longer than until the start is called off."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            self._aborted.wait(min(left, _NOTICE))
        self.check()

    def abort(self) -> None:
        """Call the start off from within, because a part of it failed."""
        self._aborted.set()

    def _send(self, step: Step) -> None:
        with self._lock:
            self._progress(step)
