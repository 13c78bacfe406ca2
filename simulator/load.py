"""The load of a machine: shifts, steps, and the inertia with which its quantities follow.

All sensors on one machine share its load, which is what correlates them.
"""

from __future__ import annotations

import math

from simulator.noise import key_of, uniform

#: Seconds of the shortest plan: in each such block the load changes once, at a moment of its own.
BLOCK = 1200.0
_DAY = 86_400.0
_HOUR = 3600.0
#: The load's levels by shift: lowest, highest (1 is full load).
_DAY_SHIFTS = (0.45, 1.0)
_NIGHT_SHIFT = (0.25, 0.55)
_WEEKEND = (0.15, 0.35)
#: the load around which all models are centred
MEAN_LOAD = 0.6


class Load:
    """The planned load of one machine, 0 to 1: a step function of time.

    Day shifts from 06 to 22 h, a slower night shift, idling at weekends; within a shift the load steps about every 20
    minutes. Time is in seconds since 1970-01-01 (a Thursday), UTC.
    """

    __slots__ = ("_key",)

    def __init__(self, seed: int, machine: str) -> None:
        self._key = key_of(seed, "load", machine)

    def step(self, index: int) -> tuple[float, float]:
        """When step number `index` happens, seconds, and the level from then on."""
        start = (index + 0.9 * uniform(self._key, 2 * index)) * BLOCK
        low, high = _range_at(start)
        return start, low + (high - low) * uniform(self._key, 2 * index + 1)

    def index_at(self, t: float) -> int:
        """The number of the last step at or before `t`."""
        index = math.floor(t / BLOCK)
        return index if self.step(index)[0] <= t else index - 1


def _range_at(t: float) -> tuple[float, float]:
    if (math.floor(t / _DAY) + 3) % 7 >= 5:  # Monday is 0
        return _WEEKEND
    return _DAY_SHIFTS if 6 * _HOUR <= t % _DAY < 22 * _HOUR else _NIGHT_SHIFT


class Inertia:
    """A quantity that follows the load with first-order inertia: warm-up and cool-down with time constant `tau`.

    Between two steps the response is `level + c * exp(-(t - step) / tau)`; `c` follows from the steps of the last eight
    time constants, before which nothing is felt (e**-8, 0.03 %), so no moment needs all the history.
    """

    __slots__ = ("_c", "_from", "_level", "_load", "_reach", "_tau", "_to")

    def __init__(self, load: Load, tau: float) -> None:
        self._load = load
        self._tau = tau
        self._reach = math.ceil(8 * tau / BLOCK) + 1
        self._from = self._to = self._level = self._c = 0.0

    def at(self, t: float) -> float:
        """The response at `t`, on the load's scale (0 to 1)."""
        if not self._from <= t < self._to:
            self._find(t)
        return self._level + self._c * math.exp((self._from - t) / self._tau)

    def _find(self, t: float) -> None:
        """Settle on the stretch between two steps that `t` is in."""
        load, last = self._load, self._load.index_at(t)
        at, level = load.step(last - self._reach)
        c = 0.0
        for index in range(last - self._reach + 1, last + 1):
            following, following_level = load.step(index)
            c = level + c * math.exp((at - following) / self._tau) - following_level
            at, level = following, following_level
        self._from, self._level, self._c = at, level, c
        self._to = load.step(last + 1)[0]
