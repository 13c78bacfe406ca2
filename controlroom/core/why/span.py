"""Which span of time shows an alarm: by the sensor's rate, the alarm's length, and how slow its detector is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

#: readings that are shown before the alarm and after its end at least, and of the whole span at most
LEAD, TAIL, MOST = 120, 30, 8_000
#: and before the alarm at most
MOST_LEAD = 3_000
#: seconds before and after it at least
LEAST_S = 60.0
#: what is judged by means of minutes has begun long before it rings
SLOW_LEAD_S = 3_600.0
SLOW = frozenset({"drift", "medium", "points"})
#: what else the sensor raised so long before it, in readings and seconds, belongs to the same disturbance
NEAR, NEAR_S = 30, 60.0
#: of a sensor that has hardly spoken
_UNKNOWN_S = 5.0


def interval_of(times: Sequence[float]) -> float:
    """The usual time between readings, seconds, from the times of some; oldest first.

    >>> interval_of([0.0, 1.0, 2.0, 3.0, 60.0]), interval_of([7.0])
    (1.0, 5.0)
    """
    gaps = [after - before for before, after in pairwise(times) if after > before]
    return median(gaps) if gaps else _UNKNOWN_S


def span_of(began: float, ended: float, interval: float, *, slow: bool = False) -> tuple[float, float]:
    """The span of an alarm that stood from `began` to `ended` (or stands still, and it is `ended`).

    >>> span_of(1000.0, 1040.0, 1.0)
    (880.0, 1100.0)
    >>> span_of(0.0, 1000.0, 5.0)
    (-600.0, 1250.0)
    >>> span_of(0.0, 40.0, 1.0, slow=True)
    (-3000.0, 100.0)
    >>> span_of(0.0, 1e6, 1.0)  # it lasts longer than can be shown: how it began is
    (-3000.0, 5000.0)
    """
    length = max(0.0, ended - began)
    lead = max(LEAST_S, LEAD * interval, length / 2, SLOW_LEAD_S if slow else 0.0)
    lead = min(lead, MOST_LEAD * interval)
    tail = max(LEAST_S, TAIL * interval, length / 4)
    return began - lead, min(ended + tail, began - lead + MOST * interval)


def near_of(interval: float) -> float:
    """How long before an alarm another of the same sensor belongs to the same disturbance, seconds."""
    return max(NEAR_S, NEAR * interval)
