"""How quick a detection worker was during the last minute.

>>> meter = CommitMeter()
>>> for took in (0.010, 0.012, 0.030):
...     meter.committed(100.0, took, took * 2)
>>> figures = meter.figures(101.0)
>>> figures.commits, figures.commit_p50, figures.alarm_p50
(3, 0.012, None)
>>> meter.figures(500.0).commit_p50 is None
True
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from controlroom.core.health_views import WorkerFigures

SPAN_S = 60.0
#: commits and alarms that are remembered at the most
_MOST = 2_000


class CommitMeter:
    """Hears of commits and alarms on the worker's thread, tells the figures on any: a deque is safe for both."""

    def __init__(self) -> None:
        self._commits: deque[tuple[float, float, float]] = deque(maxlen=_MOST)
        self._alarms: deque[tuple[float, float]] = deque(maxlen=_MOST)

    def committed(self, at: float, took_s: float, waited_s: float) -> None:
        """A batch was committed at `at`."""
        self._commits.append((at, took_s, waited_s))

    def alarmed(self, at: float, latency_s: float) -> None:
        """An alarm was committed, so long after its reading."""
        self._alarms.append((at, max(0.0, latency_s)))

    def figures(self, now: float, waiting: str = "") -> WorkerFigures:
        """Over the last minute."""
        commits = [commit for commit in list(self._commits) if commit[0] >= now - SPAN_S]
        alarms = [latency for at, latency in list(self._alarms) if at >= now - SPAN_S]
        took, waited = [commit[1] for commit in commits], [commit[2] for commit in commits]
        return WorkerFigures(
            len(commits),
            quantile(took, 0.5),
            quantile(took, 0.95),
            quantile(waited, 0.5),
            quantile(waited, 0.95),
            quantile(alarms, 0.5),
            quantile(alarms, 0.95),
            waiting,
        )


def quantile(values: Iterable[float], share: float) -> float | None:
    """The value that `share` of the values do not exceed; None of none.

    >>> quantile([3, 1, 2], 0.5), quantile([], 0.5)
    (2, None)
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))] if ordered else None
