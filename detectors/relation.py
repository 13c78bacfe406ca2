"""Relation: the sensors of one machine, each against what the others say of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from detectors.plain import packed, unpacked
from detectors.tail import Tail

VERSION = 1
MOST_CHANNELS = 12
SETTLE = 120
MEMORY = 4320.0
RIDGE = 1e-3
TINY = 1e-150
LARGEST = 1e150
CLIP, LARGEST_Z = 8.0, 1e6
FAST = 0.3
BLOCK = 15
BLOCKS_A_DAY = 96.0
MATURE = 1200
YOUTH = 3.0
LEAST = 3.0
RETURN = 0.5
PATIENCE = 3


class Verdict(NamedTuple):
    """What a row comes to.

    Attributes:
        statistic: the largest smoothed residual, in its own standard deviations.
        limit: the alarm's; infinite while the machine is not known.
        raised: whether there is an alarm.
        shares: of an alarm, each channel's share of it, by name.
        expected: of an alarm, the value of the channel with the largest share that the others speak for.
    """

    statistic: float
    limit: float
    raised: bool
    shares: dict[str, float]
    expected: float | None


class State(msgspec.Struct, array_like=True):
    """What was learned: means, covariances (the upper triangle, by rows), and the statistic's tail."""

    mean: list[float]
    covariance: list[float]
    smooth: list[float]
    n: int = 0
    block: int = 0
    raised: bool = False
    below: int = 0
    tail: Tail = msgspec.field(default_factory=Tail)


