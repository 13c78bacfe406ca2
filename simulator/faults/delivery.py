"""Faults of the delivery: the value is right, the message is late, lost, repeated, disordered or damaged.

Where `magnitude` is a share, each reading is struck with that probability.
"""

from __future__ import annotations

from controlroom.wire import Reading, encode_reading
from simulator.faults.base import ActiveFault, Sample
from simulator.noise import uniform

_KINDS_OF_DAMAGE = 8


def _strikes(fault: ActiveFault, sample: Sample) -> bool:
    return uniform(fault.key, sample.taken) < fault.magnitude


def dropout(fault: ActiveFault, sample: Sample) -> bool:
    """Readings get lost on the way; the sensor goes on counting them."""
    sample.lost = sample.lost or _strikes(fault, sample)
    return sample.lost


def late(fault: ActiveFault, sample: Sample) -> bool:
    """Readings are sent `magnitude` seconds after they were taken."""
    sample.delay += round(fault.magnitude * 1000)
    return True


def duplicate(fault: ActiveFault, sample: Sample) -> bool:
    """A share of the readings is sent twice, the same sequence number in both."""
    strikes = _strikes(fault, sample)
    sample.copies += strikes
    return strikes


def order(fault: ActiveFault, sample: Sample) -> bool:
    """In a share of the pairs of readings the first is overtaken by the second."""
    strikes = sample.taken // sample.interval % 2 == 0 and _strikes(fault, sample)
    if strikes:
        sample.delay += sample.interval * 3 // 2
    return strikes


def skew(fault: ActiveFault, sample: Sample) -> bool:
    """The sensor's clock is off by `magnitude` seconds."""
    sample.timestamp += round(fault.magnitude * 1000)
    return True


def corrupt(fault: ActiveFault, sample: Sample) -> bool:
    """A share of the payloads is damaged. The first always, so that a short fault is one too."""
    strikes = _strikes(fault, sample) or sample.taken - fault.start < sample.interval
    if strikes:
        sample.damage = int(uniform(fault.key, ~sample.taken) * _KINDS_OF_DAMAGE)
    return strikes


def damaged(reading: Reading, damage: int) -> bytes:
    """The reading's payload as line noise, a broken gateway or a careless one would have it: never a valid reading."""
    good = encode_reading(reading)
    value = b'"value":' + str(reading.value).encode()
    return (
        b"",
        good[: len(good) // 2],
        good.replace(value, b'"value":NaN'),
        good.replace(value, b'"value":null'),
        good.replace(value, b'"value":"err:-1"'),
        good.replace(value, b'"value":1e999'),
        b"\xff\xfe" + good,
        good + good,
    )[damage]
