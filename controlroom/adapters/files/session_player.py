"""Plays a recording: a state that becomes what the plant was, at the pace that the operator chooses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec

from controlroom.adapters.files.recordings import RecordingReader
from controlroom.core.plant_state import PlantState
from controlroom.core.recording import Entry, apply

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 60.0)
_TICK_S = 0.05
#: entries that are applied between two looks at what the operator wants
_BATCH = 2_000


class SessionPlayer:
    """Implements `controlroom.ports.SessionReplay`. Its clock is that of the recording.

    Going back begins anew and plays up to there: a recording holds what changed, not what was.

    Args:
        reader: the recording.
        speed: seconds of it in one second.
        begin_s: where to begin, seconds from its start.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        reader: RecordingReader,
        *,
        speed: float = 1.0,
        begin_s: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self.state = PlantState()
        self.speed = speed
        self.paused = False
        self.ended = False
        self._start = reader.header.started_at
        self._position = self._start
        self._target = self._start + max(0.0, begin_s)
        self._looked_at = monotonic()
        self._entries: Iterator[Entry] = reader.entries()
        self._next: Entry | None = None
        self._pull()

    # --- what the screen asks

    def now(self) -> datetime:
        """The time in the recording."""
        return datetime.fromtimestamp(self._position, UTC)

    @property
    def position_s(self) -> float:
        """Seconds from the start of the recording."""
        return self._position - self._start

    @property
    def seeking(self) -> bool:
        """Whether it is on its way to where the operator wants to be."""
        return self._target - self._position > 1.0 and not self.ended

    @property
    def cut_off(self) -> bool:
        """Whether the recording ended without its end having been written."""
        return self.ended and self._reader.cut_off

    # --- what the operator wants; from any thread, each returns at once

    def toggle(self) -> None:
        """Pause, or go on."""
        with self._lock:
            self.paused = not self.paused

    def step(self) -> None:
        """Pause, and go on to the next thing that was seen."""
        with self._lock:
            self.paused = True
            if self._next is not None:
                self._target = self._next.at

    def seek(self, seconds: float) -> None:
        """Go this far ahead, or back."""
        with self._lock:
            target = max(self._start, self._position + seconds)
            if target < self._position:
                self._rewind()
            self._target = target

    def faster(self) -> None:
        """The next higher speed."""
        self.speed = next((speed for speed in SPEEDS if speed > self.speed), SPEEDS[-1])

    def slower(self) -> None:
        """The next lower speed."""
        self.speed = next((speed for speed in reversed(SPEEDS) if speed < self.speed), SPEEDS[0])

    # --- playing

    def start(self) -> None:
        """Play, on a thread of its own."""
        self._looked_at = self._monotonic()
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def advance(self) -> None:
        """Play up to where the recording should be by now; a long way is gone in pieces, so that keys are heard."""
        with self._lock:
            now = self._monotonic()
            if not self.paused and not self.seeking and not self.ended:
                self._target += (now - self._looked_at) * self.speed
            self._looked_at = now
            for _ in range(_BATCH):
                if self._next is None or self._next.at > self._target:
                    self._position = self._target if self._next is not None else min(self._target, self._position)
                    return
                # Probes and readings of different threads may be some microseconds out of order.
                self._position = max(self._position, self._next.at)
                try:
                    apply(self._next, self.state)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    self.state.rejected += 1
                self._pull()

    def _pull(self) -> None:
        self._next = next(self._entries, None)
        if self._next is None:
            self.ended = True

    def _rewind(self) -> None:
        self.state = PlantState()
        self._entries = self._reader.entries()
        self._position, self.ended = self._start, False
        self._pull()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.advance()
            if not self.seeking:
                self._stop.wait(_TICK_S)
