"""Faults of the value: what the sensor shows is not what is."""

from __future__ import annotations

import math

from simulator.faults.base import ActiveFault, Sample
from simulator.noise import gauss


def shift(fault: ActiveFault, sample: Sample) -> bool:
    """Add `magnitude` sigma: a spike if it is short, an offset (level shift) if it lasts."""
    sample.value += fault.magnitude * sample.signal.sigma
    return True


def drift(fault: ActiveFault, sample: Sample) -> bool:
    """Add `magnitude` sigma for each minute since the start."""
    minutes = (sample.taken - fault.start) / 60_000
    sample.value += fault.magnitude * sample.signal.sigma * minutes
    return minutes > 0


def gain(fault: ActiveFault, sample: Sample) -> bool:
    """Multiply by `magnitude`."""
    sample.value *= fault.magnitude
    return True


def stuck(fault: ActiveFault, sample: Sample) -> bool:
    """Show for ever what was there at the start. Asked of the signal, so that a restart freezes the same value."""
    sample.value = sample.signal.at(fault.start)
    return True


def noise(fault: ActiveFault, sample: Sample) -> bool:
    """Raise the white noise from one sigma to `magnitude` sigma; what is added is independent, so squares add."""
    extra = math.sqrt(fault.magnitude**2 - 1)
    sample.value += extra * sample.signal.sigma * gauss(fault.key, sample.taken)
    return True


def oscillation(fault: ActiveFault, sample: Sample) -> bool:
    """Swing about the warning limit, two readings `magnitude` sigma beyond it, two as far before: chatter."""
    signal = sample.signal
    beyond = (sample.taken - fault.start) // (2 * sample.interval) % 2 == 0
    outwards = math.copysign(fault.magnitude * signal.sigma, signal.limits.span)
    own_noise = signal.sigma * gauss(fault.key, sample.taken)
    sample.value = signal.limits.warning + (outwards if beyond else -outwards) + own_noise
    return True


def rail(fault: ActiveFault, sample: Sample) -> bool:
    """Show an end of the instrument's range: the upper one, or the lower one for a negative magnitude."""
    limits = sample.signal.limits
    sample.value = limits.high if fault.magnitude > 0 else limits.low
    return True
