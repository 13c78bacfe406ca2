"""A large plant for the benchmark of the tree, and what happens in it between two ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controlroom.wire import AlarmEvent

#: sensors of a machine, machines of a zone, zones of a section
_SENSORS, _MACHINES, _ZONES = 20, 25, 10
#: readings of each sensor before it is measured
_HISTORY = 12
#: one sensor in so many reads at a tick
_EVERY = 10
#: alarms that are raised, and that return, between two ticks that are not quiet
_ALARMS = 10
_START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


class TreePlant:
    """`count` sensors; its clock moves by half a second a tick, and each sensor reads every five seconds."""

    def __init__(self, count: int) -> None:
        from controlroom.core import plant_state, sensor_view
        from controlroom.wire import SENSOR_TYPES, Location

        # Rings of 600 readings would need a gigabyte for 100,000 sensors, and what is drawn is the newest few.
        sensor_view.HISTORY = 60
        self.state = plant_state.PlantState()
        self.at = _START
        self._kind = SENSOR_TYPES["temperature"]
        self._count = count
        self._places = [
            Location(
                f"section-{number // (_SENSORS * _MACHINES * _ZONES):02d}",
                f"machine-{number // _SENSORS:04d}",
                f"zone-{number // (_SENSORS * _MACHINES):03d}",
            )
            for number in range(count)
        ]
        self._alarms = 0
        for tick in range(_HISTORY * _EVERY):
            self.read(tick)

    def now(self) -> datetime:
        """As a clock."""
        return self.at

    def read(self, tick: int) -> None:
        """A reading of every tenth."""
        from controlroom.wire import Metadata, Reading

        self.at += timedelta(seconds=0.5)
        kind, meta = self._kind, Metadata(0, self._kind.warning, self._kind.critical)
        for number in range(tick % _EVERY, self._count, _EVERY):
            place = self._places[number]
            value = kind.base + (number * 7 + tick * 13) % 17 / 4
            reading = Reading(self.at, f"temp-{number:06d}", kind.name, place, value, kind.unit, metadata=meta)
            self.state.apply_reading(reading, seen_at=self.at.timestamp(), simulated=True)

    def disturb(self) -> str:
        """Alarms of sensors all over the plant are raised, and those before go; the sensor of the last one."""
        sensor = ""
        for state in ("NORMAL", "UNACK"):
            if state == "UNACK":
                self._alarms += 1
            elif not self._alarms:
                continue
            for index in range(_ALARMS):
                number = (self._alarms * 7919 + index * 104_729) % self._count
                sensor = f"temp-{number:06d}"
                self.state.apply_alarm(self._event(sensor, state))
        return sensor

    def _event(self, sensor: str, state: str) -> AlarmEvent:
        from controlroom.wire import AlarmEvent, Location

        version = 1 if state == "UNACK" else 2
        occurrence = f"{sensor}/limit/{self._alarms}"
        return AlarmEvent(
            event_id=f"{occurrence}/{version}",
            occurrence_id=occurrence,
            version=version,
            timestamp=self.at,
            event="raised" if version == 1 else "closed",
            sensor_id=sensor,
            sensor_type=self._kind.name,
            location=Location(),
            kind="limit",
            severity="critical",
            priority="high",
            state=state,
            annunciated=version == 1,
        )
