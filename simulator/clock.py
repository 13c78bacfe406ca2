"""Simulated time: the wall clock's, or a multiple of its pace that starts at it and runs ahead."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Milliseconds since 1970 as the simulated plant has them.

    At speed 1 that is the wall clock, with its steps. At another speed the time starts where `start` says and goes
    `speed` times as fast as a monotonic clock; `hold_back` slows it when the machine cannot keep up.
    """

    def __init__(
        self,
        speed: float = 1.0,
        start: int | None = None,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.speed = speed
        self._wall = wall
        self._monotonic = monotonic
        self._follows_wall = speed == 1.0 and start is None
        self._origin = round(wall() * 1000) if start is None else start
        self._started = monotonic()

    @property
    def follows_wall(self) -> bool:
        """Whether it is the wall clock."""
        return self._follows_wall

    def now(self) -> int:
        """Milliseconds since 1970, simulated."""
        if self._follows_wall:
            return round(self._wall() * 1000)
        return self._origin + round((self._monotonic() - self._started) * 1000 * self.speed)

    def seconds_until(self, moment: int) -> float:
        """Real seconds until `moment` (simulated milliseconds); not positive when it has come."""
        return (moment - self.now()) / 1000 / self.speed

    def hold_back(self, moment: int) -> None:
        """Let it be `moment` now, and go on from there. The wall clock does not listen."""
        if not self._follows_wall:
            self._origin, self._started = moment, self._monotonic()
