"""What a backtest watches: recorded readings, one after another, and what came of them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple

from detectors.finding import Finding


class Sample(NamedTuple):
    """One recorded reading.

    Attributes:
        text: its time as it was written, for output.
        t: event time, seconds since the epoch.
        value: in the sensor's unit; None: it could not be read.
        seq: its number, 0 if it has none.
        arrived: when it came, seconds on the clock of the arrivals; None: not known, taken as event time.
    """

    text: str
    t: float
    value: float | None
    seq: int = 0
    arrived: float | None = None


class MachineRow(NamedTuple):
    """One row of a machine: a value per channel, None where it could not be read."""

    text: str
    t: float
    values: tuple[float | None, ...]


class Raised(NamedTuple):
    """An alarm that would have been raised: when (arrival, seconds), at which row (from 0), and what was found."""

    t: float
    row: int
    finding: Finding

    @property
    def joins(self) -> bool:
        """Whether it belongs to a disturbance that another kind found first: no alarm of its own."""
        return self.finding.disturbance not in ("", self.finding.kind)


class Scored(NamedTuple):
    """What came of one row. `prediction` is 1 while an alarm of the machine stands; of a sensor, while any does."""

    score: float
    prediction: int


@dataclass(slots=True)
class Outcome:
    """What came of a series.

    Attributes:
        name: the series, for people and for output: a path relative to what was named, or a sensor.
        times, values, scores: by row; a value that could not be read is NaN. A machine's value is its score.
        predictions: by row, 0 or 1.
        marks: by row, 0 or 1: the labels that the series carries itself; empty when it carries none.
        raised: what was found, in order; findings that join another's alarm are among it.
        cpu_s: processor time that the detectors took.
        state_bytes: the size of what they have learned.
    """

    name: str
    unit: str = ""
    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    scores: array[float] = field(default_factory=lambda: array("d"))
    predictions: bytearray = field(default_factory=bytearray)
    marks: bytearray = field(default_factory=bytearray)
    raised: list[Raised] = field(default_factory=list)
    unreadable: int = 0
    cpu_s: float = 0.0
    state_bytes: int = 0

    @property
    def rows(self) -> int:
        """Rows that were watched."""
        return len(self.times)

    @property
    def alarms(self) -> int:
        """Alarms that would have been raised: findings of one disturbance are one."""
        return sum(not raised.joins for raised in self.raised)

    @property
    def interval(self) -> float:
        """The median of the time between rows, seconds; 0.0 when there are none."""
        gaps = sorted(b - a for a, b in zip(self.times, self.times[1:], strict=False))
        return gaps[len(gaps) // 2] if gaps else 0.0
