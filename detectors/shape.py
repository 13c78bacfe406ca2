"""Shape: is this like anything this sensor did before? Two views by two measures, equal weights."""

from __future__ import annotations

import msgspec

from detectors.seasonal import Seasonal
from detectors.view import View

RECORD_UNIT = 1.1
RARITY_UNIT = 6.5
CAP = 1.1
MOST = CAP * CAP
SMOOTH = 1.0 / 60.0
COOL_DOWN = 300


class Shape(msgspec.Struct, gc=False, array_like=True):
    """The value and its seasonal residual, each by its rarity and by its record ratio.

    Each of the four is brought to its own unit (a tenth beyond the record; once in 700 values) and counts with its
    eighth power, capped: nearly a maximum, yet two that are nearly there count as one that is. 0.5 is one alone at its
    unit. After a high score the next 300 values only count when theirs is higher still (cool-down).

    >>> shape = Shape()
    >>> scores = [shape.update(300.0 * i, 10.0 + i * 7919 % 101 / 10) for i in range(3000)]
    >>> shape.update(300.0 * 3000, 60.0) > 0.8 > max(scores[1000:])
    True
    """

    mean: float = 0.0
    started: bool = False
    raw: float = 0.0
    residual: float = 0.0
    peak: float = 0.0
    peak_age: int = 0
    season: Seasonal = msgspec.field(default_factory=Seasonal)
    value_view: View = msgspec.field(default_factory=lambda: View(10))
    season_view: View = msgspec.field(default_factory=lambda: View(200))

    def update(self, t: float, x: float) -> float:
        """Take a value at event time `t` (seconds since the epoch); the score, 0 to 1."""
        if not self.started:
            self.started = True
            self.mean = x
        mean = self.mean
        mean += SMOOTH * (x - mean)
        self.mean = mean
        residual = self.residual = self.season.update(t, x)
        total = self.value_view.update(mean, x) + self.season_view.update(residual, residual)
        score = self.raw = total / (1.0 + total)
        age = self.peak_age = self.peak_age + 1
        if score > self.peak or age >= COOL_DOWN:
            self.peak = score
            self.peak_age = 0
            return score
        return 0.0
