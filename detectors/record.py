"""Record ratio: a deviation over the largest earlier one."""

from __future__ import annotations

import msgspec

RATE = 0.006
FORGET = 1.0 - 1.0 / 2000.0


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
        d = x - self.mean
        ratio = 0.0
        if d >= 0.0:
            if n > self.warm_up and self.up > 0.0:
                ratio = d / self.up
            self.up = d if d > self.up else self.up * FORGET
        else:
            if n > self.warm_up and self.down > 0.0:
                ratio = -d / self.down
            self.down = -d if -d > self.down else self.down * FORGET
        self.mean += (RATE if RATE * n > 1.0 else 1.0 / n) * d
        return ratio
