"""Tables of the command line stay in line with characters that take two cells, or none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from controlroom.cli import alarm_text, sensor_text
from controlroom.core.alarms.model import Alarm
from controlroom.core.cells import crop, left, pad, right
from controlroom.wire import Location, SensorSpec, SensorStatus

NAMES = ["temp-sensor-001", "温度センサー-炉-1", "Tempe\u0301rature", "датчик-7"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [1, 5, 8, 17, 30])
def test_text_takes_the_cells_that_it_is_given(name: str, width: int) -> None:
    assert cell_len(left(name, width)) == width
    assert cell_len(right(name, width)) == width
    assert cell_len(crop(name, width)) <= width
    assert cell_len(pad(name, width)) == max(width, cell_len(name))


def status(name: str) -> SensorStatus:
    place = Location("production", "炉-1", "zone-a")
    spec = SensorSpec(sensor_id=name, sensor_type="temperature", location=place)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return SensorStatus(sensor_id=name, state="running", timestamp=at, reading_count=7, spec=spec)


def test_the_list_of_sensors_is_in_line() -> None:
    rows = [sensor_text.HEAD, *(sensor_text.row(status(name)) for name in NAMES)]
    places = {cell_len(row[: row.index("running" if "running" in row else "STATE")]) for row in rows}
    assert places == {25}


def test_the_list_of_alarms_is_in_line() -> None:
    alarms = [Alarm(sensor_id=name, kind="limit") for name in NAMES]
    rows = list(alarm_text.table(alarms))
    kinds = {cell_len(row[: row.index("limit" if "limit" in row else "KIND")]) for row in rows}
    assert len(kinds) == 1
    assert all(cell_len(row) <= 60 for row in alarm_text.table(alarms, 60))
