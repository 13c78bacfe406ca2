"""Silence: no reading for much longer than the sensor's own rhythm."""

from __future__ import annotations

import math

import msgspec

from detectors.plain import plain_stores

GROWTH = 1.1
FORGET = 1.0 - 1.0 / 20_000
EARLY = 20
SHORTEST_S, LONGEST_S = 1e-6, 1e9


@plain_stores
class Silence(msgspec.Struct, gc=False, array_like=True):
    """Learns a sensor's rhythm from its arrivals, robustly, and says how long it may be silent.

    The rhythm is the median gap (a sign tracker); what jitter is usual is the longest gap, slowly forgotten. A gap that
    was an alarm teaches little: a sensor that fails often is not thereby excused.

    >>> silence = Silence(interval=1.0)
    >>> for second in range(60):
    ...     _ = silence.arrival(float(second))
    >>> silence.overdue(62.0), silence.overdue(70.0)
    (False, True)
    """

    interval: float = 5.0
    known: bool = True
    n: int = 0
    last: float = 0.0
    longest: float = 0.0
    limit: float = 60.0

    def arrival(self, arrived: float, learn: bool = True) -> float:  # noqa: FBT001, FBT002 - for every reading
        """A reading arrived, at `arrived` seconds. Returns the gap before it if that was a silence, else 0.0."""
        n = self.n = self.n + 1
        if n == 1:
            self.last = arrived
            self._set_limit()
            return 0.0
        gap = arrived - self.last
        if gap > LONGEST_S:
            gap = LONGEST_S
        if gap < 0.0:
            return 0.0
        self.last = arrived
        silent = gap if gap > self.limit else 0.0
        if not learn:
            return silent
        if not silent or n <= EARLY:
            # The median of the gaps, by steps of a fixed proportion; steps are large until the rhythm is known.
            interval = self.interval
            if n <= EARLY and not self.known:
                interval = gap if n == 2 else interval + (gap - interval) / n
            elif gap > interval:
                interval *= 1.05 if n < 200 else 1.01
                if interval > LONGEST_S:
                    interval = LONGEST_S
            elif gap > 0.0:
                interval /= 1.05 if n < 200 else 1.01
                if interval < SHORTEST_S:
                    interval = SHORTEST_S
            self.interval = interval
        if gap > self.longest:
            learned = gap if not silent or n <= EARLY else max(GROWTH * self.longest, self.limit / 1.5)
            self.longest = min(gap, learned)
            self._set_limit()
        elif not n & 63 or n == EARLY + 1:
            self.longest = max(self.longest * FORGET**64, self.interval)
            self._set_limit()
        return silent

    def teach(self, gap: float) -> None:
        """A silence of `gap` seconds was no fault."""
        self.longest = min(LONGEST_S, max(1.25 * self.longest, gap / 1.4))
        self._set_limit()

    def overdue(self, now: float) -> bool:
        """Whether the sensor has been silent for too long at `now`, seconds on the clock of the arrivals."""
        return self.n > 0 and now - self.last > self.limit

    def _set_limit(self) -> None:
        base = max(4.0 * self.interval, 1.5 * self.longest, 3.0)
        # Until its own rhythm is known, only a silence that is long by any measure counts.
        if self.n > EARLY:
            self.limit = base
        elif self.known or self.n > 1:
            self.limit = max(base, 10.0 * self.interval, 60.0)
        else:
            self.limit = math.inf
