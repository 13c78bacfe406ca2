"""Shape: is this like anything this sensor did before? Two views by two measures, equal weights."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores
from detectors.seasonal import Seasonal
from detectors.view import View

SMOOTH = 1.0 / 60.0
RATE = 0.006
GROWN = 167  # from here on 1 / n is the slower rate
COOL_DOWN = 300


@plain_stores
class Shape(msgspec.Struct, gc=False, array_like=True):
    """The value and its seasonal residual, each by its rarity and by its record ratio.

    Each of the four counts with its eighth power, in its own unit and capped (see `View`): nearly a maximum, yet two
    that are nearly there count as one that is. 0.5 is one alone at its unit. After
    a high score the next 300 values only count when theirs is higher still (cool-down).

    >>> shape = Shape()
    >>> scores = [shape.update(300.0 * i, 10.0 + i * 7919 % 101 / 10) for i in range(3000)]
    >>> shape.update(300.0 * 3000, 60.0) > 0.8 > max(scores[1000:])
    True
    """

    mean: float = 0.0
    n: int = 0
    raw: float = 0.0
    residual: float = 0.0
    peak: float = 0.0
    peak_n: int = 0
    season: Seasonal = msgspec.field(default_factory=Seasonal)
    value: View = msgspec.field(default_factory=lambda: View(10))
    seasonal: View = msgspec.field(default_factory=lambda: View(200))

    def update(self, t: float, x: float) -> float:
        """Take a value at event time `t` (seconds since the epoch); the score, 0 to 1."""
        n = self.n = self.n + 1
        mean = self.mean if n > 1 else x
        mean += SMOOTH * (x - mean)
        self.mean = mean
        residual = self.residual = self.season.update(t, x)
        rate = RATE if n >= GROWN else 1.0 / n
        total = self.value.update(n, rate, mean, x) + self.seasonal.update(n, rate, residual, residual)
        score = self.raw = total / (1.0 + total)
        if score > self.peak or n - self.peak_n >= COOL_DOWN:
            self.peak = score
            self.peak_n = n
            return score
        return 0.0
