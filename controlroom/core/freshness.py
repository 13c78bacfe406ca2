"""Whether a sensor is heard as often as it should be."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from controlroom.core.reading_columns import LEAST_STALE_S
from controlroom.core.sensor_view import SensorView
from controlroom.wire import SENSOR_TYPES

#: intervals without a reading after which what is shown is stale
STALE_INTERVALS = 3.0
#: what a simulated sensor is when nobody expects readings of it
STILL = frozenset({"paused", "stopped"})


def interval_of(view: SensorView) -> float:
    """Seconds between readings: as its simulator says, or as the last readings came, or as is usual for its type."""
    if view.interval is not None:
        return view.interval
    times = view.history.times(8)
    if len(times) >= 3:
        return max(0.0, median(after - before for before, after in pairwise(times)))
    usual = SENSOR_TYPES.get(view.sensor_type)
    return usual.interval if usual is not None else LEAST_STALE_S


def age_of(view: SensorView, now: float) -> float | None:
    """Seconds since this program received its last reading; None if it never did."""
    return None if view.seen_at is None else max(0.0, now - view.seen_at)


def patience_of(view: SensorView) -> float:
    """Seconds after a reading from which the next one is overdue."""
    return max(LEAST_STALE_S, STALE_INTERVALS * interval_of(view))


def is_stale(view: SensorView, now: float) -> bool:
    """Whether a reading is overdue, or none ever came."""
    age = age_of(view, now)
    return age is None or (age > LEAST_STALE_S and age > patience_of(view))


def is_silent(view: SensorView, now: float) -> bool:
    """Whether a sensor that should send does not."""
    return view.state not in STILL and is_stale(view, now)
