"""The local picture of a series: where it is now, and how much it scatters when it is there."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

FAST, SLOW = 0.4, 0.06
BINS = 12
RATE = 1.0 / 200.0
SCATTER_RATE = 0.1 * RATE
START = 60
FLOOR, TINY = 0.05, 1e-150
ROOT_2 = 1.4142135623730951
HUBER = 4.0
OUTSIDE = 20
NOTHING = 1e-9  # what is smaller is a double's rounding
MEAN_BY_MEDIAN = 1.183  # of the size of a Gaussian
SECOND_DIFFERENCE = 0.4082  # 1 / sqrt(6): a second difference's deviation is sqrt(6) times that of its white noise


@plain_stores
class Local(msgspec.Struct, gc=False, array_like=True):
    """Three one-step predictors (the last value, a fast and a slow mean), and the scatter as a function of the level.

    The scatter is the mean absolute second difference over sqrt(6): the noise alone, without ramps. It is kept in
    `BINS` bins of the level, because a machine's noise grows with its load: a bin that was not visited borrows from the
    nearest. Differences are clipped at `HUBER` scatters before they are learned (Huber), so that outliers do not widen
    what is expected.

    Attributes:
        pair: as `update` returns it, for the mean of the last two values against what was expected before both; 0 for a
            value that is `lone`, so long after the last that they are not looked at together.
        last, fast, slow: the predictors, in the unit of the values; before: the fast one before the last value.
        scatter: the mean scatter over all levels; s: that at the present level; both in the unit.
        rough: the last second difference over sqrt(6), absolute.

    >>> local = Local()
    >>> for i in range(400):
    ...     _ = local.update(20.0 + (i * 7919 % 13 - 6) / 10, True)
    >>> abs(local.update(20.0, True)) < 3, local.update(30.0, True) > 8
    (True, True)
    """

    n: int = 0
    last: float = 0.0
    change: float = 0.0
    fast: float = 0.0
    before: float = 0.0
    slow: float = 0.0
    pair: float = 0.0
    scatter: float = 0.0
    s: float = 0.0
    rough: float = 0.0
    low: float = 0.0
    width: float = 0.0
    outside: int = 0
    bins: list[float] = []

    def update(self, x: float, learn: bool, lone: bool = False) -> float:  # noqa: FBT001, FBT002 - for every reading
        """Take a value; its deviation in scatters, signed: that of the best predictor, 0 where they differ in sign."""
        last, fast, slow, change = self.last, self.fast, self.slow, self.change
        a = x - last
        b = x - fast
        c = x - slow
        rough = (a - change) * SECOND_DIFFERENCE
        if rough < 0.0:
            rough = -rough
        self.rough = rough
        pair = 0.0
        if not lone:
            # Two readings together, against what was expected before both.
            both = 0.5 * (x + last)
            p = 0.5 * a + change
            q = both - self.before
            if p > 0.0 and q > 0.0 and (r := both - slow) > 0.0:
                pair = p
                if q < pair:
                    pair = q
                if r < pair:
                    pair = r
            elif p < 0.0 and q < 0.0 and (r := both - slow) < 0.0:
                pair = p
                if q > pair:
                    pair = q
                if r > pair:
                    pair = r
        self.before = fast
        self.last = x
        self.change = a
        fast += FAST * b
        self.fast = fast
        self.slow = slow + SLOW * c
        if self.n < START:
            return self._start(x, rough, lone=lone)
        scatter = self.scatter
        i = int((fast - self.low) / self.width)
        if 0 <= i < BINS:
            s = self.bins[i] or self._nearest(i)
            if learn:
                if rough > HUBER * s:
                    rough = HUBER * s
                d = rough - s
                self.bins[i] = s + RATE * d
                scatter += SCATTER_RATE * d
                self.scatter = scatter
        else:
            s = scatter
            self.outside += 1
            if self.outside > OUTSIDE and learn:
                self._stretch(fast)
        if s < FLOOR * scatter:
            s = FLOOR * scatter
        if s < TINY:
            s = TINY
        self.s = s
        self.pair = pair * ROOT_2 / s
        if a > 0.0 and b > 0.0 and c > 0.0:
            if b < a:
                a = b
            if c < a:
                a = c
            return a / s
        if a < 0.0 and b < 0.0 and c < 0.0:
            if b > a:
                a = b
            if c > a:
                a = c
            return a / s
        return 0.0

    def _start(self, x: float, rough: float, *, lone: bool) -> float:
        """The first values: nothing is judged, the scatter is their median difference; of `lone` ones the mean."""
        n = self.n = self.n + 1
        if n == 1:
            self.restart(x)
            self.low = x
            self.bins = []
        elif n > 2:
            limit = 3.0 * HUBER * self.scatter if n > 12 else rough
            self.scatter += (min(rough, limit) - self.scatter) / (n - 2)
            if not lone and len(self.bins) < START:
                # A machine that is switched meanwhile must not be taken for one that scatters.
                self.bins.append(rough)
        if n >= START:
            if self.scatter <= 0.0:
                # Constant so far: wait for the first change, a scatter of nothing measures nothing.
                self.n = START - 1
                return 0.0
            if self.bins:
                median = sorted(self.bins)[len(self.bins) // 2]
                if median > NOTHING * self.scatter:
                    self.scatter = MEAN_BY_MEDIAN * median
            self.bins = [0.0] * BINS
            # A double holds 53 bits: bins finer than that of the level would be empty.
            self.width = max(self.scatter, 1e-12 * abs(x), TINY)
            self.low = x - self.width * (BINS // 2)
            self._stretch(x)
        return 0.0

    def _nearest(self, i: int) -> float:
        """The scatter of the nearest level that was visited."""
        bins = self.bins
        for distance in range(1, BINS):
            near = [bins[j] for j in (i - distance, i + distance) if 0 <= j < BINS and bins[j] > 0.0]
            if near:
                return max(near)
        return self.scatter

    def restart(self, x: float) -> None:
        """Begin anew from `x` after a silence: what lies between is no step."""
        self.last = self.fast = self.before = self.slow = x
        self.change = 0.0

    def unlearn(self) -> None:
        """The last value was a jump of the machine, and no scatter."""
        i = int((self.fast - self.low) / self.width)
        if 0 <= i < BINS:
            self.bins[i] = self.s
            self.scatter -= SCATTER_RATE * (min(self.rough, HUBER * self.s) - self.s)

    def flatten(self, unit: float) -> None:
        """One scatter for all levels: of a regular signal it is only the unit that deviations are measured in."""
        self.scatter = max(unit, self.scatter, TINY)
        self.bins = [self.scatter] * BINS

    def _stretch(self, x: float) -> None:
        """Widen the bins' range until it holds `x`: twice as wide, neighbours merged."""
        self.outside = 0
        half = BINS // 2
        while not self.low <= x < self.low + self.width * BINS:
            merged = [max(self.bins[2 * i], self.bins[2 * i + 1]) for i in range(half)]
            if x < self.low:
                self.low -= self.width * BINS
                self.bins = [0.0] * half + merged
            else:
                self.bins = merged + [0.0] * half
            self.width *= 2.0
