"""The five types of sensors that the plant knows, with their units, limits and intervals.

A reading may be of another type: then its unit and limits are what the reading itself says.
"""

from __future__ import annotations

import msgspec


class SensorType(msgspec.Struct, frozen=True):
    """What is usual for a type of sensor. Limits and range are in `unit`, intervals in seconds."""

    name: str
    unit: str
    #: the value around which a machine in normal work stays
    base: float
    warning: float
    critical: float
    interval: float
    #: what the instrument can show: a value at an end of it is a rail, beyond it an error
    low: float
    high: float
    #: prefix of sensor ids, as in `temp-sensor-001`
    prefix: str


SENSOR_TYPES: dict[str, SensorType] = {
    kind.name: kind
    for kind in (
        SensorType("temperature", "°C", 25.0, 35.0, 40.0, 3.0, -40.0, 200.0, "temp"),
        SensorType("vibration", "mm/s", 2.0, 5.0, 7.0, 4.0, 0.0, 100.0, "vib"),
        SensorType("energy", "kW", 100.0, 150.0, 180.0, 10.0, 0.0, 500.0, "energy"),
        # Process air of a production hall: condensation and static set the upper and lower concern; 45 %RH is usual.
        SensorType("humidity", "%RH", 45.0, 65.0, 75.0, 5.0, 0.0, 100.0, "hum"),
        # Ambient pressure at low altitude; storms stay within 960 to 1050.
        SensorType("pressure", "hPa", 1013.0, 1045.0, 1060.0, 5.0, 300.0, 1200.0, "press"),
    )
}
