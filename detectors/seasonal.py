"""Seasonal residual: a value against what this time of the day and of the week usually brings."""

from __future__ import annotations

import math
from struct import Struct

import msgspec

from detectors.plain import plain_stores

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
DAY_BINS = 48
WEEK_BINS = 168
DAY_RATE = 0.15
WEEK_RATE = 0.3
LARGEST = 3e38
# Visits after which a knot is learned at its rate alone: more than 1 / rate of both.
KNOWN = 16
# Compiled once, and their methods looked up once: `update` runs for every reading of a slow sensor.
ONE, TWO = Struct("f"), Struct("2f")
READ_ONE, READ_TWO, WRITE_ONE, WRITE_TWO = ONE.unpack_from, TWO.unpack_from, ONE.pack_into, TWO.pack_into


@plain_stores
class Profile(msgspec.Struct, gc=False, array_like=True):
    """A cycle's mean by phase, at equal knots with straight lines between them; single precision, four bytes a knot.

    >>> day = Profile.of(86_400.0, 48, 0.15)
    >>> for i in range(480):
    ...     _ = day.update(i * 1800.0, float(i % 48))
    >>> day.update(480 * 1800.0 + 900.0, 0.5)
    0.0
    """

    period: float
    bins: int
    rate: float
    knots: bytearray
    counts: bytearray

    @classmethod
    def of(cls, period: float, bins: int, rate: float) -> Profile:
        """An empty profile of a cycle of `period` seconds with `bins` knots, learned at `rate` per visit."""
        return cls(period, bins, rate, bytearray(4 * bins), bytearray(bins))

    def update(self, t: float, x: float) -> float:
        """Take a value, within `LARGEST`, at time `t` (seconds); the residual, NaN where the phase was not seen yet."""
        bins, period = self.bins, self.period
        u = t % period / period * bins
        i = int(u)
        if i + 1 < bins:
            counts = self.counts
            if counts[i] == KNOWN and counts[i + 1] == KNOWN:
                f = u - i
                knots, rate = self.knots, self.rate
                a, b = READ_TWO(knots, 4 * i)
                WRITE_TWO(knots, 4 * i, a + (1.0 - f) * rate * (x - a), b + f * rate * (x - b))
                residual: float = x - (a + (b - a) * f)
                return residual
        return self._seldom(u, x)

    def _seldom(self, u: float, x: float) -> float:
        """The same where a knot is not known yet, or the cycle closes; `u` is the phase in knots."""
        counts, knots = self.counts, self.knots
        i = int(u)
        if i >= self.bins:
            i = 0
        f = u - i
        j = i + 1 if i + 1 < self.bins else 0
        (a,) = READ_ONE(knots, 4 * i)
        (b,) = READ_ONE(knots, 4 * j)
        if not counts[i]:
            residual = math.nan
        elif not counts[j]:
            residual = x - a
        else:
            residual = x - (a + (b - a) * f)
        if counts[i] == KNOWN and counts[j] == KNOWN:
            a += (1.0 - f) * self.rate * (x - a)
            b += f * self.rate * (x - b)
        else:
            a = self._learn(i, a, 1.0 - f, x)
            b = self._learn(j, b, f, x)
        WRITE_ONE(knots, 4 * i, a)
        WRITE_ONE(knots, 4 * j, b)
        return residual

    def _learn(self, i: int, knot: float, weight: float, x: float) -> float:
        """A knot that was seldom visited: the plain mean of its visits, until that is slower than the rate."""
        count = self.counts[i]
        if not count:
            if weight < 0.5:
                return knot
            self.counts[i] = 1
            return x
        if count < KNOWN:
            self.counts[i] = count + 1
        return knot + weight * max(self.rate, 1.0 / (count + 1)) * (x - knot)


@plain_stores
class Seasonal(msgspec.Struct, gc=False, array_like=True):
    """Residuals from the profile of the day and, from the second week on, of the week: the smaller of the two.

    >>> seasonal = Seasonal()
    >>> for i in range(480):
    ...     _ = seasonal.update(i * 1800.0, float(i % 48))
    >>> seasonal.update(480 * 1800.0, 5.0)
    5.0
    """

    start: float = math.nan
    day: Profile = msgspec.field(default_factory=lambda: Profile.of(DAY_S, DAY_BINS, DAY_RATE))
    week: Profile = msgspec.field(default_factory=lambda: Profile.of(WEEK_S, WEEK_BINS, WEEK_RATE))

    def update(self, t: float, x: float) -> float:
        """Take a value at event time `t` (seconds since the epoch); its residual, 0.0 before the second day."""
        if self.start != self.start:
            self.start = t
        if not -LARGEST < x < LARGEST:
            x = math.copysign(LARGEST, x)
        day = self.day.update(t, x)
        week = self.week.update(t, x)
        age = t - self.start
        if age < 1.02 * DAY_S or day != day:
            return 0.0
        if age < 7.1 * DAY_S or week != week:
            return day
        return week if abs(week) < abs(day) else day
