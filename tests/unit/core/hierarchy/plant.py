"""A plant that tests of the tree change step by step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controlroom.core.plant_state import PlantState
from controlroom.wire import AlarmEvent, FaultSpec, Location, Metadata, Reading, SensorSpec, SensorStatus

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Plant:
    """A state, and a clock in seconds since `START`."""

    def __init__(self) -> None:
        self.state = PlantState()
        self.second = 0.0
        self._versions: dict[tuple[str, str], int] = {}

    @property
    def at(self) -> datetime:
        return START + timedelta(seconds=self.second)

    @property
    def now(self) -> float:
        return self.at.timestamp()

    def read(
        self, sensor: str, section: str = "", zone: str = "", machine: str = "", *, quality: float = 1.0, ago: float = 0
    ) -> None:
        """A reading, from there, that came `ago` seconds ago."""
        place = Location(section, machine, zone)
        reading = Reading(
            self.at, sensor, "temperature", place, 20.0, "°C", quality=quality, metadata=Metadata(0, 35.0, 40.0)
        )
        self.state.apply_reading(reading, seen_at=self.now - ago, simulated=False)

    def status(self, sensor: str, what: str = "running", *, faults: int = 0, interval: float = 1.0) -> None:
        spec = SensorSpec(
            sensor_id=sensor,
            sensor_type="temperature",
            location=self.state.sensors[sensor].location if sensor in self.state.sensors else Location(),
            interval=interval,
        )
        acting = tuple(FaultSpec(fault_id=f"f{n}", fault="spike", start=START) for n in range(faults))
        status = SensorStatus(
            sensor_id=sensor,
            state=what,
            timestamp=self.at,
            owner="sim",
            spec=spec,
            faults=acting,  # type: ignore[arg-type]
        )
        self.state.apply_status(status, sensor)

    def remove(self, sensor: str) -> None:
        self.state.apply_status(None, sensor)

    def alarm(
        self,
        sensor: str,
        kind: str = "limit",
        *,
        state: str = "UNACK",
        severity: str = "warning",
        priority: str = "medium",
    ) -> None:
        """The alarm is in this state now."""
        version = self._versions[sensor, kind] = self._versions.get((sensor, kind), 0) + 1
        self.state.apply_alarm(
            AlarmEvent(
                event_id=f"{sensor}/{kind}/{version}",
                occurrence_id=f"{sensor}/{kind}",
                version=version,
                timestamp=self.at,
                event="raised",
                sensor_id=sensor,
                sensor_type="",
                location=Location(),
                kind=kind,
                severity=severity,
                priority=priority,
                state=state,
                annunciated=True,
                message=f"{kind} of {sensor}",
            )
        )
