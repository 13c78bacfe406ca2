"""Points: a machine that works at a few levels has settled at one where it never was."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

BINS = 128
BYTES = BINS // 8
TINY = 1e-150
FINENESS = 0.25
SETTLED = 0.7
NEAR = 0b111
SPARSE = 0.6
# Of stays at a level: how fast novelty is followed, what it is believed to be at first, below what it is none.
RATE, NOVEL_AT_FIRST, NOT_NOVEL = 1.0 / 16.0, 0.3, 0.01
# So many unusual levels in a row, so many bins apart, are another way of working, and no fault.
REGIME, APART = 4, 8
PERIOD = 2000
AROUND = 4
# Bins that are wider, in scatters, tell no operating points from chance.
COARSE = 3.0


@plain_stores
class Points(msgspec.Struct, gc=False, array_like=True):
    """The levels at which the mean of a minute has settled, in bins of a range that doubles when one falls outside.

    A level has settled when two means in a row differ by less than the usual scatter of one reading. Where the visited
    bins have gaps (the machine has operating points), and stays at new levels have become rare (so that none is to be
    expected), one that settles two bins or more from all of them is unusual. While it stands it is not learned. A load
    that is continuous fills its range, or goes on to surprise; either way nothing is unusual there. Several
    unusual levels in a row are another way of working: then all is learned for some time.

    Attributes:
        seen, again: a bit for each bin that was visited; visited more than once.
        novel: the share of stays that were at a new level, lately.
        row, beside: different unusual levels since a known one; the bin of the last.

    >>> points = Points(); levels = [10.0, 20.0, 26.0, 40.0]
    >>> seen = [points.update(levels[i // 10 * 7 % 4] + i % 3 / 10, 0.5, True) for i in range(2000)]
    >>> any(seen), [points.update(31.0, 0.5, True) for _ in range(4)], points.update(20.0, 0.5, True)
    (False, [False, True, True, True], False)
    """

    low: float = 0.0
    width: float = 0.0
    last: float = 0.0
    at: int = -1
    staying: bool = False
    held: bool = False
    row: int = 0
    beside: int = 0
    visits: int = 0
    novel: float = NOVEL_AT_FIRST
    seen: bytes = bytes(BYTES)
    again: bytes = bytes(BYTES)

    def update(self, mean: float, scatter: float, learn: bool, young: bool = False) -> bool:  # noqa: FBT001, FBT002
        """Take the mean of a minute and the usual scatter of one reading; whether it stands at an unusual level."""
        step = mean - self.last
        self.last = mean
        if not (step if step >= 0.0 else -step) <= SETTLED * scatter:
            self.at = -1
            self.staying = self.held = False
            return False
        if self.width <= 0.0:
            self.width = max(FINENESS * scatter, 1e-12 * abs(mean), TINY)
            self.low = mean - BINS // 2 * self.width
        if not self.low <= mean < self.low + self.width * BINS:
            if not learn:
                return self.held
            self._stretch(mean)
        i = min(BINS - 1, int((mean - self.low) / self.width))
        if i == self.at or (self.held and self._far(i)):
            return self.held
        begins, self.staying = not self.staying, True
        far = self._far(i)
        if far and begins and not young and self.width < COARSE * scatter and self._surprising():
            if not self.row or abs(i - self.beside) > APART:
                self.row += 1
                self.beside = i
            if self.row < REGIME:
                self.held = True
                return True
            self.novel = NOVEL_AT_FIRST
            self.row = 0
        self.held = False
        self.at = i
        if not far:
            self.row = 0
        if learn:
            if begins:
                self.novel += RATE * (far - self.novel)
            self._visit(i)
        return False

    def nearest(self) -> float:
        """The known level that is nearest to the last mean."""
        seen = int.from_bytes(self.seen, "little")
        known = [self.low + (i + 0.5) * self.width for i in range(BINS) if seen >> i & 1]
        return min(known, key=lambda level: abs(level - self.last), default=self.last)

    def accept(self) -> None:
        """Where it stands is normal from now on."""
        if self.width > 0.0 and self.low <= self.last < self.low + self.width * BINS:
            i = int((self.last - self.low) / self.width)
            for bin_ in range(max(0, i - AROUND), min(BINS, i + AROUND + 1)):
                self._visit(bin_)
                self._visit(bin_)
        self.at = -1
        self.held = False

    def _far(self, i: int) -> bool:
        return not (int.from_bytes(self.seen, "little") << 1 >> i) & NEAR

    def _surprising(self) -> bool:
        """Whether a new level is a surprise: the known ones have gaps, and there have been no new ones lately."""
        return self.novel < NOT_NOVEL and self.sparse()

    def sparse(self) -> bool:
        """Whether the levels that are known leave gaps: the machine has operating points."""
        seen = int.from_bytes(self.seen, "little")
        span = seen.bit_length() - ((seen & -seen).bit_length() - 1)
        return 0 < seen.bit_count() < SPARSE * span

    def _visit(self, i: int) -> None:
        bit = _BIT[i]
        seen, again = int.from_bytes(self.seen, "little"), int.from_bytes(self.again, "little")
        again |= seen & bit
        seen |= bit
        self.visits += 1
        if self.visits >= PERIOD:
            # What was seen once in a long time is forgotten.
            seen = again
            self.visits //= 2
        self.seen, self.again = seen.to_bytes(BYTES, "little"), again.to_bytes(BYTES, "little")

    def _stretch(self, x: float) -> None:
        seen, again = int.from_bytes(self.seen, "little"), int.from_bytes(self.again, "little")
        while not self.low <= x < self.low + self.width * BINS:
            both = (seen & seen >> 1) & _EVEN
            seen, again = _merged(seen), _merged(again | both)
            if x < self.low:
                self.low -= self.width * BINS
                seen <<= BINS // 2
                again <<= BINS // 2
            self.width *= 2.0
        self.seen, self.again = seen.to_bytes(BYTES, "little"), again.to_bytes(BYTES, "little")
        self.at = -1


_BIT = [1 << i for i in range(BINS)]
_EVEN = sum(1 << i for i in range(0, BINS, 2))


def _merged(bits: int) -> int:
    """Neighbouring bins as one: half as many bits.

    >>> bin(_merged(0b1001_0011))
    '0b1101'
    """
    pairs = (bits | bits >> 1) & _EVEN
    return sum(1 << (i // 2) for i in range(0, BINS, 2) if pairs >> i & 1)
