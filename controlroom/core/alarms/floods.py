"""Alarm floods after ISA-18.2: from more than 10 annunciations in 10 minutes to fewer than 5, per operator."""

from __future__ import annotations

import math
from collections import deque

import msgspec

__all__ = ["FLOOD_ENDS_BELOW", "FLOOD_STARTS_ABOVE", "WINDOW_S", "FloodMeter", "FloodPeriod"]

WINDOW_S = 600.0
FLOOD_STARTS_ABOVE = 10
FLOOD_ENDS_BELOW = 5


class FloodPeriod(msgspec.Struct, frozen=True):
    """A flood: from more than 10 annunciations in 10 minutes to fewer than 5, per operator."""

    start: float
    end: float
    annunciations: int


class FloodMeter:
    """Finds floods over a rolling 10 minutes; keeps the annunciations of the last 10 minutes only."""

    def __init__(self, operators: int) -> None:
        self._starts_above = FLOOD_STARTS_ABOVE * operators
        self._ends_below = FLOOD_ENDS_BELOW * operators
        self._recent: deque[float] = deque()
        self._since: float | None = None
        self._count = 0
        self._periods: list[FloodPeriod] = []

    def annunciated(self, at: float) -> None:
        """One more annunciation, not before the last one."""
        end = self._ended()
        if self._since is not None and end < at:
            self._periods.append(FloodPeriod(self._since, end, self._count))
            self._since = None
        while self._recent and self._recent[0] <= at - WINDOW_S:
            self._recent.popleft()
        self._recent.append(at)
        if self._since is not None:
            self._count += 1
        elif len(self._recent) > self._starts_above:
            self._since, self._count = at, len(self._recent)

    def _ended(self) -> float:
        """When the flood under way ends if nothing more comes: as the oldest of the last few leaves the window."""
        return self._recent[-self._ends_below] + WINDOW_S if self._since is not None else math.inf

    def periods(self, end: float) -> tuple[tuple[FloodPeriod, ...], float]:
        """All floods until ``end``, the one under way cut there, and their seconds."""
        periods = list(self._periods)
        if self._since is not None:
            periods.append(FloodPeriod(self._since, min(end, self._ended()), self._count))
        return tuple(periods), sum(p.end - p.start for p in periods)
