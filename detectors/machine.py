"""A machine: all its sensors together, one row at a time."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

import msgspec

from detectors.plain import plain_stores

VERSION = 1
SMOOTH = 0.2
WHITE = SMOOTH / (2.0 - SMOOTH)
MEMORY = 150
SETTLE_Z, SETTLE_E, SETTLE_T = 20, 30, 60
CLIP = 30.0
LARGEST = 1e150
TOP_SHARE = 0.01
FACTOR = 1.5
BELOW, BACK = 0.8, 0.4
ADAPT = 1.0 / 300.0
RELEARN, RELEARN_ROWS = 1.0 / 40.0, 60
FASTEST = 0.2
FADE_PEAK = 0.999


@plain_stores
class Channel(msgspec.Struct, gc=False, array_like=True):
    """One channel's state: its mean and variance, the smoothed deviation and that one's variance, and its weight.

    A channel without slow movements has a smoothed deviation of known variance (`WHITE`); one that wanders has more,
    counts less by that ratio (`weight`), and its mean is followed faster.
    """

    n: int = 0
    mean: float = 0.0
    variance: float = 0.0
    smooth: float = 0.0
    spread: float = WHITE
    weight: float = 1.0


class MachineState(msgspec.Struct, array_like=True):
    """What a machine's bank has learned."""

    channels: list[Channel]
    rows: int = 0
    limit: float = math.inf
    largest: list[float] = []
    raised: bool = False
    peak: float = 0.0
    relearn: int = 0


