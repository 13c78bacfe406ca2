"""Stuck: the same value again and again, for longer than this sensor ever repeats itself."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

PRIOR_RUN = 3
#: The limit is so many times the longest run that ended. A rounded sine stands at a turn five times as long as before.
LONGER, LONGER_AT_TURNS, SLACK = 3, 6, 10
#: A sensor is known when so many runs have ended, or when few readings of many equalled the one before.
RUNS, SELDOM, MANY = 4, 20, 100
TURNS = 4


@plain_stores
class Stuck(msgspec.Struct, gc=False, array_like=True):
    """Counts equal readings; the limit is three times the longest run that ended by itself, plus ten.

    A sensor that seldom repeats itself is judged from the first run on. One that often does (coarse, switched, held) is
    judged when some runs have ended. Until its runs went up and down a few times the limit is twice as long, since a
    signal stands longest where it turns. A run that was an alarm teaches little: the longest run becomes half as long
    again.

    Attributes:
        last: the last value; run: how many readings have equalled it.
        longest: of all runs that ended; limit: a run of so many is stuck.
        runs, equal: how many runs ended, up to `RUNS`; how many readings were in them.
        before, rose, turns: the value of the run before; whether that was higher than its own; how often this changed.

    >>> stuck = Stuck()
    >>> any(stuck.update(x, n) for n, x in enumerate([1.0, 2.0, 2.0, 3.0] * 100))
    False
    >>> [stuck.update(7.0, 400 + n) for n in range(40)].index(True)
    28
    """

    last: float = 0.0
    run: int = 0
    longest: int = PRIOR_RUN
    limit: int = LONGER_AT_TURNS * PRIOR_RUN + SLACK
    runs: int = 0
    equal: int = 0
    before: float = 0.0
    rose: bool = False
    turns: int = 0

    def teach(self) -> None:
        """A run that was called stuck was none."""
        self.longest += max(1, self.longest // 4)
        self._set_limit()

    def update(self, x: float, n: int, *, learn: bool = True) -> bool:
        """Take a value, the `n`-th of its sensor; True while it is stuck."""
        if x != self.last:
            if self.run:
                self.end(n, learn=learn)
            self.last = x
            return False
        return self.repeat(n)

    def repeat(self, n: int) -> bool:
        """The value has come again; True while it is stuck."""
        run = self.run = self.run + 1
        return run >= self.limit and self._known(n - run)

    def end(self, n: int, *, learn: bool) -> None:
        """A run has ended, before the `n`-th reading."""
        run, self.run = self.run, 0
        if not learn:
            return
        if run >= self.limit and self._known(n - run):
            self.longest += self.longest // 2 + 1
            self._set_limit()
            return
        self.equal += run
        rose = self.last > self.before
        if self.runs and rose is not self.rose and self.turns < TURNS:
            self.turns += 1
        self.rose = rose
        self.before = self.last
        if self.runs < RUNS:
            self.runs += 1
        if run > self.longest:
            self.longest = run
        self._set_limit()

    def _known(self, n: int) -> bool:
        return self.runs >= RUNS or (n >= MANY and self.equal * SELDOM < n)

    def _set_limit(self) -> None:
        self.limit = (LONGER if self.turns >= TURNS else LONGER_AT_TURNS) * self.longest + SLACK
