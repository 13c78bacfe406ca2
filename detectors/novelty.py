"""Novelty: is this like anything the sensor did before? Four views of its values, each by rarity and by record."""

from __future__ import annotations

import math

import msgspec

from detectors.plain import plain_stores
from detectors.rarity import Rarity
from detectors.record import Record
from detectors.weekly import Weekly

SMOOTH = 1.0 / 15.0
#: a score of the members' mean from which on a reading is an alarm; the same for every sensor
LIMIT = 0.94
MEMBERS = 7.0
#: within so many readings of a score, another one counts when it is higher by 15 %
COOL_DOWN, HIGHER = 100, 1.15**6
RETURNS = 10.0
STILL = 0.1
# Each alarm makes the limit higher by this share of it. As much is taken back in the time in which one false alarm is
# allowed, so that a sensor rings no more often than that in the long run.
HABIT, MOST_HABIT = 0.03, 2.0
#: what an operator calls false must be so much higher to ring again
BEYOND = 1.05
DAY_S = 86_400.0
VIEWS = ("value", "mean", "change", "week", "recent")


def at_limit(limit: float) -> float:
    """The sum of the members' sixth powers at which their mean is `limit`."""
    return MEMBERS * limit**6


AT_LIMIT = at_limit(LIMIT)


@plain_stores
class Novelty(msgspec.Struct, gc=False, array_like=True):
    """The value, its short mean, its change since the last reading and its residual for the hour of the week.

    Each view has a `Rarity`, each but the change a `Record`. The value's rarity is that of the mean of four readings: a
    single reading that is far away is already told by its record and by its change, and is not told a third time. All
    count alike, with their sixth power: nearly a maximum, yet two that are nearly there count as one that is. What the
    members say counts by how often the value has come back through its mean, or stood still: a slow wave is not new
    because it has not turned yet. After a high score the next hundred values count only when theirs is higher by 15 %,
    or is the first at the limit. Each alarm makes the limit 3 % higher, and time brings it down again, by as much for
    each false alarm that is allowed: a sensor that rings more often becomes quieter.

    Attributes:
        n: values seen. third, before, last: the last three; `third` is no number in a state from before there was one.
        mean: the short mean. recent: the mean of the last four values. t: the last value's time, seconds.
        side, returns: on which side of the long mean the value is; how often it has come back.
        peak, peak_n: the highest sum of late, and when it was. view: what said most in the last alarm.
        habit: the factor on the limit, 1 for a sensor that does not ring.

    >>> novelty = Novelty()
    >>> scores = [novelty.update(300.0 * i, 10.0 + i * 7919 % 101 / 10) for i in range(3000)]
    >>> novelty.update(300.0 * 3000, 60.0) > 0.5 > max(scores[300:])
    True
    """

    n: int = 0
    before: float = 0.0
    last: float = 0.0
    mean: float = 0.0
    side: int = 0
    returns: float = 0.0
    peak: float = 0.0
    peak_n: int = 0
    view: int = 0
    habit: float = 1.0
    t: float = 0.0
    weekly: Weekly = msgspec.field(default_factory=Weekly)
    value_rarity: Rarity = msgspec.field(default_factory=lambda: Rarity(0.5))
    mean_rarity: Rarity = msgspec.field(default_factory=lambda: Rarity(0.5))
    change_rarity: Rarity = msgspec.field(default_factory=lambda: Rarity(1.0))
    week_rarity: Rarity = msgspec.field(default_factory=lambda: Rarity(1.0))
    value_record: Record = msgspec.field(default_factory=Record)
    mean_record: Record = msgspec.field(default_factory=Record)
    week_record: Record = msgspec.field(default_factory=Record)
    third: float = math.nan
    recent: float = 0.0

    def update(self, t: float, x: float, learn: bool = True, allowed: float = 0.04) -> float:  # noqa: FBT001, FBT002
        """Take a value, see whether it is like what was.

        Args:
            t: event time, seconds since the epoch.
            x: the value.
            learn: whether it counts from now on.
            allowed: how many false alarms a day are.

        Returns:
            The score, 0 to 1; 0.5 at the limit.
        """
        n = self.n = self.n + 1
        if n == 1:
            self.last = self.before = self.third = self.mean = x
        mean = self.mean
        mean += (SMOOTH if n > 15 else 1.0 / n) * (x - mean)
        self.mean = mean
        before = self.last
        earlier = self.before
        third = self.third
        if third != third:
            third = earlier
        recent = self.recent = 0.25 * (x + before + earlier + third)
        self.third = earlier
        self.before = before
        self.last = x
        change = x - before
        center = self.value_record.mean
        side = 1 if x > center else -1 if x < center else 0
        returns = self.returns
        if side != self.side:
            self.side = side
            returns = self.returns = returns + 1.0
        elif change == 0.0:
            returns = self.returns = returns + STILL
        week = self.weekly.update(t, x, learn)
        a = self.value_rarity.update(recent, learn)
        b = self.mean_rarity.update(mean, learn)
        c = self.change_rarity.update(change, learn)
        d = self.week_rarity.update(week, learn)
        e = self.value_record.update(x, learn)
        f = self.mean_record.update(mean, learn)
        g = self.week_record.update(week, learn)
        habit = self.habit
        if habit != 1.0:
            habit = self.habit = max(1.0, habit - HABIT * allowed * (t - self.t) / DAY_S)
        self.t = t
        sure = returns / ((returns + RETURNS) * habit)
        sure *= sure
        a, b, c, d, e, f, g = a * a, b * b, c * c, d * d, e * e, f * f, g * g
        total = (a * a * a + b * b * b + c * c * c + d * d * d + e * e * e + f * f * f + g * g * g) * sure * sure * sure
        peak = self.peak
        if total > HIGHER * peak or total >= AT_LIMIT > peak or n - self.peak_n >= COOL_DOWN:
            self.peak = total
            self.peak_n = n
            if total >= AT_LIMIT:
                parts = (e, max(b, f), c, max(d, g), a)
                self.view = parts.index(max(parts))
                if learn:
                    self.habit = min(MOST_HABIT, habit + HABIT)
            return total / (total + AT_LIMIT)
        return 0.0

    def strongest(self) -> str:
        """The view that said most in the last alarm: one of `VIEWS`."""
        return VIEWS[self.view]

    def restart(self, x: float) -> None:
        """Readings come again after a silence: what changed meanwhile is no change from one reading to the next."""
        self.last = x

    def teach(self, score: float) -> None:
        """An alarm of this score was false: the limit rises beyond it, and comes down again with time."""
        over = (max(score, 0.5) / (1.0 - min(score, 0.999))) ** (1.0 / 6.0)
        self.habit = min(MOST_HABIT, self.habit * over * BEYOND)
