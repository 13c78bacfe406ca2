"""Eight sensors of one machine with an hour of readings each, for the screens that draw curves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controlroom.core.archive import LearningFacts, Series
from controlroom.core.plant_state import PlantState
from controlroom.core.trends import Curve, TrendData, TrendQuestion
from controlroom.wire import SENSOR_TYPES, Location, Metadata, Reading

SENSORS = tuple(f"temp-sensor-{number:03d}" for number in range(8))
_START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
_READINGS = 3_600
_IN_MEMORY = 600


def _value(number: int, at: float) -> float:
    second = int(at)
    return 20.0 + number + (number * 7 + second * 13) % 17 / 4 + second % 900 / 300


class CurvePlant:
    """The plant, its clock, and a database that answers at once."""

    def __init__(self) -> None:
        self.state = PlantState()
        self.at = _START
        self.history = _History(self)
        for second in range(-_IN_MEMORY, 1):
            self._take(_START + timedelta(seconds=second))

    def now(self) -> datetime:
        """The clock."""
        return self.at

    def read(self, tick: int) -> None:
        """A second goes by, and every sensor sends."""
        self.at += timedelta(seconds=1)
        self._take(self.at)

    def _take(self, at: datetime) -> None:
        kind, place = SENSOR_TYPES["temperature"], Location("production", "machine-001", "zone-a")
        meta = Metadata(0, kind.warning, kind.critical)
        for number, sensor_id in enumerate(SENSORS):
            value = _value(number, at.timestamp())
            reading = Reading(at, sensor_id, kind.name, place, value, kind.unit, metadata=meta)
            self.state.apply_reading(reading, seen_at=at.timestamp(), simulated=True)


class _History:
    """Implements `controlroom.ports.History`, as far as these screens ask."""

    def __init__(self, plant: CurvePlant) -> None:
        self._plant = plant

    def series(self, sensor_id: str, seconds: float, end: float) -> None:
        times = _times(end)
        values = tuple(_value(SENSORS.index(sensor_id), at) for at in times)
        series = Series(end - seconds, end, "raw", times, values, scores=tuple((at, 0.1) for at in times))
        self._plant.state.archive.series.put((sensor_id, seconds), series, end)

    def trend(self, sensors: tuple[str, ...], span: float, end: float | None, until: float) -> None:
        times = _times(until)
        curves = {
            sensor_id: Curve(times, tuple(_value(SENSORS.index(sensor_id), at) for at in times))
            for sensor_id in sensors
        }
        question = TrendQuestion(sensors, span, end)
        self._plant.state.archive.trends.put(question, TrendData(until - span, until, curves), until)

    def learning(self, sensor_id: str) -> None:
        self._plant.state.archive.learning.put(sensor_id, LearningFacts(), self._plant.at.timestamp())

    def alarm(self, sensor_id: str, kind: str) -> None: ...
    def why(self, sensor_id: str, kind: str) -> None: ...
    def suppressed(self) -> None: ...
    def measures(self) -> None: ...
    def alarm_jump(self, sensors: tuple[str, ...], severity: str, at: float, step: int) -> None: ...
    def saved_trends(self) -> None: ...


def _times(end: float) -> tuple[float, ...]:
    return tuple(float(int(end) - _READINGS + second) for second in range(_READINGS))
