"""`controlroom replay` on the real cluster."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    path.write_text("timestamp,value\n" + "".join(f"{at:%Y-%m-%d %H:%M:%S},{value}\n" for at, value in rows))
    plant = Plant(endpoints.brokers, names)
    await plant.start()
    try:
        code, err = await plant.run("replay", str(path), "--sensor-id", "oven-1", "--sensor-type", "temperature")
        assert (code, err) == (0, f"replay: 30000 readings of oven-1 are on {names.data}\n")
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
    assert err == "controlroom: bad.csv: line 3: 'two' is not a number\n"
