"""How far a run may go: its clock, its beginning and its end, and what is done when it falls behind."""

from __future__ import annotations

from collections.abc import Callable

from simulator.clock import Clock
from simulator.engine import Engine
from simulator.options import Options

#: Readings taken in one go before others get their turn on the loop.
CHUNK = 200
#: Real seconds of standing still after which a real-time plant does not make up for what it missed.
_SKIP_AFTER_S = 10.0
#: Real seconds by which a faster plant may be behind before its time is held back.
_HOLD_AFTER_S = 1.0


class Pace:
    """Simulated time and its bounds. Times are simulated milliseconds since 1970.

    Args:
        options: speed, start, duration, number of readings.
        tell: hears one line for the person who watches.
        clock: for tests; None: one as the options say.
    """

    def __init__(self, options: Options, tell: Callable[[str], None], clock: Clock | None = None) -> None:
        self.clock = Clock(options.speed, options.start) if clock is None else clock
        #: where the time of this run began; None before it has sensors
        self.began: int | None = None
        #: readings taken
        self.readings = 0
        self._options = options
        self._tell = tell
        self._last = self.clock.now()

    def begin(self, resumed: int | None) -> int:
        """The time at which sensors start or go on.

        Args:
            resumed: up to when another simulator may have had them, if one had.
        """
        clock = self.clock
        now = clock.now()
        if self.began is None and self._options.start is not None:
            # To the millisecond, however fast the clock runs on: the grid of reading times begins here.
            now = self._options.start
        elif resumed is not None and not clock.follows_wall:
            # A faster simulation was ahead of the wall clock: no moment may come twice.
            now = max(now, resumed)
        clock.hold_back(now)
        self._last = now
        if self.began is None:
            self.began = now
        return now

    @property
    def end(self) -> int | None:
        """Where the duration ends; None: nowhere."""
        duration = self._options.duration
        return None if duration is None or self.began is None else self.began + round(duration * 1000)

    def advance(self, engine: Engine) -> int:
        """Take what is due, a turn's worth of it; returns the number of readings."""
        now = self.clock.now()
        self._keep_up(engine, now)
        limit, end = self._options.readings, self.end
        budget = CHUNK if limit is None else min(CHUNK, limit - self.readings)
        taken = engine.advance(now if end is None else min(now, end), budget)
        self.readings += taken
        return taken

    def finished(self, engine: Engine | None) -> bool:
        """Whether everything that was asked for has been taken."""
        limit, end = self._options.readings, self.end
        if limit is not None and self.readings >= limit:
            return True
        if end is None or self.clock.now() < end:
            return False
        # What falls due within the duration is taken even if the machine is behind.
        due = None if engine is None else engine.next_due
        return due is None or due > end

    def _keep_up(self, engine: Engine, now: int) -> None:
        """Deal with a clock that was stepped, a process that stood still, a machine that is too slow."""
        clock, due, last = self.clock, engine.next_due, self._last
        self._last = now
        behind = 0.0 if due is None else (now - due) / 1000 / clock.speed
        if not clock.follows_wall:
            if due is not None and behind > _HOLD_AFTER_S:
                clock.hold_back(due)
        elif behind > _SKIP_AFTER_S:
            self._tell(f"{behind:.0f} s behind: the readings of that time are left out")
            engine.realign(now)
        elif last - now > _SKIP_AFTER_S * 1000:
            self._tell("the clock was set back")
            engine.realign(now)
