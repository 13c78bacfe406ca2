"""What is kept of one sensor while its partition is ours: its detectors, and what its last records said of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Raw

from controlroom.core.alarms.events import Detected, Returned
from controlroom.core.alarms.model import Severity
from controlroom.core.moving import Unwatched
from controlroom.core.records import SensorFacts
from controlroom.core.rollups import Bucket
from controlroom.wire import Reading
from controlroom.wire.reading import HEADER_FAULT, HEADER_SIMULATED, QuickReading
from detectors.bank import VERSION as DEFAULT_VERSION
from detectors.bank import SensorBank
from detectors.cheap import VERSION as CHEAP_VERSION
from detectors.cheap import CheapBank
from detectors.conditions import TOGETHER
from detectors.finding import Finding
from detectors.profile import Profile

log = logging.getLogger(__name__)

LearningBank = SensorBank | CheapBank
Bank = LearningBank | Unwatched
#: limits and one statistical detector, or everything there is
BankName = Literal["default", "cheap"]


class Slot:
    """What is kept of one sensor while its partition is ours."""

    __slots__ = (
        "arrived",
        "bank",
        "bucket",
        "bucket_start",
        "clock",
        "count",
        "critical",
        "deadline",
        "dirty",
        "facts",
        "fault_id",
        "location",
        "misses",
        "origin",
        "place",
        "saved",
        "sensor_id",
        "sensor_type",
        "source",
        "template",
        "unit",
        "unit_as_sent",
        "warning",
    )

    def __init__(self, facts: SensorFacts, bank: Bank, reading: Reading) -> None:
        self.sensor_id = facts.sensor_id
        self.facts = facts
        self.bank = bank
        #: location and unit as the last record that was looked at closely wrote them
        self.place = self.unit_as_sent = Raw()
        #: for the compiled loop: how its readings are written, and how many lately were written otherwise
        self.template: Any = None
        self.misses = 0
        self.tell(reading)
        self.count = 0
        #: the roll-up that the last reading went to
        self.bucket: Bucket | None = None
        self.bucket_start = 0
        self.dirty = True
        #: event time at which a delay of one of its alarms ends
        self.deadline = math.inf
        #: the sensor's own time: the latest event time it has told; and the broker's time of its last record
        self.clock = -math.inf
        self.arrived = -math.inf
        #: offset of the last record, and the fault that shaped it: what silence is ascribed to
        self.source = -1
        #: the same at the last checkpoint
        self.saved = -1
        self.fault_id: str | None = None

    @property
    def watched(self) -> bool:
        """Whether its detectors are ours; else it has moved to another partition."""
        return not isinstance(self.bank, Unwatched)

    def tell(self, reading: Reading) -> None:
        """What a reading says of its sensor besides the value."""
        self.sensor_type = reading.sensor_type
        self.unit = reading.unit
        self.location = reading.location
        self.warning = reading.metadata.warning_threshold
        self.critical = reading.metadata.critical_threshold
        self.origin = reading.source

    def sent(self, reading: QuickReading) -> None:
        """A record that was looked at closely: the next one that writes all of this alike need not be."""
        # Copied: what is left as it came holds the whole message.
        self.place = reading.location.copy()
        self.unit_as_sent = reading.unit.copy()
        self.template = None

    def tells_otherwise(self, reading: Reading) -> bool:
        """Whether a reading says something else of its sensor than the one before."""
        metadata = reading.metadata
        return (
            metadata.warning_threshold != self.warning
            or metadata.critical_threshold != self.critical
            or reading.unit != self.unit
            or reading.location != self.location
            or reading.sensor_type != self.sensor_type
            or reading.source != self.origin
        )

    def clock_at(self, log_s: float) -> float:
        """The sensor's own time when the broker's is `log_s`: what its last reading told, and the time since.

        Everything that happens to an alarm is told in this one time, also what no reading tells: on a sensor whose
        clock is years off, or whose history is replayed, the broker's time would put delays where they never end.
        """
        return self.clock + (log_s - self.arrived) if self.clock > -math.inf else log_s

    def alarm_input(self, finding: Finding, at: float) -> Detected | Returned:
        """What its detectors found, as the alarm hears of it at `at` in the sensor's own time."""
        if finding.level == 0:
            return returned(finding.kind, at)
        together = finding.kind if finding.kind in TOGETHER else ""
        return Detected(
            at=at,
            severity=Severity.of_level(finding.level),
            value=finding.value,
            limit=finding.limit,
            expected=finding.expected,
            score=finding.score,
            detector=finding.detector,
            message=finding.message,
            offset=self.source,
            simulated=self.facts.simulated,
            fault_id=self.fault_id or "",
            holder=together,
            finding=together,
            disturbance=finding.disturbance,
        )


def returned(kind: str, at: float) -> Returned:
    """The condition `kind` is over; where it was part of a disturbance, it holds that up no longer."""
    return Returned(at=at, holder=kind if kind in TOGETHER else "")


def version_of(name: BankName) -> int:
    """The version of the states that a bank saves: their first byte."""
    return CHEAP_VERSION if name == "cheap" else DEFAULT_VERSION


def load_bank(name: BankName, sensor_id: str, profile: Profile, saved: bytes | None) -> LearningBank:
    """A sensor's detectors as they were saved; new ones where nothing was, or where another bank's state was.

    An empty state is that of a sensor which was met after the checkpoint.
    """
    kind = CheapBank if name == "cheap" else SensorBank
    if not saved:
        return kind(profile)
    if saved[0] != version_of(name):
        # Of the other bank or of an older version: it was told when the partition was taken.
        log.debug("%s: its detectors' state is of another kind; they begin anew", sensor_id)
        return kind(profile)
    # A state that cannot be read ends the worker: an empty one is never used in its place.
    return kind.load(profile, saved)


def fault_id_of(headers: Sequence[tuple[str, bytes]]) -> str | None:
    """The injected fault that shaped a record, by its headers."""
    for name, value in headers:
        if name == HEADER_FAULT:
            return value.decode("utf-8", "replace")[:128].replace("\x00", "") or None
    return None


def is_simulated(headers: Sequence[tuple[str, bytes]]) -> bool:
    """Whether a record comes from a simulated sensor."""
    return any(name == HEADER_SIMULATED for name, _ in headers)
