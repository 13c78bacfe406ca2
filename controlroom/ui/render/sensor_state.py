"""What a sensor does, in one word: running, paused, stale, without data, with a fault."""

from __future__ import annotations

from controlroom.core.freshness import age_of, is_stale
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.line import Role, Span
from controlroom.ui.render.numbers import age_text

#: words for what a simulated sensor does; of another one it is only known that readings come
_STILL = {"paused": "PAUSED", "stopped": "STOPPED"}


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
