"""Record ratio: a deviation over the largest earlier one."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

RATE = 0.006
FORGET = 1.0 - 1.0 / 2000.0
GROWN = 167  # from here on 1 / n is the slower rate


@plain_stores
class Record(msgspec.Struct, gc=False, array_like=True):
    """The deviation from a slow mean over the largest one so far the same way (which is slowly forgotten).

    Needs no scale and no distribution: 1.0 is "as far as ever". Up and down have records of their own.

    >>> record = Record(warm_up=10)
    >>> scores = [record.update(float(x)) for x in [1, 3, 2, 4, 3] * 6 + [9]]
    >>> scores[-1] > 2 > max(scores[12:-1])
    True
    """

    warm_up: int
    n: int = 0
    mean: float = 0.0
    up: float = 0.0
    down: float = 0.0

    def update(self, x: float) -> float:
        """Take a value; its ratio, 0 or more."""
        n = self.n = self.n + 1
        if n == 1:
            self.mean = x
            return 0.0
        mean = self.mean
        d = x - mean
        self.mean = mean + (RATE if n >= GROWN else 1.0 / n) * d
        ratio = 0.0
        if d >= 0.0:
            up = self.up
            if up > 0.0 and n > self.warm_up:
                ratio = d / up
            self.up = d if d > up else up * FORGET
        else:
            d = -d
            down = self.down
            if down > 0.0 and n > self.warm_up:
                ratio = d / down
            self.down = d if d > down else down * FORGET
        return ratio
