"""Faults of more than one sensor, made of those of one: the same fault id on all of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from controlroom.wire import FaultSpec, SensorSpec
from simulator.faults.base import ActiveFault, FaultKind, Sample

MACHINE_FAILURE, GATEWAY_OUTAGE = "machine-failure", "gateway-outage"
#: How long they last when nothing is said, seconds.
MACHINE_FAILURE_S = 1800.0
GATEWAY_OUTAGE_S = 120.0


def _none(_fault: ActiveFault, _sample: Sample) -> bool:
    """What is made of others does nothing of its own."""
    return False


#: What they are called and how they are measured, as `FAULTS` tells it of faults of one sensor.
COMPOSED: dict[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            MACHINE_FAILURE, "a machine wears out", "severity", 1.0, 0.01, 100.0, MACHINE_FAILURE_S, effect=_none
        ),
        FaultKind(GATEWAY_OUTAGE, "a whole zone is silent", "", 1.0, 0.001, 1.0, GATEWAY_OUTAGE_S, effect=_none),
    )
}

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


def composed(
    fault: FaultSpec, sensors: Iterable[SensorSpec], *, machine_id: str = "", zone: str = ""
) -> dict[str, tuple[FaultSpec, ...]]:
    """What `fault`, one of `COMPOSED`, does to the sensors of a machine or a zone. Result as for `machine_failure`.

    Without a duration it lasts until it is cleared.
    """
    if fault.fault == MACHINE_FAILURE:
        severity = 1.0 if fault.magnitude is None else fault.magnitude
        found = machine_failure(
            sensors, machine_id, fault_id=fault.fault_id, start=fault.start, severity=severity, by=fault.by
        )
    else:
        found = gateway_outage(sensors, zone, fault_id=fault.fault_id, start=fault.start, by=fault.by)
    return {
        sensor_id: tuple(msgspec.structs.replace(spec, duration=fault.duration) for spec in specs)
        for sensor_id, specs in found.items()
    }
