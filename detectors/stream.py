"""A series of values without numbers or arrival times, as in a file: the same bank, a score for every reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from detectors.bank import SensorBank
from detectors.finding import Finding
from detectors.profile import DETECTORS, OF_MESSAGES, Profile

OF_VALUES = tuple(kind for kind in DETECTORS if kind not in OF_MESSAGES)


class Scored(NamedTuple):
    """One reading's result.

    Attributes:
        t: event time, seconds since the epoch, as given.
        value: the value, as given.
        score: the bank's combined anomaly score, 0 to 1.
        findings: what changed with this reading.
    """

    t: float
    value: float
    score: float
    findings: tuple[Finding, ...]


def score_stream(readings: Iterable[tuple[float, float]], profile: Profile | None = None) -> Iterator[Scored]:
    """Run (event time in seconds, value) pairs through a bank, strictly in the order given; one result per pair.

    Event time is taken as the arrival time too. Without a profile only what judges values is watched: a gap between
    two rows of a file does not tell whether the sensor was silent. A time that does not advance (files have such) is
    moved a millisecond after the last one, so that every reading is judged.

    >>> results = list(score_stream((300.0 * i, 20.0 + i * 7919 % 101 / 101) for i in range(500)))
    >>> len(results), all(0.0 <= result.score <= 1.0 for result in results)
    (500, True)
    """
    bank = SensorBank(profile or Profile(detectors=OF_VALUES))
    last = float("-inf")
    for t, value in readings:
        last = t if t > last else last + 0.001
        findings = tuple(bank.observe(0, last, last, value))
        yield Scored(t, value, bank.score, findings)
