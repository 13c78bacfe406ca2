"""What a sensor would show at a moment: one composable model per type.

A signal is computed on a scale on which 0 is the sensor's base and 1 its critical limit (a *span*, `Limits.span`), so a
sensor with limits of its own behaves as every other of its type. It is the sum of

- the machine's load with inertia (`load`): energy follows it in seconds, vibration in half a minute, temperature in a
  quarter of an hour; sensors on one machine are correlated through it;
- a daily cycle;
- slow and fast autocorrelated noise (`noise.Smooth`);
- white noise of one `sigma`, which is a fortieth of a span: faults are measured in it;
- a small offset of the sensor's own.

Every term is bounded, and their sum stays below 75 % of the way to the warning limit: normal work raises nothing. What
does cross a limit is a *natural anomaly*: a surge of half a minute to two, so rare (`Nature.anomalies_per_day`) that an
operator's demonstration does not flicker. `Nature.mix` asks for the original plan's share of readings at warning and
critical level instead.

The values are a pure function of (seed, sensor id, machine, limits, moment): nothing depends on what was asked before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.load import MEAN_LOAD, Inertia, Load
from simulator.noise import Smooth, gauss, key_of, uniform

#: One sigma of white noise, in spans. A spike of 40 sigma reaches from base to critical.
SIGMA = 1 / 40
_DAY = 86_400.0
_HOUR = 3600.0
_OWN_OFFSET = 0.02
#: The warning limit is never closer to base than this, in spans.
_WARNING_AT_LEAST = 0.6


@dataclass(frozen=True, slots=True)
class Model:
    """How a type of sensor behaves. All amplitudes in spans, times in seconds; noise as standard deviations."""

    load_gain: float
    load_tau: float
    #: amplitude of the daily cycle and the hour of its top; negative amplitude: of its bottom
    daily: float
    daily_top: float
    slow: float
    slow_knot: float
    fast: float
    fast_knot: float
    #: digits behind the point that the instrument shows
    decimals: int


MODELS: dict[str, Model] = {
    "temperature": Model(0.32, 900.0, 0.08, 15.0, 0.018, 1800.0, 0.008, 30.0, 2),
    "vibration": Model(0.28, 30.0, 0.0, 0.0, 0.012, 600.0, 0.012, 12.0, 3),
    "energy": Model(0.45, 8.0, 0.02, 14.0, 0.010, 900.0, 0.012, 30.0, 2),
    # Relative humidity falls as the hall warms.
    "humidity": Model(-0.05, 1800.0, -0.12, 15.0, 0.040, 3600.0, 0.008, 60.0, 2),
    # Weather: slow, and the same whatever the machines do.
    "pressure": Model(0.0, 60.0, 0.02, 10.0, 0.060, 21_600.0, 0.004, 300.0, 2),
}


@dataclass(frozen=True, slots=True)
class Nature:
    """What happens to sensors by themselves, without an injected fault."""

    #: surges beyond the warning limit, per sensor and day
    anomalies_per_day: float = 0.2
    #: shares of readings at warning and at critical level, 0 to 1; None: as the signals have it
    mix: tuple[float, float] | None = None


QUIET = Nature(anomalies_per_day=0.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Base and limits of one sensor, in its unit, and what its instrument can show."""

    base: float
    warning: float
    critical: float
    low: float
    high: float

    @property
    def span(self) -> float:
        """The unit of the models: from base to the critical limit; negative where low values are the dangerous ones.

        Shorter where the warning limit is close to base, because normal work has to stay clear of it.
        """
        to_critical, to_warning = self.critical - self.base, (self.warning - self.base) / _WARNING_AT_LEAST
        return to_critical if abs(to_critical) <= abs(to_warning) else to_warning

    def level(self, value: float) -> int:
        """0 normal, 1 warning, 2 critical."""
        if self.critical > self.base:
            return (value >= self.warning) + (value >= self.critical)
        return (value <= self.warning) + (value <= self.critical)


