"""What a sensor does, in one word: running, paused, stale, without data, hurt by a fault."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from controlroom.core.plant_state import SensorView
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.line import Role, Span
from controlroom.ui.render.numbers import age_text
from controlroom.wire import SENSOR_TYPES

#: no reading is called late before this, seconds: brokers that elect a new leader take as long
LEAST_STALE_S = 15.0
#: intervals without a reading after which what is shown is stale
STALE_INTERVALS = 3.0
#: words for what a simulated sensor does; of another one it is only known that readings come
_STILL = {"paused": "PAUSED", "stopped": "STOPPED"}


def interval_of(view: SensorView) -> float:
    """Seconds between readings: as its simulator says, or as the last readings came, or as is usual for its type."""
    if view.interval is not None:
        return view.interval
    times = view.times.last(8)
    if len(times) >= 3:
        return max(0.0, median(after - before for before, after in pairwise(times)))
    usual = SENSOR_TYPES.get(view.sensor_type)
    return usual.interval if usual is not None else LEAST_STALE_S


def age_of(view: SensorView, now: float) -> float | None:
    """Seconds since this program received its last reading; None if it never did."""
    return None if view.seen_at is None else max(0.0, now - view.seen_at)


def is_stale(view: SensorView, now: float) -> bool:
    """Whether a reading is overdue, or none ever came."""
    age = age_of(view, now)
    if age is None:
        return True
    return age > LEAST_STALE_S and age > STALE_INTERVALS * interval_of(view)


def clock_ahead(view: SensorView) -> float | None:
    """Seconds that the sensor's clock is ahead of the brokers' (negative: behind), by its last reading.

    None if it is not known; of a simulated sensor it says nothing, since its time may be another.
    """
    if view.last_time is None or view.seen_at is None or view.simulated:
        return None
    return view.last_time - view.seen_at


def clock_words(view: SensorView) -> str:
    """How far its clock is off: `10m ahead`; empty if that is not known."""
    ahead = clock_ahead(view)
    if ahead is None:
        return ""
    return f"{age_text(abs(ahead))} {'ahead' if ahead > 0.0 else 'behind'}"


def state_word(view: SensorView, now: float) -> Span:
    """At most nine cells."""
    if view.state in _STILL:
        return _STILL[view.state], Role.STALE
    if view.seen_at is None:
        return "NO DATA", Role.STALE
    if is_stale(view, now):
        return f"STALE {age_text(age_of(view, now))[:3]}", Role.STALE
    if view.faults:
        return fault_words(view), Role.SIM
    if view.quality < 1.0:
        return f"qual {view.quality:.2f}", Role.STALE
    return ("running" if view.simulated else "live"), Role.DIM


def fault_words(view: SensorView) -> str:
    """The fault that it suffers from, or how many."""
    if len(view.faults) == 1:
        return sanitise(view.faults[0].fault, limit=9)
    return f"{len(view.faults)} faults"


def simulated_word(view: SensorView) -> Span:
    """`SIM` in bold while an injected fault shapes its readings, `sim` for a simulated sensor; three cells."""
    if view.faults:
        return "SIM", Role.SIM
    return ("sim" if view.simulated else "   "), Role.DIM
