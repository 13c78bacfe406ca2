"""What is wrong with a partition's records as a whole: more sensors than are allowed, rejects without end.

Each is an alarm of the partition (`partition:2`), told in broker time, so that a flood of bad records is seen by an
operator and not only by whoever reads `rejects`. It also bounds what a flood costs: the rows of rejects are always
written, but beyond a budget a minute their bytes are not, only their hash and size.

>>> intake = Intake(2)
>>> [told.at for _ in range(REJECTS_A_MINUTE) for kind, told in intake.rejected(Reason.MALFORMED, 300, 60.0)[1]]
[60.0]
>>> intake.time_passed(130.0)
[]
>>> [kind for kind, told in intake.time_passed(180.0)]
['rejects']
"""

from __future__ import annotations

import math
from collections.abc import Collection

from controlroom.core.alarms.events import Detected, Returned
from controlroom.core.alarms.model import GAP_KIND, REJECTS_KIND, SENSOR_LIMIT_KIND, Severity
from controlroom.core.records import Signal, Source, facts_of_group
from controlroom.wire import Reason

#: So many rejects of a partition within a minute of broker time are an alarm.
REJECTS_A_MINUTE = 600
#: Bytes of rejected records that are kept of a partition's minute; of those after it, hash and size alone.
KEPT_A_MINUTE = 4 * 1024 * 1024
#: A partition whose sensors are too many is well again when none was refused for so many seconds.
QUIET_S = 60.0
_MINUTE_S = 60.0

#: (kind of alarm, what happened)
Told = tuple[str, Detected | Returned]


class Intake:
    """Follows what is refused of one partition. Times are the broker's, seconds since the epoch."""

    def __init__(self, partition: int) -> None:
        self.name = f"partition:{partition}"
        self._minute = -math.inf
        self._rejects = 0
        self._kept = 0
        self._limited_at = -math.inf
        self._standing: set[str] = set()

    def set_standing(self, kinds: Collection[str]) -> None:
        """Which of its alarms stand by what is committed: a predecessor may have told them."""
        self._standing = {kind for kind in kinds if kind in (REJECTS_KIND, SENSOR_LIMIT_KIND)}

    def rejected(self, reason: Reason, size: int, now: float) -> tuple[bool, list[Told]]:
        """A record was refused of which `size` bytes would be kept: (whether they are, what is told)."""
        told = self._begin(now)
        self._rejects += 1
        keep = self._kept + size <= KEPT_A_MINUTE
        if keep:
            self._kept += size
        if reason is Reason.SENSOR_LIMIT:
            self._limited_at = max(now, self._limited_at)
            if SENSOR_LIMIT_KIND not in self._standing:
                text = "more sensors than max_sensors allows: readings of further ones are rejected"
                told.append(self._raise(SENSOR_LIMIT_KIND, Severity.CRITICAL, now, text))
        if self._rejects == REJECTS_A_MINUTE and REJECTS_KIND not in self._standing:
            text = f"{REJECTS_A_MINUTE} records were rejected within a minute, the last as {reason}; see `rejects list`"
            told.append(self._raise(REJECTS_KIND, Severity.WARNING, now, text))
        return keep, told

    def time_passed(self, now: float) -> list[Told]:
        """Broker time is `now`: what is over."""
        if not self._standing:
            return []
        told = self._begin(now)
        if SENSOR_LIMIT_KIND in self._standing:
            # After a takeover nothing was refused yet: the quiet begins with the first look.
            self._limited_at = now if self._limited_at == -math.inf else self._limited_at
            if now >= self._limited_at + QUIET_S:
                told.append(self._end(SENSOR_LIMIT_KIND, now))
        return told

    def _begin(self, now: float) -> list[Told]:
        """Begin the minute of `now`, if it is a new one."""
        if now < self._minute + _MINUTE_S:
            return []
        # Of the minutes that were passed over each was quiet.
        calm = self._rejects < REJECTS_A_MINUTE or now >= self._minute + 2 * _MINUTE_S
        first = self._minute == -math.inf
        self._minute = now - now % _MINUTE_S
        self._rejects = self._kept = 0
        return [self._end(REJECTS_KIND, now)] if calm and not first and REJECTS_KIND in self._standing else []

    def _raise(self, kind: str, severity: Severity, now: float, text: str) -> Told:
        self._standing.add(kind)
        return kind, Detected(at=now, severity=severity, detector="intake", message=text)

    def _end(self, kind: str, now: float) -> Told:
        self._standing.discard(kind)
        return kind, Returned(at=now)


def gap_signals(topic: str, partition: int, start: int, end: int, reason: str, now: float) -> list[Signal]:
    """The alarm that records are gone: over at once, and open until an operator acknowledges it."""
    text = f"records from offset {start} on are gone ({reason}); processing goes on at {end}"
    raised = Detected(at=now, severity=Severity.CRITICAL, detector="intake", message=text, offset=start)
    source = Source(topic, partition, start)
    facts = facts_of_group(f"partition:{partition}")
    return [Signal(facts, GAP_KIND, event, source) for event in (raised, Returned(at=now))]
