"""Seasonal residual: a value against what this time of the day and of the week usually brings."""

from __future__ import annotations

import math
from struct import Struct

import msgspec

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
        """Take a value at time `t` (seconds); the residual, NaN where this phase was not seen yet."""
        if not -LARGEST < x < LARGEST:
            x = math.copysign(LARGEST, x)
        counts, knots, bins = self.counts, self.knots, self.bins
        period = self.period
        u = t % period / period * bins
        i = int(u)
        if i >= bins:
            i = 0
        f = u - i
        j = i + 1
        if j < bins:
            a, b = READ_TWO(knots, 4 * i)
        else:
            j = 0
            (a,) = READ_ONE(knots, 4 * i)
            (b,) = READ_ONE(knots, 0)
        first, second = counts[i], counts[j]
        if first == KNOWN and second == KNOWN:
            residual = x - (a + (b - a) * f)
            rate = self.rate
            a += (1.0 - f) * rate * (x - a)
            b += f * rate * (x - b)
        else:
            if not first:
                residual = math.nan
            elif not second:
                residual = x - a
            else:
                residual = x - (a + (b - a) * f)
            a = self._learn(i, a, 1.0 - f, x)
            b = self._learn(j, b, f, x)
        if j:
            WRITE_TWO(knots, 4 * i, a, b)
        else:
            WRITE_ONE(knots, 4 * i, a)
            WRITE_ONE(knots, 0, b)
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
        rate = 1.0 / (count + 1)
        return knot + weight * (rate if rate > self.rate else self.rate) * (x - knot)


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
        day = self.day.update(t, x)
        week = self.week.update(t, x)
        age = t - self.start
        if age < 1.02 * DAY_S or day != day:
            return 0.0
        if age < 7.1 * DAY_S or week != week:
            return day
        return week if abs(week) < abs(day) else day
