"""The table of faults, and how a fault that was asked for becomes one in action.

Default magnitudes are such that a sensor of any type raises an alarm that an operator sees: 40 sigma is the way from
base to the critical limit (`signals.SIGMA`).
"""

from __future__ import annotations

from datetime import datetime

from controlroom.wire import FaultSpec
from simulator.faults import delivery, values
from simulator.faults.base import ActiveFault, BadFault, FaultKind
from simulator.noise import key_of

_SIGMA = "sigma"
_SHARE = "share of readings, 0 to 1"
_MOST = 10_000.0

FAULTS: dict[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            "spike", "a short jump", _SIGMA, 45, -_MOST, _MOST, duration=2, effect=values.shift, in_readings=True
        ),
        FaultKind("drift", "a slow ramp", "sigma per minute", 10, -_MOST, _MOST, 600, values.drift),
        FaultKind("offset", "a jump that stays", _SIGMA, 30, -_MOST, _MOST, 1200, values.shift),
        FaultKind("gain", "multiplied", "factor", 1.4, 0.01, 100, 1200, values.gain),
        FaultKind("stuck", "the value is frozen", "", 1, -_MOST, _MOST, 600, values.stuck),
        FaultKind("noise", "noisier than it was", "factor of the noise", 6, 1, 1000, 300, values.noise),
        FaultKind("oscillation", "swings about the warning limit", _SIGMA, 10, 1, 1000, 300, values.oscillation),
        FaultKind("rail", "an end of the range", "sign: upper or lower end", 1, -1, 1, 60, values.rail),
        FaultKind("dropout", "readings are lost", _SHARE, 1, 0.001, 1, 120, delivery.dropout),
        FaultKind("late", "readings come late", "seconds", 30, 0.01, 3600, 300, delivery.late),
        FaultKind("duplicate", "readings come twice", _SHARE, 0.5, 0.001, 1, 300, delivery.duplicate),
        FaultKind(
            "order",
            "readings overtake each other",
            "share of pairs of readings, 0 to 1",
            0.5,
            0.001,
            1,
            300,
            delivery.order,
        ),
        FaultKind("skew", "the sensor's clock is wrong", "seconds", 300, -86_400, 86_400, 600, delivery.skew),
        FaultKind("corrupt", "payloads are damaged", _SHARE, 0.5, 0.001, 1, 300, delivery.corrupt),
    )
}


def activate(spec: FaultSpec, seed: int, sensor_id: str) -> ActiveFault:
    """The fault in action.

    Raises:
        BadFault: there is no such fault, or its magnitude is out of range.
    """
    kind = FAULTS.get(spec.fault)
    if kind is None:
        raise BadFault(f"unknown fault {spec.fault[:40]!r}; known: {', '.join(FAULTS)}")
    magnitude = kind.magnitude if spec.magnitude is None else spec.magnitude
    if not kind.lowest <= magnitude <= kind.highest:
        raise BadFault(f"{kind.name}: magnitude {magnitude:g} is not within {kind.lowest:g} to {kind.highest:g}")
    if kind.name == "rail" and magnitude == 0:
        raise BadFault("rail: magnitude 0 names neither end")
    start = to_ms(spec.start)
    end = None if spec.duration is None else start + max(1, round(spec.duration * 1000))
    return ActiveFault(spec, kind, start, end, magnitude, key_of(seed, "fault", sensor_id, spec.fault_id))


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
