"""How a sensor is watched, from what its readings say of it and from what is usual for its type."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from controlroom.core.alarms.definitions import Definition, Definitions, Limits
from controlroom.core.records import SensorFacts
from controlroom.wire import SENSOR_TYPES
from detectors.profile import Profile

LIMIT_KIND = "limit"
"""The kind of alarm whose definition says where the limits are."""


def profile_for(facts: SensorFacts, definition: Definition | None = None) -> Profile:
    """The profile of a sensor: its limits, and its type's range and interval if it measures in the type's unit.

    A limit that the definition of its limit alarm names stands before the one that its readings carry.
    """
    limits, band, band_abs = _NO_LIMITS, None, None
    if definition is not None:
        limits, band, band_abs = definition.limits, definition.deadband, definition.deadband_abs
    given = (limits.warning_low, limits.critical_low, limits.warning_high, limits.critical_high)
    return _profile(facts.sensor_type, facts.unit, facts.warning, facts.critical, given, band, band_abs)


def profiles_of(definitions: Definitions) -> Callable[[SensorFacts], Profile]:
    """Finds the profile of a sensor by what the definitions say at the moment."""
    return lambda facts: profile_for(facts, definitions.resolve(facts.sensor_id, facts.sensor_type, LIMIT_KIND))


_NO_LIMITS = Limits()
_Given = tuple[float | None, float | None, float | None, float | None]


@lru_cache(maxsize=4096)
def _profile(
    sensor_type: str,
    unit: str,
    warning: float | None,
    critical: float | None,
    given: _Given,
    band: float | None,
    band_abs: float | None,
) -> Profile:
    kind = SENSOR_TYPES.get(sensor_type)
    usual = kind if kind is not None and kind.unit == unit else None
    # A critical limit below the warning limit guards the low side: a tank's level, an air pressure.
    low = warning is not None and critical is not None and critical < warning
    told = (warning, critical)
    warning_low, critical_low = _side(given[:2], told if low else (None, None), -1.0)
    warning_high, critical_high = _side(given[2:], (None, None) if low else told, 1.0)
    if band is not None and band_abs is None:
        # Of the outermost limit that there is: on a scale that begins anywhere else than at 0 say deadband_abs.
        sizes = [abs(at) for at in (warning_low, critical_low, warning_high, critical_high) if at is not None]
        band_abs = band * max(sizes, default=0.0)
    return Profile(
        unit=unit,
        warning_low=warning_low,
        critical_low=critical_low,
        warning_high=warning_high,
        critical_high=critical_high,
        deadband=band_abs,
        range_low=usual.low if usual else None,
        range_high=usual.high if usual else None,
        interval=usual.interval if usual else None,
    )


def _side(
    given: tuple[float | None, float | None], told: tuple[float | None, float | None], outward: float
) -> tuple[float | None, float | None]:
    """Warning and critical limit of one side: as given, else as told; what is told never contradicts what is given."""
    warning, critical = (g if g is not None else t for g, t in zip(given, told, strict=True))
    if warning is not None and critical is not None and (critical - warning) * outward < 0:
        return given
    return warning, critical
