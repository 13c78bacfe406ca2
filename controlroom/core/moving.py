"""A sensor that moves to another partition of its topic, as happens to some when partitions are added.

The new partition stops at the sensor's first record. The old one works off what came before that record and gives the
sensor up: the state of its detectors and its alarms go to the new one. For a while the old partition stores what still
comes of the sensor, and does not watch it: so a sensor whose publishers choose different partitions does not go to and
fro with each reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detectors.finding import Finding
from detectors.profile import Profile

#: For so many seconds of broker time a sensor that has moved is not taken back.
STAYS_S = 600.0
#: So long after partitions were added nobody is called silent: a sensor may be heard where nobody reads yet.
HEARD_ELSEWHERE_S = 60.0


@dataclass(frozen=True, slots=True)
class Departure:
    """A sensor that a partition gives up.

    Attributes:
        offset: of the old partition: everything before it was worked off with the sensor there.
        at: broker time of that, seconds since the epoch.
        state: what its detectors have learned; None: as it was saved last, nothing of the sensor came since.
    """

    sensor_id: str
    offset: int
    at: float
    state: bytes | None


class UnknownSensor(Exception):
    """A record's sensor must be looked for in other partitions before its first record is worked on."""


class Unwatched:
    """In the place of the detectors of a sensor that has moved away: takes readings, and finds nothing."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def observe(self, seq: int, t: float, arrived: float, x: float) -> Sequence[Finding]:
        """A reading that still comes here."""
        return ()

    def tick(self, now: float) -> Sequence[Finding]:
        """Its silence is none of ours."""
        return ()

    def reject(self, arrived: float) -> Sequence[Finding]:
        """A record that cannot be read."""
        return ()
