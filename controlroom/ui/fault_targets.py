"""Which sensors a fault befalls: the selected one, its machine, or its zone."""

from __future__ import annotations

from collections.abc import Iterable

from controlroom.core.sensor_view import SensorView
from controlroom.wire import FaultSpec, SensorSpec
from simulator.faults import COMPOSED, composed


def fault_targets(fault: FaultSpec, view: SensorView, others: Iterable[SensorView]) -> dict[str, tuple[FaultSpec, ...]]:
    """The faults to inject, by sensor.

    Args:
        fault: what was chosen; one of a machine or a zone becomes faults of its sensors, all with its id.
        view: the selected sensor.
        others: all sensors; those that are not simulated take no orders.
    """
    if fault.fault not in COMPOSED:
        return {view.sensor_id: (fault,)}
    specs = [
        SensorSpec(sensor_id=other.sensor_id, sensor_type=other.sensor_type or "?", location=other.location)
        for other in others
        if other.simulated
    ]
    return composed(fault, specs, machine_id=view.location.machine_id, zone=view.location.zone)
