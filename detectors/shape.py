"""Shape: is this like anything this sensor did before? Two views by two measures, equal weights."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores
from detectors.rarity import Rarity
from detectors.record import Record
from detectors.seasonal import Seasonal

RECORD_UNIT = 1.1
RARITY_UNIT = 6.5
CAP = 1.1
MOST = CAP * CAP
SMOOTH = 1.0 / 60.0
COOL_DOWN = 300


@plain_stores
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
    value_record: Record = msgspec.field(default_factory=lambda: Record(10))
    value_rarity: Rarity = msgspec.field(default_factory=Rarity)
    season: Seasonal = msgspec.field(default_factory=Seasonal)
    season_record: Record = msgspec.field(default_factory=lambda: Record(200))
    season_rarity: Rarity = msgspec.field(default_factory=Rarity)

    def update(self, t: float, x: float) -> float:
        """Take a value at event time `t` (seconds since the epoch); the score, 0 to 1."""
        if not self.started:
            self.started = True
            self.mean = x
        mean = self.mean
        mean += SMOOTH * (x - mean)
        self.mean = mean
        residual = self.residual = self.season.update(t, x)
        a = self.value_record.update(mean) / RECORD_UNIT
        b = self.value_rarity.update(x) / RARITY_UNIT
        c = self.season_record.update(residual) / RECORD_UNIT
        d = self.season_rarity.update(residual) / RARITY_UNIT
        # Written out: a loop over the four costs as much as two of them.
        a = a * a if a < CAP else MOST
        b = b * b if b < CAP else MOST
        c = c * c if c < CAP else MOST
        d = d * d if d < CAP else MOST
        total = a * a * a * a + b * b * b * b + c * c * c * c + d * d * d * d
        score = self.raw = total / (1.0 + total)
        age = self.peak_age = self.peak_age + 1
        if score > self.peak or age >= COOL_DOWN:
            self.peak = score
            self.peak_age = 0
            return score
        return 0.0
