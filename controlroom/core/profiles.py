"""How a sensor is watched, from what its readings say of it and from what is usual for its type."""

from __future__ import annotations

from functools import lru_cache

from controlroom.core.records import SensorFacts
from controlroom.wire import SENSOR_TYPES
from detectors.profile import Profile


def profile_for(facts: SensorFacts) -> Profile:
    """The profile of a sensor: its own limits, and its type's range and interval if it measures in the type's unit."""
    return _profile(facts.sensor_type, facts.unit, facts.warning, facts.critical)


@lru_cache(maxsize=4096)
def _profile(sensor_type: str, unit: str, warning: float | None, critical: float | None) -> Profile:
    kind = SENSOR_TYPES.get(sensor_type)
    usual = kind if kind is not None and kind.unit == unit else None
    # A critical limit below the warning limit guards the low side: a tank's level, an air pressure.
    low = warning is not None and critical is not None and critical < warning
    return Profile(
        unit=unit,
        warning_low=warning if low else None,
        critical_low=critical if low else None,
        warning_high=None if low else warning,
        critical_high=None if low else critical,
        range_low=usual.low if usual else None,
        range_high=usual.high if usual else None,
        interval=usual.interval if usual else None,
    )
