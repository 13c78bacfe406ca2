"""Seasonal residual: a value against what this time of the day and of the week usually brings."""

from __future__ import annotations

import math
from struct import Struct

import msgspec

DAY_S = 86_400.0
# Between two knots of the day; the week has a knot at every second of them.
SPAN_S = 1800.0
PER_SECOND = 1.0 / SPAN_S
DAY_KNOTS, WEEK_KNOTS = 48, 168
DAY_RATE, WEEK_RATE = 0.15, 0.3
DAY_KNOWN_S, WEEK_KNOWN_S = 1.02 * DAY_S, 7.1 * DAY_S
LARGEST = 3e38
# Looked up once. An offset below 0 counts from the end, so that a cycle closes by itself.
KNOT = Struct("f")
READ, WRITE = KNOT.unpack_from, KNOT.pack_into
UNKNOWN = KNOT.pack(math.nan)


class Seasonal(msgspec.Struct, gc=False, array_like=True):
    """Residuals from the profile of the day and, from the second week on, of the week: the smaller of the two.

    A profile is a cycle's mean by phase, at equal knots with straight lines between them, in single precision; a knot
    that was never near is NaN. The knots around the present time are held as numbers of their own, learned with each
    value, and put back when time has left them.

    Attributes:
        start: time of the first value.
        span, until: which half hour it is since the epoch, and when it ends.
        day, day_next: the knots of the day around it.
        week, week_next, half: those of the week, and how far between them the half hour begins (0 or 1/2).

    >>> seasonal = Seasonal()
    >>> for i in range(480):
    ...     _ = seasonal.update(i * 1800.0, float(i % 48))
    >>> seasonal.update(480 * 1800.0 + 900.0, 0.5)
    0.0
    """

    start: float = math.nan
    until: float = -math.inf
    span: float = 0.0
    day: float = 0.0
    day_next: float = 0.0
    week: float = 0.0
    week_next: float = 0.0
    half: float = 0.0
    day_knots: bytearray = msgspec.field(default_factory=lambda: bytearray(UNKNOWN * DAY_KNOTS))
    week_knots: bytearray = msgspec.field(default_factory=lambda: bytearray(UNKNOWN * WEEK_KNOTS))

    def update(self, t: float, x: float) -> float:
        """Take a value at event time `t` (seconds since the epoch), in order; its residual, 0.0 before the second day."""
        until = self.until
        if t >= until:
            until = self._turn(t, x)
        f = 1.0 - (until - t) * PER_SECOND
        knot = self.day
        d = x - knot
        later = x - self.day_next
        day = d - f * (d - later)
        rate = DAY_RATE * f
        self.day = knot + (DAY_RATE - rate) * d
        self.day_next += rate * later
        f = self.half + 0.5 * f
        knot = self.week
        d = x - knot
        later = x - self.week_next
        week = d - f * (d - later)
        rate = WEEK_RATE * f
        self.week = knot + (WEEK_RATE - rate) * d
        self.week_next += rate * later
        age = t - self.start
        if age < DAY_KNOWN_S:
            return 0.0
        if age < WEEK_KNOWN_S:
            return day
        return week if week * week < day * day else day

    def _turn(self, t: float, x: float) -> float:
        """Another half hour begins, and other knots are around it; its end."""
        span, before = t // SPAN_S, self.span
        day, week = self.day_knots, self.week_knots
        i, j = int(span % DAY_KNOTS), int(span // 2.0 % WEEK_KNOTS)
        half = 0.5 * (span % 2.0)
        if span == before + 1.0:
            _put(day, i - 1, self.day)
            self.day = self.day_next
            self.day_next = _get(day, i + 1 - DAY_KNOTS, x)
            if not half:
                _put(week, j - 1, self.week)
                self.week = self.week_next
                self.week_next = _get(week, j + 1 - WEEK_KNOTS, x)
        else:
            if self.start == self.start:
                self._leave(before)
            else:
                self.start = t
            self.day, self.day_next = _get(day, i, x), _get(day, i + 1 - DAY_KNOTS, x)
            self.week, self.week_next = _get(week, j, x), _get(week, j + 1 - WEEK_KNOTS, x)
        self.span = span
        self.half = half
        until = self.until = (span + 1.0) * SPAN_S
        return until

    def _leave(self, span: float) -> None:
        i, j = int(span % DAY_KNOTS), int(span // 2.0 % WEEK_KNOTS)
        _put(self.day_knots, i, self.day)
        _put(self.day_knots, i + 1 - DAY_KNOTS, self.day_next)
        _put(self.week_knots, j, self.week)
        _put(self.week_knots, j + 1 - WEEK_KNOTS, self.week_next)


def _get(knots: bytearray, i: int, otherwise: float) -> float:
    (knot,) = READ(knots, 4 * i)
    return knot if knot == knot else otherwise


def _put(knots: bytearray, i: int, x: float) -> None:
    WRITE(knots, 4 * i, x if -LARGEST < x < LARGEST else math.copysign(LARGEST, x))
