"""Where a lag is going: its trend over the last minute, and when it will be caught up.

>>> trend = LagTrend()
>>> for second in range(0, 21, 2):
...     trend.add(float(second), {0: 1000 - 20 * second, 1: 5, 2: 10 * second})
>>> round(trend.slope(0)), trend.slope(1), round(trend.slope(2))
(-20, 0.0, 10)
>>> round(catch_up_s(600, trend.slope(0))), catch_up_s(5, 0.0), catch_up_s(0, None)
(30, None, 0.0)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

#: a trend is that of so many seconds
SPAN_S = 60.0
#: fewer seconds than this say nothing
LEAST_S = 4.0


class LagTrend:
    """Samples of the lag per partition, and the slope of each by least squares."""

    def __init__(self, span_s: float = SPAN_S) -> None:
        self._span = span_s
        self._samples: dict[int, deque[tuple[float, int]]] = {}

    def add(self, at: float, lag: Mapping[int, int]) -> None:
        """The lag per partition as it was at `at` (seconds). A partition that is not in it begins anew."""
        for gone in self._samples.keys() - lag.keys():
            del self._samples[gone]
        for partition, behind in lag.items():
            samples = self._samples.setdefault(partition, deque())
            samples.append((at, behind))
            while samples[0][0] < at - self._span:
                samples.popleft()

    def slope(self, partition: int) -> float | None:
        """Records a second that the lag grows by (negative: falls by); None until enough was seen."""
        samples = self._samples.get(partition)
        if samples is None or samples[-1][0] - samples[0][0] < LEAST_S:
            return None
        mean_at = sum(at for at, _ in samples) / len(samples)
        mean_lag = sum(lag for _, lag in samples) / len(samples)
        spread = sum((at - mean_at) ** 2 for at, _ in samples)
        return sum((at - mean_at) * (lag - mean_lag) for at, lag in samples) / spread

    def slopes(self) -> dict[int, float | None]:
        """The slope of every partition."""
        return {partition: self.slope(partition) for partition in self._samples}

    def history(self) -> dict[int, tuple[int, ...]]:
        """The samples themselves, oldest first, for a sparkline."""
        return {partition: tuple(lag for _, lag in samples) for partition, samples in self._samples.items()}


def catch_up_s(lag: int, slope: float | None) -> float | None:
    """Seconds until nothing is behind; None: not known, or never at this rate."""
    if lag == 0:
        return 0.0
    if slope is None or slope >= 0:
        return None
    return lag / -slope
