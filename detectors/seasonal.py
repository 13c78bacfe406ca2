"""Seasonal residual: a value against what this time of the day and of the week usually brings."""

from __future__ import annotations

import math
from struct import Struct, pack

import msgspec

from detectors.plain import plain_stores

DAY_S = 86_400.0
# Between two knots of the day; the week has a knot at every second of them.
SPAN_S = 1800.0
PER_SECOND = 1.0 / SPAN_S
DAY_KNOTS, WEEK_KNOTS = 48, 168
DAY_RATE, WEEK_RATE = 0.15, 0.3
DAY_KNOWN_S, WEEK_KNOWN_S = 1.02 * DAY_S, 7.1 * DAY_S
LARGEST = 3e38
# Two neighbours; looked up once.
KNOTS = Struct("2f")
READ, WRITE = KNOTS.unpack_from, KNOTS.pack_into
UNKNOWN = pack("f", math.nan)


@plain_stores
class Seasonal(msgspec.Struct, gc=False, array_like=True):
    """Residuals from the profile of the day and, from the second week on, of the week: the smaller of the two.

    A profile is a cycle's mean by phase, at equal knots with straight lines between them, in single precision; a knot
    that was never near is NaN. The knots around the present time are held as numbers of their own, learned with each
    value, and put back when time has left them.

    Attributes:
        day_from, week_from: the time from which on a profile is asked.
        until: when the present half hour ends.
        day, day_next: the knots of the day around it; day_at: which.
        week, week_next, week_at: those of the week; half: how far between them the half hour begins (0 or 1/2).

    >>> seasonal = Seasonal()
    >>> for i in range(480):
    ...     _ = seasonal.update(i * 1800.0, float(i % 48))
    >>> seasonal.update(480 * 1800.0 + 900.0, 0.5)
    0.0
    """

    day_from: float = math.nan
    week_from: float = math.nan
    until: float = -math.inf
    day_at: int = 0
    week_at: int = 0
    day: float = 0.0
    day_next: float = 0.0
    week: float = 0.0
    week_next: float = 0.0
    half: float = 0.0
    day_knots: bytearray = msgspec.field(default_factory=lambda: bytearray(UNKNOWN * (DAY_KNOTS + 1)))
    week_knots: bytearray = msgspec.field(default_factory=lambda: bytearray(UNKNOWN * (WEEK_KNOTS + 1)))

    def update(self, t: float, x: float) -> float:
        """Take a value at event time `t` (seconds since the epoch), its residual, 0.0 before the second day."""
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
        if t < self.day_from:
            return 0.0
        if t < self.week_from:
            return day
        return week if week * week < day * day else day

    def _turn(self, t: float, x: float) -> float:
        """Another half hour begins, and other knots are around it; its end."""
        span = int(t // SPAN_S)
        until = (span + 1) * SPAN_S
        if not 0.0 < until - t <= SPAN_S:
            # So far from the epoch that a number has no half hours.
            until = t
        self.until = until
        self.half = 0.5 * (span & 1)
        i, j = span % DAY_KNOTS, (span >> 1) % WEEK_KNOTS
        if self.day_from != self.day_from:
            self.day_from = t + DAY_KNOWN_S
            self.week_from = t + WEEK_KNOWN_S
            self.day = self.day_next = self.week = self.week_next = x
            self.day_at, self.week_at = i, j
            return until
        self.day, self.day_next = _exchanged(self.day_knots, self.day_at, self.day, self.day_next, i, x)
        self.day_at = i
        if j != self.week_at:
            self.week, self.week_next = _exchanged(self.week_knots, self.week_at, self.week, self.week_next, j, x)
            self.week_at = j
        return until


def _exchanged(knots: bytearray, at: int, a: float, b: float, i: int, otherwise: float) -> tuple[float, float]:
    """Put back the two knots `a` and `b` at `at`; those at `i`, or a flat line where none are known."""
    if not (-LARGEST < a < LARGEST and -LARGEST < b < LARGEST):
        a, b = max(-LARGEST, min(LARGEST, a)), max(-LARGEST, min(LARGEST, b))
    _, known = READ(knots, 4 * at)
    # A knot that only values before it have told of begins with the first one after it.
    WRITE(knots, 4 * at, a, b if known == known else known)
    # The last knot is the first again.
    if not at:
        knots[-4:] = knots[:4]
    elif 4 * at + 8 == len(knots):
        knots[:4] = knots[-4:]
    a, b = READ(knots, 4 * i)
    if a != a:
        a = otherwise
    return a, b if b == b else a
