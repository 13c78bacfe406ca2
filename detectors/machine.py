"""A machine: all its sensors together, one row at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from detectors.plain import plain_stores

VERSION = 2
#: The two constants that were chosen (docs/detection.md): the share of a new row in the smoothed deviation, and the
#: limit of their sum, in standard deviations above its mean.
SMOOTH = 0.15
LIMIT = 7.0
LEAST_ROWS = 60
#: Bounds that keep numbers sound: of a deviation in standard deviations, of a channel's part, of a value; and the
#: least standard deviation, as a share of the level and as such, so that a channel that stood still has one.
CLIP = 30.0
MOST = 1e6
LARGEST = 1e150
LEAST_SHARE, LEAST_SCALE = 1e-9, 1e-150


@plain_stores
class Channel(msgspec.Struct, gc=False, array_like=True):
    """One channel's state: what it is compared with, and the rows from which the next such reference is learned.

    Attributes:
        windows: how many windows were learned.
        level: mean of the last one.
        variance: of the values within a window, the mean of all windows.
        wander: by how much the level's variance grows in a row, the mean of all windows; 0.0: it does not wander.
        smooth: the channel's smoothed value.
        n: values in this window.
        mean: their mean.
        squares: the sum of their squared deviations from it.
        smooths: smoothed values in this window.
        smooth_mean: their mean.
        smooth_squares: the sum of their squared deviations from it.
    """

    windows: int = 0
    level: float = 0.0
    variance: float = 0.0
    wander: float = 0.0
    smooth: float = math.nan
    n: int = 0
    mean: float = 0.0
    squares: float = 0.0
    smooths: int = 0
    smooth_mean: float = 0.0
    smooth_squares: float = 0.0


class MachineState(msgspec.Struct, array_like=True):
    """What a machine's bank has learned."""

    channels: list[Channel]
    seen: int = 0
    window: int = 0
    age: int = 0
    known: bool = False
    raised: bool = False
    below: int = 0


class MachineBank:
    """Deviations of all channels, each smoothed and in units of what it does by itself, squared and summed.

    A reference is the mean and the variance of `learn` rows. Of white noise the variance of the smoothed deviation is
    known. What it had beyond that in those rows is taken as a random walk of the channel's level, and a random walk
    goes on: the longer ago the reference was learned, the further away a channel that wanders may be. So channels that
    wander count little. The sum of the squares has about a chi-square distribution; its limit follows from the number
    of channels alone. The next `learn` rows without an alarm are the next reference; while there is an alarm nothing is
    learned.

    >>> import random; rng = random.Random(7)
    >>> bank = MachineBank(["pressure", "flow"], learn=300)
    >>> rows = [(rng.gauss(5, 0.1), rng.gauss(30, 1)) for _ in range(500)] + [(rng.gauss(5, 0.1), 15.0)] * 40
    >>> predictions = [bank.observe(float(i), row)[1] for i, row in enumerate(rows)]
    >>> sum(predictions[:500]), predictions[-1], max(bank.contributions().items(), key=lambda item: item[1])[0]
    (0, 1, 'flow')
    """

    __slots__ = ("_state", "channels", "learn", "limit")

    def __init__(self, channels: Sequence[str], learn: int = 400) -> None:
        """`channels`: the names, in the order of the rows. `learn`: rows without an alarm, to learn from (over 60)."""
        if learn <= LEAST_ROWS:
            raise ValueError(f"a machine needs more than {LEAST_ROWS} rows to learn from, got {learn}")
        if not channels:
            raise ValueError("a machine needs at least one channel")
        self.channels = tuple(channels)
        self.learn = learn
        self.limit = len(self.channels) + LIMIT * math.sqrt(2.0 * len(self.channels))
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
        state.seen += 1
        known = state.known
        for channel, x in zip(state.channels, values, strict=True):
            if x is not None and -LARGEST < x < LARGEST:
                _smooth(channel, x, state.seen)
        statistic = 0.0
        if known:
            state.age += 1
            statistic = math.fsum(self._parts())
            # An alarm ends when the smoothed deviations have had their own time to come back and stay.
            state.below = 0 if statistic > self.limit else state.below + 1
            state.raised = state.below == 0 or (state.raised and state.below * SMOOTH < 1.0)
        if not state.raised:
            self._learn(values)
        score = statistic / (statistic + self.limit)
        return score, int(state.raised), self.contributions() if state.raised else {}

    def contributions(self) -> dict[str, float]:
        """Each channel's share of the statistic now, 0 to 1."""
        parts = self._parts()
        total = math.fsum(parts)
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

    def _parts(self) -> list[float]:
        """Each channel's squared smoothed deviation over the variance that it may have now."""
        white = SMOOTH / (2.0 - SMOOTH)
        # A level that wanders is off the mean of a window by a third of what it wanders in it, and goes on from there.
        steps = self.learn / 3.0 + self._state.age
        parts = []
        for channel in self._state.channels:
            off = channel.smooth - channel.level if channel.windows else 0.0
            tolerance = white * channel.variance + channel.wander * steps
            square = off * off
            parts.append(square / tolerance if square < MOST * tolerance else MOST if square > 0.0 else 0.0)
        return parts

    def _learn(self, values: Sequence[float | None]) -> None:
        state = self._state
        settled = state.seen * SMOOTH > 5.0
        if state.window == 0:
            for channel in state.channels:
                channel.n = channel.smooths = 0
                channel.mean = channel.squares = channel.smooth_mean = channel.smooth_squares = 0.0
        state.window += 1
        for channel, x in zip(state.channels, values, strict=True):
            if x is not None and -LARGEST < x < LARGEST:
                _take(channel, x, settled=settled)
        if state.window == self.learn:
            for channel in state.channels:
                if channel.n * 2 > self.learn:
                    _adopt(channel, self.learn)
            state.window = state.age = 0
            state.known = True


def _smooth(channel: Channel, x: float, seen: int) -> None:
    """The channel's smoothed value; at first it is the mean of the values."""
    bound = CLIP * math.sqrt(channel.variance)
    if bound > 0.0:
        x = min(channel.level + bound, max(channel.level - bound, x))
    smooth = channel.smooth
    channel.smooth = x if math.isnan(smooth) else smooth + max(SMOOTH, 1.0 / seen) * (x - smooth)


def _take(channel: Channel, x: float, *, settled: bool) -> None:
    """A value of the window from which the next reference is learned."""
    n = channel.n = channel.n + 1
    off = x - channel.mean
    channel.mean += off / n
    channel.squares += off * (x - channel.mean)
    if settled:
        n = channel.smooths = channel.smooths + 1
        off = channel.smooth - channel.smooth_mean
        channel.smooth_mean += off / n
        channel.smooth_squares += off * (channel.smooth - channel.smooth_mean)


def _adopt(channel: Channel, learn: int) -> None:
    """The window is the reference from now on; how much the channel varies is what it did in all windows."""
    k = channel.windows = channel.windows + 1
    channel.level = channel.mean
    variance = max(channel.squares / channel.n, (LEAST_SHARE * channel.level) ** 2, LEAST_SCALE**2)
    off = channel.smooth_mean - channel.mean
    smooth_variance = channel.smooth_squares / max(1, channel.smooths) + off * off
    # A random walk is off its mean in a window by a sixth of what it moves in it, in the mean of its squares.
    wander = 6.0 * max(0.0, smooth_variance - SMOOTH / (2.0 - SMOOTH) * variance) / learn
    channel.variance += (variance - channel.variance) / k
    channel.wander += (wander - channel.wander) / k
