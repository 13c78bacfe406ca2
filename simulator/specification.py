"""From what was asked for (`wire.SensorSpec`) to what can be simulated: limits, or the reason why not."""

from __future__ import annotations

import math

from controlroom.wire import SENSOR_TYPES, SensorSpec
from simulator.signals import MODELS, Limits


class BadSpec(ValueError):
    """A specification that cannot be simulated; the message is the reason, for the operator."""


def limits_of(spec: SensorSpec) -> Limits:
    """Base, limits and range of a sensor: its own where it has them, else those usual for its type.

    A base of its own moves the usual limits with it. Its instrument has the range usual for the type, unless what it
    is said to measure lies outside of that.

    Raises:
        BadSpec: there is no such type, or the limits are not in order.
    """
    usual = SENSOR_TYPES.get(spec.sensor_type)
    if usual is None or spec.sensor_type not in MODELS:
        raise BadSpec(f"unknown sensor type {spec.sensor_type[:40]!r}; known: {', '.join(MODELS)}")
    base = usual.base if spec.base is None else spec.base
    warning = base + usual.warning - usual.base if spec.warning is None else spec.warning
    critical = base + usual.critical - usual.base if spec.critical is None else spec.critical
    if not (base < warning < critical or critical < warning < base):
        raise BadSpec(
            f"base {base:g}, warning {warning:g} and critical {critical:g} are not in order; "
            "the warning limit has to be between the other two"
        )
    limits = Limits(base, warning, critical, usual.low, usual.high)
    if not (usual.low <= min(base, critical) and max(base, critical) <= usual.high):
        reach = 4 * abs(limits.span)
        limits = Limits(base, warning, critical, min(base, critical) - reach, max(base, critical) + reach)
    return limits


def unit_of(spec: SensorSpec) -> str:
    """The unit: its own, or the type's."""
    return SENSOR_TYPES[spec.sensor_type].unit if spec.unit is None else spec.unit


def interval_ms(spec: SensorSpec) -> int:
    """Milliseconds between readings: its own, or the type's. At least 10 (`wire.command.Interval`)."""
    seconds = SENSOR_TYPES[spec.sensor_type].interval if spec.interval is None else spec.interval
    return max(10, math.floor(seconds * 1000 + 0.5))
