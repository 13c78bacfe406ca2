"""`controlroom replay` on the real cluster."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from controlroom.local import Endpoints
from controlroom.wire import TopicNames
from tests.conftest import MakeTopic
from tests.integration.simulated import Plant, run


async def test_a_generated_file_is_on_the_topic_exactly(
    endpoints: Endpoints, topics: MakeTopic, tmp_path: Path
) -> None:
    names = TopicNames(
        data=await topics("data", partitions=3), commands=await topics("commands"), status=await topics("status")
    )
    rng = random.Random(5)
    start = datetime(2014, 4, 1, tzinfo=UTC)
    rows = [(start + timedelta(minutes=5 * n), round(rng.gauss(20, 4), 6)) for n in range(30_000)]
    path = tmp_path / "measured.csv"
    # Newest first, as many historians export it.
    lines = (f"{at:%Y-%m-%d %H:%M:%S},{value}\n" for at, value in reversed(rows))
    path.write_text("timestamp,value\n" + "".join(lines))
    plant = Plant(endpoints.brokers, names)
    await plant.start()
    try:
        code, err = await plant.run("replay", str(path), "--sensor-id", "oven-1", "--sensor-type", "temperature")
        assert code == 0
        assert "29,999 rows go back in time: the rows are sent in the order of time (the first: line 3)\n" in err
        assert err.endswith(f"replay: 30000 readings of oven-1 are on {names.data}\n")
        await plant.until(lambda: len(plant.records) >= len(rows))
        readings = plant.readings("oven-1")
        assert [(reading.timestamp, reading.value) for reading in readings] == rows
        assert plant.counts("oven-1") == list(range(1, len(rows) + 1))
        assert all(record.headers == () for record in plant.records)
    finally:
        await plant.stop()


async def test_a_bad_row_sends_nothing(endpoints: Endpoints, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("timestamp,value\n1,1\n2,two\n")
    # the topic is not even looked for: the file is checked first
    names = TopicNames(data="no-such-topic")
    code, err = await run(endpoints.brokers, names, "replay", str(path), "--sensor-id", "x", "--sensor-type", "energy")
    assert code == 4
    assert (
        err == "controlroom: bad.csv: line 3: column value: 'two' is not a number: --skip-bad passes over such rows\n"
    )


async def test_a_german_spreadsheet_of_several_sensors_is_on_the_topic(
    endpoints: Endpoints, topics: MakeTopic, tmp_path: Path
) -> None:
    names = TopicNames(
        data=await topics("data", partitions=3), commands=await topics("commands"), status=await topics("status")
    )
    zone = ZoneInfo("Europe/Berlin")
    # Over the night in which clocks are put back; the mill is read every other time.
    start = datetime(2026, 10, 24, 20, tzinfo=UTC)
    ovens = [(start + timedelta(minutes=10 * n), 1200.5 + n) for n in range(60)]
    mills = [(at, round(value / 7, 2)) for at, value in ovens[::2]]
    by_time = dict(mills)

    def german(value: float | None) -> str:
        return "" if value is None else f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")

    path = tmp_path / "halle.csv"
    lines = ["Zeit;Ofen 1;Mühle;Bemerkung", ";°C;mm/s;"]
    lines += [f"{at.astimezone(zone):%d.%m.%Y %H:%M};{german(v)};{german(by_time.get(at))};gut" for at, v in ovens]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    plant = Plant(endpoints.brokers, names)
    await plant.start()
    try:
        code, err = await plant.run("replay", str(path), "--sensor-type", "press", "--time-zone", "Europe/Berlin")
        assert code == 0, err
        assert "12 times are there twice in Europe/Berlin" in err
        assert err.endswith(f"replay: 90 readings of 2 sensors (Ofen 1, Mühle) are on {names.data}\n")
        await plant.until(lambda: len(plant.records) >= 90)
        for sensor, rows, unit in (("Ofen 1", ovens, "°C"), ("Mühle", mills, "mm/s")):
            readings = plant.readings(sensor)
            assert [(reading.timestamp, reading.value) for reading in readings] == rows
            assert {reading.unit for reading in readings} == {unit}
            assert plant.counts(sensor) == list(range(1, len(rows) + 1))
    finally:
        await plant.stop()
