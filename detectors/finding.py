"""What a detector says: one change of one condition of one sensor, with its explanation."""

from __future__ import annotations

import msgspec

NORMAL, WARNING, CRITICAL = 0, 1, 2


class Finding(msgspec.Struct, frozen=True, gc=False):
    """A condition of a sensor changed its level. JSON-safe: no NaN, no infinity.

    Attributes:
        kind: the condition: ``limit``, ``rate``, ``rail``, ``spike``, ``level``, ``drift``, ``noise``, ``stuck``,
            ``anomaly``, or a fault of the messages: ``dropout``, ``late``, ``clock``, ``duplicate``,
            ``order``, ``corrupt``.
        level: the *new* level: 0 back to normal, 1 warning, 2 critical.
        t: event time, seconds since the epoch (arrival time for faults that have no reading, as ``dropout``).
        value: what was seen, in the sensor's unit; None when there was no value (silence, an unreadable payload).
        expected: what was expected, in the same unit, when the detector has an expectation.
        limit: the limit that was crossed, in the same unit, when there is one.
        score: the detector's statistic.
        detector: the detector that fired.
        message: one line for people, with units.
        disturbance: the kind with which the disturbance began that this finding belongs to; empty where it begins one,
            stands for itself, or tells of an end.
    """

    kind: str
    level: int
    t: float
    value: float | None
    expected: float | None
    limit: float | None
    score: float
    detector: str
    message: str
    disturbance: str = ""


def number(value: float, unit: str = "") -> str:
    """A value as people read it: five significant digits and the unit.

    >>> number(42.48031, "°C"), number(1234567.0), number(-0.0)
    ('42.48 °C', '1.2346e+06', '0')
    """
    text = f"{value + 0.0:.5g}"
    return f"{text} {unit}" if unit else text


def duration(seconds: float) -> str:
    """Seconds as people read them.

    >>> duration(0.42), duration(75.0), duration(7200.0)
    ('0.4 s', '75 s', '120 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 60:.0f} min"
