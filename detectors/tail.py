"""Calibration: a statistic's own tail, learned from block maxima, gives the limit for a wanted rate of false alarms."""

from __future__ import annotations

import math
from math import log, sqrt
from struct import pack, unpack, unpack_from

import msgspec

from detectors.plain import plain_stores

TOP = 16
TRIM = 3
UNSURE = 0.5
LARGEST = 3e38
LEAST = 8
MEMORY, FADE_EVERY = 2400, 16
FADE = 1.0 - 0.05 * FADE_EVERY / MEMORY
PRIOR_EXCESS = 0.06
PRIOR_WEIGHT = 6.0
HABIT = 1.01
# Where all that a signal does was seen, so many times the largest is new.
RECORD = 2.0
# What an operator who calls an alarm false teaches at once.
LEAST_TAUGHT, MOST_TAUGHT, MOST_HABIT = 1.25, 4.0, 16.0
HABIT_FADE = 1.0 - 1.0 / 400.0


def _weight(k: int) -> float:
    """What the excesses of the (TRIM + 1)-th to the k-th largest of k + 1 sum to, in units of the mean excess.

    Of an exponential tail the i-th largest of k + 1 exceeds the smallest by excess * (1/i + ... + 1/k).
    """
    weight, share = 0.0, 0.0
    for i in range(k, TRIM, -1):
        share += 1.0 / i
        weight += share
    return weight


WEIGHTS = [_weight(k) for k in range(TOP)]


def judge_by_record(up: Tail, down: Tail, *, settled: bool, least: int = LEAST) -> None:
    """Limits of a regular signal: twice the largest of both ways, and the tail's; none while not all was seen.

    Args:
        up: the tail of a statistic, upwards.
        down: that downwards; both may be the same.
        settled: whether the signal has shown what it does.
        least: blocks that both have at least.
    """
    record = RECORD * max(up.record * up.habit, down.record * down.habit)
    if not least:
        record = max(record, *(RECORD * tail.peak for tail in (up, down) if tail.blocks < 2), 0.0)
    for tail in (up, down):
        if settled and tail.blocks >= least and record > 0.0:
            tail.limit = max(record, tail.limit if tail.blocks >= LEAST and tail.limit < math.inf else 0.0)
        else:
            tail.limit = math.inf


@plain_stores
class Tail(msgspec.Struct, gc=False, array_like=True):
    """The upper tail of a statistic (0 or more) from the largest maxima of blocks of readings.

    Maxima of blocks are nearly independent though readings are not, whatever the distribution. The `TOP` largest are
    all that is kept (in single precision); beyond them the tail is taken as exponential, with their trimmed mean excess
    (shrunk towards that of a Gaussian). A block with an alarm is not learned, it only makes the limit 1 % higher for
    some time, so that a fault teaches next to nothing and what is normal here after all ends to be an alarm. While
    young, all is learned.

    Attributes:
        limit: alarm above this. Infinite until enough blocks were seen, unless a prior limit was given.
        peak: largest value since the last block's end; on the hot path `if s > tail.peak: tail.peak = s`.

    >>> import random; rng = random.Random(1); tail = Tail()
    >>> for _ in range(300):
    ...     tail.peak = max(rng.gauss(0, 1) for _ in range(100))
    ...     tail.close(0.001)
    >>> 4.0 < tail.limit < 5.5, tail.probability(3.0) > tail.probability(4.0) > tail.probability(5.0)
    (True, True)
    """

    limit: float = math.inf
    peak: float = 0.0
    blocks: int = 0
    base: float = 0.0
    excess: float = 0.0
    habit: float = 1.0
    top: bytes = b""

    def close(self, target: float, margin: float = 1.0, prior: float = math.inf) -> None:
        """End a block.

        Args:
            target: wanted false alarms per block.
            margin: factor on the limit, above 1 while the sensor is young: then alarms are learned, too.
            prior: the limit during the first blocks.
        """
        peak = self.peak
        self.peak = 0.0
        if peak > self.limit and margin <= 1.0:
            self.habit *= HABIT
            self.limit *= HABIT
            return
        habit = self.habit
        if habit != 1.0:
            habit = self.habit = 1.0 + (habit - 1.0) * HABIT_FADE
        blocks = self.blocks = self.blocks + 1
        if peak > self.base or blocks <= TOP or blocks > MEMORY:
            blocks = self._learn(peak)
        if blocks < LEAST or self.base <= 0.0:
            self.limit = prior
            return
        odds = (min(TOP, blocks) - 1) / (blocks * target)
        limit = self.base
        if odds > 1.0:
            limit += self.excess * log(odds)
        # Few blocks know their tail badly.
        limit *= margin * (1.0 + UNSURE / sqrt(blocks))
        if blocks < TOP and limit < (record := RECORD * self.record):
            # They may be growing yet.
            limit = record
        self.limit = limit * habit

    def _learn(self, peak: float) -> int:
        """Take a block's maximum among the largest, and see how their excesses are; the number of blocks."""
        top = unpack(f"{len(self.top) // 4}f", self.top)
        if self.blocks > MEMORY:
            # What is old fades, so that the tail is that of about the last MEMORY blocks.
            self.blocks = MEMORY + 1 - FADE_EVERY
            top = tuple([value * FADE for value in top])
        top = tuple(sorted((*top, min(peak, LARGEST)), reverse=True)[:TOP])
        self.top = pack(f"{len(top)}f", *top)
        k = len(top) - 1
        base = self.base = top[k]
        # The largest few are left out: they may be faults that stayed just below the limit.
        total = sum(top[TRIM:k]) - (k - TRIM) * base
        prior_excess = PRIOR_EXCESS * base
        self.excess = (total + PRIOR_WEIGHT * prior_excess) / (WEIGHTS[k] + PRIOR_WEIGHT)
        return self.blocks

    @property
    def record(self) -> float:
        """The largest value that was learned; 0.0: none was."""
        largest: float = unpack_from("f", self.top)[0] if self.top else 0.0
        return largest

    def forget(self) -> None:
        """Begin anew: the statistic means something else from now on."""
        self.limit, self.peak, self.blocks = math.inf, 0.0, 0
        self.base, self.excess, self.habit, self.top = 0.0, 0.0, 1.0, b""

    def teach(self, ratio: float) -> None:
        """An alarm at `ratio` times the limit was false: the limit rises beyond it, and falls back as habits fade."""
        if self.limit < math.inf:
            factor = min(MOST_TAUGHT, max(LEAST_TAUGHT, 1.05 * ratio))
            self.habit = min(MOST_HABIT, self.habit * factor)
            self.limit = min(LARGEST, self.limit * factor)

    def probability(self, s: float) -> float:
        """Probability that a block's maximum exceeds `s`; 1.0 where the tail says nothing."""
        if self.blocks < TOP or self.excess <= 0.0:
            return 1.0
        return min(1.0, TOP / self.blocks * math.exp(min(0.0, self.base - s) / self.excess))