class Relation:
    """Residuals of each channel given all others, from their covariance, which is followed slowly.

    Load moves all sensors of a machine, and moves them together: what is left of a channel when the others have spoken
    is small, whatever the load. The residual's own scatter follows from the inverse of the covariance (the conditional
    variance of a Gaussian), the limit from the tail of the largest smoothed residual of a block of rows. While there is
    an alarm nothing is learned: a held fault stays one. Rows are means of a minute.

    >>> import random; rng = random.Random(3)
    >>> machine = Relation(["energy", "vibration"])
    >>> def row(fault=0.0):
    ...     load = rng.choice((0.2, 0.5, 0.9))
    ...     return 100 * load + rng.gauss(0, 1), 2 * load + rng.gauss(0, 0.02) + fault
    >>> sum(machine.observe(row()).raised for _ in range(3000)), machine.observe(row()).limit < 8
    (0, True)
    >>> found = [machine.observe(row(0.3)) for _ in range(10)][-1]
    >>> found.raised, max(found.shares, key=found.shares.get)
    (True, 'vibration')
    """

    __slots__ = ("_state", "budget", "channels")

    def __init__(self, channels: Sequence[str], budget: float = 0.05) -> None:
        """`channels`: names, in the order of the rows; `budget`: wanted false alarms a day."""
        if not 2 <= len(channels) <= MOST_CHANNELS:
            raise ValueError(f"2 to {MOST_CHANNELS} channels can be related, not {len(channels)}")
        self.channels = tuple(channels)
        self.budget = budget
        k = len(self.channels)
        self._state = State([0.0] * k, [0.0] * (k * (k + 1) // 2), [0.0] * k)

    def observe(self, values: Sequence[float | None]) -> Verdict:
        """Take a row: a value per channel, None where there is none (that channel says nothing and learns nothing)."""
        state = self._state
        k = len(self.channels)
        known = [x is not None and -LARGEST < x < LARGEST for x in values]
        d = [x - m if x is not None and ok else 0.0 for x, m, ok in zip(values, state.mean, known, strict=True)]
        residuals = self._residuals(d, known)
        if state.n >= SETTLE:
            for i in range(k):
                if known[i]:
                    z = max(-CLIP * CLIP, min(CLIP * CLIP, residuals[i][0]))
                    state.smooth[i] += FAST * (z - state.smooth[i])
        statistic = max(abs(s) for s in state.smooth)
        self._judge(statistic)
        if not state.raised:
            self._learn(d, known)
        if not state.raised:
            return Verdict(statistic, state.tail.limit, False, {}, None)  # noqa: FBT003
        squares = [s * s for s in state.smooth]
        total = sum(squares)
        shares = {name: square / total for name, square in zip(self.channels, squares, strict=True)}
        worst = max(range(k), key=lambda i: squares[i])
        expected = residuals[worst][1] + state.mean[worst] if known[worst] else None
        return Verdict(statistic, state.tail.limit, True, shares, expected)  # noqa: FBT003

    @property
    def raised(self) -> bool:
        """Whether there is an alarm."""
        return self._state.raised

    def dump(self) -> bytes:
        """The state as bytes; the first byte is the version."""
        return bytes([VERSION]) + packed((self.channels, self._state))

    @classmethod
    def load(cls, data: bytes, budget: float = 0.05) -> Relation:
        """One that goes on exactly where the dumped one was. Raises ValueError for bytes that are no such state."""
        if data[:1] != bytes([VERSION]):
            raise ValueError(f"relation state has version {data[:1].hex() or 'none'}, {VERSION:02x} is wanted")
        try:
            channels, state = unpacked(data, 1, tuple[tuple[str, ...], State])
        except msgspec.DecodeError as error:
            raise ValueError(f"relation state is not readable: {error}") from None
        relation = cls(channels, budget)
        relation._state = state
        return relation

    def _residuals(self, d: Sequence[float], known: Sequence[bool]) -> list[tuple[float, float]]:
        """(residual in its own standard deviations, what the others make of the deviation) of each channel."""
        k = len(d)
        there = [i for i in range(k) if known[i]]
        found = [(0.0, 0.0)] * k
        if self._state.n < SETTLE or len(there) < 2:
            return found
        scales = [math.sqrt(max(self._covariance(i, i), TINY)) for i in there]
        matrix = [
            [self._covariance(i, j) / (a * b) + (RIDGE if i == j else 0.0) for j, b in zip(there, scales, strict=True)]
            for i, a in zip(there, scales, strict=True)
        ]
        scaled = [max(-LARGEST_Z, min(LARGEST_Z, d[i] / a)) for i, a in zip(there, scales, strict=True)]
        inverse = _inverse(matrix)
        for row, (i, scale) in enumerate(zip(there, scales, strict=True)):
            p = inverse[row][row]
            product = math.fsum(a * b for a, b in zip(inverse[row], scaled, strict=True))
            if p > 0.0:
                found[i] = (product / math.sqrt(p), (scaled[row] - product / p) * scale)
        return found

    def _judge(self, statistic: float) -> None:
        state, tail = self._state, self._state.tail
        tail.peak = max(tail.peak, statistic)
        if state.raised:
            state.below = state.below + 1 if statistic < RETURN * tail.limit else 0
            if state.below >= PATIENCE:
                state.raised = False
        elif statistic > max(LEAST, tail.limit):
            state.raised = True
            state.below = 0
        if state.n < SETTLE:
            return
        state.block += 1
        if state.block >= BLOCK:
            state.block = 0
            if not state.raised:
                youth = max(0.0, 1.0 - state.n / MATURE)
                tail.close(self.budget / BLOCKS_A_DAY, 1.0 + YOUTH * youth)
            else:
                tail.peak = 0.0

    def _learn(self, d: Sequence[float], known: Sequence[bool]) -> None:
        state = self._state
        n = state.n = state.n + 1
        rate = max(1.0 / n, 1.0 / MEMORY)
        k = len(d)
        bounded = []
        for i in range(k):
            if not known[i]:
                bounded.append(0.0)
                continue
            bound = CLIP * math.sqrt(self._covariance(i, i)) if n > SETTLE else LARGEST
            bounded.append(max(-bound, min(bound, d[i])) if bound > 0.0 else d[i])
        at = 0
        for i in range(k):
            for j in range(i, k):
                if known[i] and known[j]:
                    old = state.covariance[at]
                    new = (1.0 - rate) * (old + rate * bounded[i] * bounded[j])
                    state.covariance[at] = new if abs(new) < LARGEST else math.copysign(LARGEST, new)
                at += 1
        for i in range(k):
            state.mean[i] += rate * bounded[i]

    def _covariance(self, i: int, j: int) -> float:
        if i > j:
            i, j = j, i
        return self._state.covariance[i * len(self.channels) - i * (i - 1) // 2 + j - i]


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """The inverse of a symmetric matrix whose diagonal is above zero, by elimination with pivots.

    >>> _inverse([[2.0, 0.0], [0.0, 4.0]])
    [[0.5, 0.0], [0.0, 0.25]]
    """
    k = len(matrix)
    rows = [[*row, *(float(i == j) for j in range(k))] for i, row in enumerate(matrix)]
    for column in range(k):
        pivot = max(range(column, k), key=lambda i: abs(rows[i][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        head = rows[column][column]
        if abs(head) < RIDGE * 1e-6:
            head = math.copysign(RIDGE * 1e-6, head)
        rows[column] = [x / head for x in rows[column]]
        for i in range(k):
            if i != column and rows[i][column] != 0.0:
                factor = rows[i][column]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[column], strict=True)]
    return [row[k:] for row in rows]
