"""What was injected, and what became of it: read off the commands and the answers, pure.

A fault is known from the command that asks for it; it is confirmed, and later over, by the statuses of the simulator
that has the sensor. Both topics are compacted and may be read again from their beginning, and in any order between
them: the same records, once more, change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from controlroom.wire import FaultSpec, Location, SensorCommand, SensorStatus

_Key = tuple[str, str]

#: outcomes of a fault
OVER, CLEARED, REMOVED, REFUSED = "over", "cleared", "removed", "refused"


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One fault on one sensor. Times but `asked_at` are the sensor's own; the fields are the table's columns."""

    fault_id: str
    sensor_id: str
    fault: str
    magnitude: float | None
    machine_id: str
    zone: str
    injected_by: str
    command_id: str
    asked_at: datetime
    starts_at: datetime
    planned_end: datetime | None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""
    reason: str = ""

    @property
    def key(self) -> _Key:
        """Which of its sensor's faults it is."""
        return self.fault_id, self.fault

    def ended(self, at: datetime, outcome: str, reason: str = "") -> FaultRow:
        """It is over at `at`: by itself, if it was to be over by then; never before it began."""
        planned = self.planned_end
        if outcome != REFUSED and planned is not None and planned <= at:
            at, outcome = planned, OVER
        return replace(self, ended_at=max(at, self.starts_at), outcome=outcome, reason=reason)


#: the columns of the table, in the order of the fields
FAULT_COLUMNS = tuple(field.name for field in fields(FaultRow))


class FaultRegister:
    """Follows the faults that are not over. Each method returns the rows that are new or have changed.

    Args:
        open_rows: faults that are not over, as they are stored.
    """

    def __init__(self, open_rows: Iterable[FaultRow] = ()) -> None:
        #: by sensor, then by fault id and fault: what befalls a machine may be several faults on one sensor
        self._open: dict[str, dict[_Key, FaultRow]] = {}
        for row in open_rows:
            self._keep(row)

    def concerns(self, sensor_id: str) -> bool:
        """Whether a fault of the sensor is open: then every status of it matters."""
        return sensor_id in self._open

    def command(self, command: SensorCommand) -> list[FaultRow]:
        """A command was read. What it no longer asks for ends when its simulator says so."""
        spec = command.spec
        return self._join(
            spec.sensor_id, command.faults, spec.location, command.command_id, command.issued_at, command.issued_by
        )

    def removed(self, sensor_id: str, at: datetime) -> list[FaultRow]:
        """A sensor's removal was ordered. Faults that no simulator ever had end with it; the others by its status."""
        return [self._end(row, row.ended(at, REMOVED)) for row in self._rows(sensor_id) if row.confirmed_at is None]

    def status(self, status: SensorStatus) -> list[FaultRow]:
        """A simulator has said what a sensor is."""
        sensor_id = status.sensor_id
        place = status.spec.location if status.spec is not None else Location()
        changed = self._join(sensor_id, status.faults, place, status.command_id, status.timestamp, "")
        there = {(fault.fault_id, fault.fault) for fault in status.faults}
        for row in self._rows(sensor_id):
            if row.key in there:
                if row.confirmed_at is None:
                    changed.append(self._keep(replace(row, confirmed_at=status.timestamp)))
            elif status.state == "refused" and status.command_id == row.command_id:
                changed.append(self._end(row, row.ended(status.timestamp, REFUSED, status.reason)))
            elif self._is_over(row, status):
                outcome = REMOVED if status.state == "removed" else CLEARED
                changed.append(self._end(row, row.ended(status.timestamp, outcome)))
        return list({row.key: row for row in changed}.values())

    def _is_over(self, row: FaultRow, status: SensorStatus) -> bool:
        """Whether a status that does not name the fault says that it is over, or was written before it was known."""
        if row.confirmed_at is not None:
            return status.timestamp >= row.confirmed_at
        # It was over before the sensor came to have it, as when no simulator ran.
        return status.command_id == row.command_id

    def _join(
        self,
        sensor_id: str,
        faults: Iterable[FaultSpec],
        place: Location,
        command_id: str,
        asked_at: datetime,
        asked_by: str,
    ) -> list[FaultRow]:
        known = self._open.get(sensor_id, {})
        return [
            self._keep(_row(sensor_id, fault, place, command_id, asked_at, asked_by))
            for fault in faults
            if (fault.fault_id, fault.fault) not in known
        ]

    def _rows(self, sensor_id: str) -> list[FaultRow]:
        return list(self._open.get(sensor_id, {}).values())

    def _keep(self, row: FaultRow) -> FaultRow:
        self._open.setdefault(row.sensor_id, {})[row.key] = row
        return row

    def _end(self, row: FaultRow, ended: FaultRow) -> FaultRow:
        rows = self._open[row.sensor_id]
        del rows[row.key]
        if not rows:
            del self._open[row.sensor_id]
        return ended


def _row(
    sensor_id: str, fault: FaultSpec, place: Location, command_id: str, asked_at: datetime, asked_by: str
) -> FaultRow:
    planned = None if fault.duration is None else fault.start + timedelta(seconds=fault.duration)
    return FaultRow(
        fault.fault_id,
        sensor_id,
        fault.fault,
        fault.magnitude,
        place.machine_id,
        place.zone,
        fault.by or asked_by,
        command_id,
        asked_at,
        fault.start,
        planned,
    )
