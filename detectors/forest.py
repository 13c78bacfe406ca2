"""Half-space trees, from river: a streaming isolation forest over the last readings. Needs the extra `ml`."""

from __future__ import annotations

from typing import Any

import msgspec

SEED = 1
TREES, HEIGHT, WINDOW = 10, 6, 250
HISTORY = 3


class Memory(msgspec.Struct, array_like=True):
    """From what the forest is grown again: its masses are those of the last whole window and of the present one.

    Attributes:
        last: the last values, the newest first.
        low, high: the range seen.
        before, window: the scaled features of the last whole window, and of the present one so far.
    """

    last: list[float] = []
    low: float = 0.0
    high: float = 0.0
    before: list[list[float]] = []
    window: list[list[float]] = []


class HalfSpaceTrees:
    """Scores a reading by how sparse the forest is around it and the two before it, scaled to the range seen so far.

    An option, not part of the default bank: several times its cost and state, and far weaker on NAB (see
    docs/detection.md). Source: Tan, Ting, Liu, Fast anomaly detection for streaming data (IJCAI 2011), by river.
    """

    threshold = 0.98

    def __init__(self) -> None:
        self._memory = Memory()
        self._forest = _plant()

    def update(self, t: float, x: float) -> float:
        """Take a reading; its score, 0 to 1; 0 while the first window is learned."""
        memory = self._memory
        if not memory.last:
            memory.low = memory.high = x
        memory.low = min(memory.low, x)
        memory.high = max(memory.high, x)
        memory.last = [x, *memory.last[: HISTORY - 1]]
        if len(memory.last) < HISTORY:
            return 0.0
        span = memory.high - memory.low
        row = [(v - memory.low) / span if span > 0.0 else 0.0 for v in memory.last]
        features = dict(enumerate(row))
        score = float(self._forest.score_one(features))
        self._forest.learn_one(features)
        memory.window.append(row)
        if len(memory.window) == WINDOW:
            memory.before, memory.window = memory.window, []
        return score

    def dump(self) -> bytes:
        """The state; about 14 kB."""
        return msgspec.msgpack.encode(self._memory)

    def load(self, data: bytes) -> None:
        """Take over a dumped state: the same forest is grown again from the rows that shaped it."""
        self._memory = msgspec.msgpack.decode(data, type=Memory)
        self._forest = _plant()
        for row in (*self._memory.before, *self._memory.window):
            self._forest.learn_one(dict(enumerate(row)))


def _plant() -> Any:  # noqa: ANN401 - river publishes no types
    try:
        from river import anomaly
    except ImportError:
        raise ImportError(
            "half_space_trees needs river, which is not installed: pip install 'controlroom[ml]'"
        ) from None
    return anomaly.HalfSpaceTrees(n_trees=TREES, height=HEIGHT, window_size=WINDOW, seed=SEED)
