"""Faults of more than one sensor, made of those of one: the same fault id on all of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from controlroom.wire import FaultSpec, SensorSpec

#: How long they last when nothing is said, seconds.
MACHINE_FAILURE_S = 1800.0
GATEWAY_OUTAGE_S = 120.0

#: What a failing machine does to its sensors: (fault, sigma per minute or factor) by type, at severity 1.
_WEAR: dict[str, tuple[tuple[str, float], ...]] = {
    "vibration": (("drift", 4.0), ("noise", 4.0)),
    "temperature": (("drift", 2.0),),
    "energy": (("drift", 1.5), ("noise", 2.0)),
}


def machine_failure(
    sensors: Iterable[SensorSpec],
    machine_id: str,
    *,
    fault_id: str,
    start: datetime,
    duration: float = MACHINE_FAILURE_S,
    severity: float = 1.0,
    by: str = "",
) -> dict[str, tuple[FaultSpec, ...]]:
    """A machine that wears out: its sensors degrade together, vibration first, temperature and power after it.

    Args:
        sensors: all sensors; those of other machines, and of types that do not feel the machine, are left alone.
        machine_id: the machine.
        fault_id: one for all of them.
        start: simulated time.
        duration: seconds.
        severity: multiplies the speed of the drifts.
        by: who injects it.

    Returns:
        The faults to add by sensor id.
    """
    return {
        spec.sensor_id: tuple(
            FaultSpec(
                fault_id=fault_id,
                fault=fault,
                start=start,
                duration=duration,
                magnitude=magnitude * severity if fault == "drift" else magnitude,
                by=by,
            )
            for fault, magnitude in _WEAR[spec.sensor_type]
        )
        for spec in sensors
        if spec.location.machine_id == machine_id and spec.sensor_type in _WEAR
    }


def gateway_outage(
    sensors: Iterable[SensorSpec],
    zone: str,
    *,
    fault_id: str,
    start: datetime,
    duration: float = GATEWAY_OUTAGE_S,
    by: str = "",
) -> dict[str, tuple[FaultSpec, ...]]:
    """A zone's gateway is away: none of its readings arrive. Arguments and result as for `machine_failure`."""
    fault = FaultSpec(fault_id=fault_id, fault="dropout", start=start, duration=duration, magnitude=1.0, by=by)
    return {spec.sensor_id: (fault,) for spec in sensors if spec.location.zone == zone}