class MachineBank:
    """Deviations of all channels, smoothed, whitened and summed; the limit is learned from the first `learn` rows.

    A channel's deviation is in its own standard deviations, smoothed exponentially, and squared over the variance that
    the smoothed deviation has while learning. The sum, weighted by `Channel.weight`, is the statistic. An alarm ends
    when the statistic is back below its limit, or below `BACK` of the largest value it had: a machine that is repaired
    does not come back to quite where it was, and what it comes back to is learned then.

    >>> import random; rng = random.Random(7)
    >>> bank = MachineBank(["pressure", "flow"], learn=300)
    >>> rows = [(rng.gauss(5, 0.1), rng.gauss(30, 1)) for _ in range(500)] + [(rng.gauss(5, 0.1), 15.0)] * 40
    >>> predictions = [bank.observe(float(i), row)[1] for i, row in enumerate(rows)]
    >>> sum(predictions[:500]), predictions[-1], max(bank.contributions().items(), key=lambda item: item[1])[0]
    (0, 1, 'flow')
    """

    __slots__ = ("_state", "channels", "learn")

    def __init__(self, channels: Sequence[str], learn: int = 400) -> None:
        """`channels`: the names, in the order of the rows. `learn`: rows without an alarm, to learn from (over 60)."""
        if learn <= SETTLE_T:
            raise ValueError(f"a machine needs more than {SETTLE_T} rows to learn from, got {learn}")
        if not channels:
            raise ValueError("a machine needs at least one channel")
        self.channels = tuple(channels)
        self.learn = learn
        self._state = MachineState(channels=[Channel() for _ in channels])

    def observe(self, t: float, values: Sequence[float | None]) -> tuple[float, int, dict[str, float]]:
        """Take one row.

        Args:
            t: event time, seconds (a machine's rows come at its own pace; kept for detectors that will want it).
            values: one per channel, in their order; None (or beyond all measure): that channel stays as it was.

        Returns:
            The score, 0 to 1, where 0.5 is the limit; the prediction, 1 while there is an alarm; and for an alarm
            each channel's share of the statistic, else nothing.
        """
        state = self._state
        values = [x if x is not None and -LARGEST < x < LARGEST else None for x in values]
        row = state.rows = state.rows + 1
        learning = row <= self.learn
        statistic = 0.0
        for channel, x in zip(state.channels, values, strict=True):
            if x is not None:
                _deviation(channel, x)
            statistic += channel.weight * channel.smooth * channel.smooth / channel.spread
        if learning:
            self._learn(row, statistic, values)
            return 0.0, 0, {}
        self._judge(statistic)
        if not state.raised:
            self._follow(statistic, values)
        score = statistic / (statistic + state.limit) if state.limit > 0.0 else float(statistic > 0.0)
        return score, int(state.raised), self.contributions() if state.raised else {}

    def contributions(self) -> dict[str, float]:
        """Each channel's share of the statistic now, 0 to 1."""
        parts = [c.weight * c.smooth * c.smooth / c.spread for c in self._state.channels]
        total = sum(parts)
        return {name: part / total if total > 0.0 else 0.0 for name, part in zip(self.channels, parts, strict=True)}

    def dump(self) -> bytes:
        """The state as bytes; the first byte is the version."""
        return bytes([VERSION]) + msgspec.msgpack.encode((self.channels, self.learn, self._state))

    @classmethod
    def load(cls, data: bytes) -> MachineBank:
        """A bank that goes on exactly where the dumped one was. Raises ValueError for bytes that are no such state."""
        if data[:1] != bytes([VERSION]):
            raise ValueError(f"machine state has version {data[:1].hex() or 'none'}, {VERSION:02x} is wanted")
        try:
            decoded = msgspec.msgpack.decode(memoryview(data)[1:], type=tuple[tuple[str, ...], int, MachineState])
        except msgspec.DecodeError as error:
            raise ValueError(f"machine state is not readable: {error}") from None
        bank = cls(decoded[0], decoded[1])
        bank._state = decoded[2]
        return bank

    def _learn(self, row: int, statistic: float, values: Sequence[float | None]) -> None:
        state = self._state
        for channel, x in zip(state.channels, values, strict=True):
            if x is not None:
                _learn_channel(channel, x)
        if row > SETTLE_T:
            # The quantile of the statistic: only its largest values need to be kept.
            keep = 1 + int(TOP_SHARE * (self.learn - SETTLE_T))
            bisect.insort(state.largest, statistic)
            if len(state.largest) > keep:
                del state.largest[0]
        if row == self.learn:
            state.limit = FACTOR * state.largest[0]
            state.largest = []

    def _judge(self, statistic: float) -> None:
        state = self._state
        if not state.raised:
            if statistic > state.limit:
                state.raised = True
                state.peak = statistic
            return
        state.peak = max(statistic, FADE_PEAK * state.peak)
        if statistic < max(BELOW * state.limit, BACK * state.peak):
            state.raised = False
            state.relearn = RELEARN_ROWS

    def _follow(self, statistic: float, values: Sequence[float | None]) -> None:
        """Without an alarm the means follow: slowly, after an alarm's end faster."""
        state = self._state
        if state.relearn > 0:
            state.relearn -= 1
            rate = RELEARN
        elif statistic < 0.7 * state.limit:
            rate = ADAPT
        else:
            return
        for channel, x in zip(state.channels, values, strict=True):
            if x is not None:
                channel.mean += min(FASTEST, rate / channel.weight) * (x - channel.mean)


def _deviation(channel: Channel, x: float) -> None:
    if channel.n > SETTLE_Z:
        deviation = x - channel.mean
        scale = math.sqrt(channel.variance)
        bound = CLIP * scale
        z = (
            0.0
            if deviation == 0.0
            else math.copysign(CLIP, deviation)
            if abs(deviation) >= bound
            else deviation / scale
        )
        channel.smooth += SMOOTH * (z - channel.smooth)


def _learn_channel(channel: Channel, x: float) -> None:
    n = channel.n = channel.n + 1
    rate = 1.0 / min(n, MEMORY)
    if n == 1:
        channel.mean = x
    d = x - channel.mean
    channel.mean += rate * d
    channel.variance = (1.0 - rate) * (channel.variance + rate * d * d)
    if n > SETTLE_E:
        channel.spread += (channel.smooth * channel.smooth - channel.spread) / min(n - SETTLE_E, MEMORY)
        channel.spread = max(channel.spread, 1e-3 * WHITE)
        channel.weight = min(1.0, WHITE / channel.spread)
