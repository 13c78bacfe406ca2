"""Duplicates and disorder, told apart by the numbers that a sensor gives its readings."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

IN_ORDER, DUPLICATE, ORDER = 0, 1, 2
MAX_GAPS = 16
RESTART_AFTER = 5


@plain_stores
class Sequence(msgspec.Struct, gc=False, array_like=True):
    """Remembers the highest number and the gaps below it: a number that fills a gap is late, any other a repeat.

    Bounded: the oldest gaps are forgotten (`floor` is where knowledge begins; what is below it is called disorder). A
    sensor that starts again from a lower number with a newer time is a restart, not disorder. Number 0 is "unknown".

    >>> s = Sequence()
    >>> [s.update(n, float(n)) for n in (1, 2, 4, 3, 3, 5)]
    [0, 0, 0, 2, 1, 0]
    >>> [s.update(n, 100.0 + n) for n in (1, 2, 3)]     # restarted
    [0, 0, 0]
    """

    top: int = 0
    newest: float = 0.0
    floor: int = 0
    run: int = 0
    previous: int = 0
    gaps: list[tuple[int, int]] = []

    def update(self, number: int, t: float) -> int:
        """Take a reading's number and event time (seconds): IN_ORDER, DUPLICATE or ORDER."""
        if number <= 0:
            return IN_ORDER
        if number == self.top + 1:
            self.top = number
            self.newest = t
            self.run = 0
            return IN_ORDER
        if self.top == 0:
            return self._start(number, t)
        if number > self.top:
            if number - self.top > 1:
                self.gaps.append((self.top + 1, number - 1))
                if len(self.gaps) > MAX_GAPS:
                    self.floor = self.gaps.pop(0)[1] + 1
            self.top = number
            self.newest = t
            self.run = 0
            return IN_ORDER
        # A step of one at a time below the top, for long enough, is a restart whose clock went back, too.
        self.run = self.run + 1 if number == self.previous + 1 else 0
        self.previous = number
        missing = self._fill(number)
        if t > self.newest or (self.run >= RESTART_AFTER and not missing and number > self.floor):
            return self._start(number, t)
        if missing or number < self.floor:
            return ORDER
        return DUPLICATE

    def _start(self, number: int, t: float) -> int:
        self.top = number
        self.newest = t
        self.floor = number
        self.run = 0
        self.gaps = []
        return IN_ORDER

    def _fill(self, number: int) -> bool:
        """Take `number` out of the gaps; whether it was in one."""
        gaps = self.gaps
        for i in range(len(gaps) - 1, -1, -1):
            first, last = gaps[i]
            if first <= number <= last:
                parts = [(a, b) for a, b in ((first, number - 1), (number + 1, last)) if a <= b]
                gaps[i : i + 1] = parts
                while len(gaps) > MAX_GAPS:
                    self.floor = gaps.pop(0)[1] + 1
                return True
            if last < number:
                return False
        return False
