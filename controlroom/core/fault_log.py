"""Injected faults as the control room saw them: when each began and ended, which alarm found it, and how much later.

Times are seconds since the epoch. A fault and its alarm carry the sensor's own time, so the delay between
them is true also for a plant that is simulated faster than the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controlroom.core.sanitise import sanitise
from controlroom.wire import AlarmEvent, FaultSpec

#: faults that are remembered after their end, in all
MOST = 200
#: first alarms that are remembered, also of faults that are not known yet
MOST_FINDINGS = 500
#: events by which an alarm says that something is the matter
_FINDS = frozenset({"raised", "recurred", "severity-rose"})


@dataclass(frozen=True, slots=True)
class Finding:
    """The first alarm of a fault."""

    kind: str
    severity: str
    at: float


@dataclass(frozen=True, slots=True)
class FaultRun:
    """One fault of one sensor."""

    sensor_id: str
    fault: FaultSpec
    #: when it acted no more; None while it acts or is still to come
    ended_at: float | None = None
    #: None: no alarm yet
    found: Finding | None = None

    @property
    def started_at(self) -> float:
        """When it begins to act."""
        return self.fault.start.timestamp()

    @property
    def delay(self) -> float | None:
        """Seconds from its start to the first alarm."""
        return None if self.found is None else max(0.0, self.found.at - self.started_at)

    def end(self, now: float) -> float:
        """When it ended, or is to end; `now` while nothing is said of it."""
        if self.ended_at is not None:
            return self.ended_at
        return self.started_at + self.fault.duration if self.fault.duration is not None else now


class FaultLog:
    """Written by the link's thread alone; others read copies."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], FaultRun] = {}
        #: sensor -> its faults that act or are to come
        self._open: dict[str, set[str]] = {}
        self._found: dict[str, Finding] = {}
        #: changes with anything
        self.version = 0

    def see(self, sensor_id: str, faults: Sequence[FaultSpec], at: float | None) -> None:
        """The faults that a sensor has now; what it had before and has no more ended `at` (None: when is not known)."""
        open_before = self._open.get(sensor_id)
        if not faults and not open_before:
            return
        now = {fault.fault_id: fault for fault in faults}
        for fault_id, fault in now.items():
            if not open_before or fault_id not in open_before:
                self._runs[sensor_id, fault_id] = FaultRun(sensor_id, fault)
                self.version += 1
        for fault_id in (open_before or set()) - now.keys():
            run = self._runs.get((sensor_id, fault_id))
            if run is not None:
                planned = run.end(at or run.started_at)
                ended = planned if at is None else max(run.started_at, min(at, planned))
                self._runs[sensor_id, fault_id] = replace(run, ended_at=ended)
                self.version += 1
        self._open[sensor_id] = set(now)
        while len(self._runs) > MOST:
            over = next((key for key, run in self._runs.items() if run.ended_at is not None), None)
            del self._runs[over if over is not None else next(iter(self._runs))]

    def hear(self, event: AlarmEvent) -> None:
        """An alarm event: the first one that is caused by a fault finds it."""
        if event.fault_id and event.event in _FINDS and event.fault_id not in self._found:
            self._found[event.fault_id] = Finding(
                sanitise(event.kind, limit=32), event.severity, event.timestamp.timestamp()
            )
            if len(self._found) > MOST_FINDINGS:
                del self._found[next(iter(self._found))]
            self.version += 1

    def runs(self, sensor_id: str | None = None) -> list[FaultRun]:
        """The faults of one sensor or of all: those that act first, the newest first."""
        runs = [
            replace(run, found=self._found.get(run.fault.fault_id))
            for run in list(self._runs.values())
            if sensor_id is None or run.sensor_id == sensor_id
        ]
        return sorted(runs, key=lambda run: (run.ended_at is not None, -run.started_at, run.fault.fault_id))
