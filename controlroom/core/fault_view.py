"""An injected fault as it is on record, and what detection made of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FaultView:
    """One fault, of a sensor or of several (a machine, a zone).

    Times are seconds since the epoch in the sensor's own time, as its alarms carry it: so the delay is true also for a
    plant that is simulated faster than the clock.
    """

    fault_id: str
    sensors: tuple[str, ...]
    injected_by: str
    start: float
    #: when it acted no more; None: it acts, or is to come
    end: float | None = None
    #: over, cleared, removed, refused; empty while it acts
    outcome: str = ""
    #: when the first alarm that it can have caused was raised; None: none yet
    detected_at: float | None = None
    #: that alarm's kind and severity
    kind: str = ""
    severity: str = ""
    #: spike, drift, ...; of a machine or a zone, its name
    fault: str = ""
    #: in the fault's own measure; None: its default, or several
    magnitude: float | None = None
    #: when it is to end by itself; None: when it is cleared
    planned_end: float | None = None

    @property
    def delay(self) -> float | None:
        """Seconds from its start to the first alarm; None: not detected."""
        return None if self.detected_at is None else max(0.0, self.detected_at - self.start)

    def acts_until(self, now: float) -> float:
        """When it ended, or is to end; `now` while nothing is said of it."""
        if self.end is not None:
            return self.end
        return self.planned_end if self.planned_end is not None else now