class Signal:
    """The value of one sensor at any moment."""

    __slots__ = (
        "_ahead", "_base", "_critical", "_daily_phase", "_fast", "_inertia", "_key", "_mix_key", "_model", "_nature",
        "_offset", "_slow", "_span", "_surge", "_surge_key", "_surge_slot", "_warning", "decimals", "limits", "sigma",
    )  # fmt: skip

    def __init__(
        self,
        seed: int,
        sensor_id: str,
        model: Model,
        limits: Limits,
        load: Load,
        nature: Nature = QUIET,
        *,
        ahead: int = 0,
    ) -> None:
        """`ahead`: milliseconds that the signal's own time is ahead of the time it is asked with."""
        self.limits = limits
        self._base, self._span = limits.base, limits.span
        self._ahead = ahead
        self.decimals = model.decimals
        #: standard deviation of the white noise, in the sensor's unit
        self.sigma = abs(self._span) * SIGMA
        self._model = model
        self._nature = nature
        self._inertia = Inertia(load, model.load_tau)
        self._slow = Smooth(key_of(seed, "slow", sensor_id), model.slow_knot)
        self._fast = Smooth(key_of(seed, "fast", sensor_id), model.fast_knot)
        self._key = key_of(seed, "white", sensor_id)
        self._mix_key = key_of(seed, "mix", sensor_id)
        self._surge_key = key_of(seed, "surge", sensor_id)
        self._surge_slot = -1
        self._surge: Surge | None = None
        self._offset = _OWN_OFFSET * (2 * uniform(self._key, -1) - 1)
        self._warning = (limits.warning - limits.base) / self._span
        self._critical = (limits.critical - limits.base) / self._span
        self._daily_phase = 2 * math.pi * (0.25 - model.daily_top / 24)

    def at(self, ms: int) -> float:
        """The value at `ms`, milliseconds since 1970, in the sensor's unit: not yet rounded, within the instrument."""
        ms += self._ahead
        t = ms / 1000
        u = self._normal(t) + SIGMA * gauss(self._key, ms)
        if self._nature.mix is not None:
            u = self._mixed(u, ms, *self._nature.mix)
        elif (surge := self._surge_at(t)) is not None:
            u = surge.shape(u, t)
        return self.clip(self._base + self._span * u)

    def clip(self, value: float) -> float:
        """What an instrument shows of a value beyond its range."""
        limits = self.limits
        return max(limits.low, min(limits.high, value))

    def _normal(self, t: float) -> float:
        model = self._model
        u = self._offset + model.slow * self._slow.at(t) + model.fast * self._fast.at(t)
        if model.load_gain:
            u += model.load_gain * (self._inertia.at(t) - MEAN_LOAD)
        if model.daily:
            u += model.daily * math.sin(2 * math.pi * (t / _DAY) + self._daily_phase)
        return u

    def _mixed(self, u: float, ms: int, warning: float, critical: float) -> float:
        """`u`, or in the shares asked for a value between the limits or beyond them."""
        draw = uniform(self._mix_key, ms)
        if draw < critical:
            return self._critical + 0.02 + 0.15 * draw / critical
        if draw < critical + warning:
            return self._warning + (self._critical - self._warning) * (0.1 + 0.8 * (draw - critical) / warning)
        return u

    def natural_anomaly(self, ms: int) -> str | None:
        """The name of the natural anomaly at `ms`, if there is one: ground truth, as an injected fault's id is."""
        if self._nature.mix is not None or not self._nature.anomalies_per_day:
            return None
        surge = self._surge_at((ms + self._ahead) / 1000)
        return None if surge is None else f"natural-{round(surge.start * 1000) - self._ahead}"

    def _surge_at(self, t: float) -> Surge | None:
        """There is at most one an hour."""
        slot = math.floor(t / _HOUR)
        if slot != self._surge_slot:
            self._surge_slot = slot
            self._surge = None
            if uniform(self._surge_key, 4 * slot) < self._nature.anomalies_per_day / 24:
                start = slot * _HOUR + 3400 * uniform(self._surge_key, 4 * slot + 1)
                seconds = 30 + 90 * uniform(self._surge_key, 4 * slot + 2)
                reach = self._critical + 0.1 - self._warning
                top = self._warning + reach * (0.15 + 0.85 * uniform(self._surge_key, 4 * slot + 3))
                self._surge = Surge(start, seconds, top)
        surge = self._surge
        return surge if surge is not None and surge.start <= t < surge.start + surge.seconds else None


@dataclass(frozen=True, slots=True)
class Surge:
    """A natural anomaly: a rise to `top` spans, held for most of its time so that a slow sensor sees it, and back."""

    start: float
    seconds: float
    top: float

    def shape(self, u: float, t: float) -> float:
        """`u`, spans, as the surge has it at `t`."""
        part = (t - self.start) / self.seconds
        return u + (self.top - u) * min(1.0, 5 * part, 5 * (1 - part))
