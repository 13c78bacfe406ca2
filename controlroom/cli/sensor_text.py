"""Simulated sensors as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlroom.core import cells
from controlroom.core.sanitise import sanitise

if TYPE_CHECKING:
    from controlroom.wire import SensorStatus

HEAD = f"{'SENSOR':<24} {'STATE':<8} {'EVERY':>7} {'READINGS':>9}  {'MACHINE':<14} {'ZONE':<10} FAULTS"


def essence(status: SensorStatus) -> tuple[object, ...]:
    """What of a status is worth a line: not its time, nor its count."""
    return status.state, status.owner, status.command_id, status.reason, status.spec, status.faults


def told(status: SensorStatus) -> str:
    """A line for a change."""
    why = f": {status.reason}" if status.reason else ""
    faults = f", faults: {fault_names(status)}" if status.faults else ""
    at = status.timestamp.strftime("%H:%M:%S")
    return sanitise(f"{at}  {status.sensor_id}  {status.state}{why}{faults}  ({status.owner})", limit=400)


def row(status: SensorStatus) -> str:
    """A line of the list under `HEAD`."""
    from controlroom.wire import SENSOR_TYPES

    spec = status.spec
    usual = SENSOR_TYPES.get(spec.sensor_type) if spec is not None else None
    interval = spec.interval if spec is not None and spec.interval else usual.interval if usual else None
    machine = spec.location.machine_id if spec is not None else ""
    zone = spec.location.zone if spec is not None else ""
    every = f"{interval:g} s" if interval else ""
    what = fault_names(status) or status.reason
    name, place, area = (
        cells.left(sanitise(text), width) for text, width in ((status.sensor_id, 24), (machine, 14), (zone, 10))
    )
    line = f"{name} {status.state:<8} {every:>7} {status.reading_count:>9}  {place} {area} "
    return (line + sanitise(what, limit=120)).rstrip()


def fault_names(status: SensorStatus) -> str:
    """The faults that act on it or are to come."""
    return ", ".join(dict.fromkeys(fault.fault_id for fault in status.faults))
