"""`controlroom simulate --as sparkplug` on a real mosquitto, through a bridge, to the topic of readings.

Every value that an edge node has handed to a host that was online is on the topic once, whatever is killed meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from controlroom.local import Endpoints
from simulator.faults import FAULTS, new_fault
from tests.bridging import Bridging, bridged, needs_mosquitto
from tests.conftest import MakeTopic
from tests.integration.simulated import BUILT_IN, QUICK, Plant, plant_of

pytestmark = needs_mosquitto


@pytest.fixture
async def scene(endpoints: Endpoints, topics: MakeTopic) -> AsyncIterator[Plant]:
    async with plant_of(endpoints, topics) as plant:
        yield plant


@pytest.fixture
async def bridging(scene: Plant, tmp_path: Path) -> AsyncIterator[Bridging]:
    with bridged(tmp_path, scene.brokers, scene.names.data) as made:
        yield made


async def test_nothing_is_lost_or_twice_when_the_bridge_and_the_broker_are_killed(
    scene: Plant, bridging: Bridging
) -> None:
    mosquitto = bridging.mosquitto
    assert mosquitto is not None
    to = ("--as", "sparkplug", "--to", mosquitto.url, "--interval", "0.1", "--bridge-file", str(bridging.file))

    def last() -> int:
        return len(scene.readings())

    async with scene.simulate(*to):
        await bridging.until(bridging.file.exists)
        bridging.start_simulated()
        await scene.until(lambda: {reading.sensor_id for reading in scene.readings()} == set(BUILT_IN), 60)
        fault = new_fault(FAULTS["rail"], fault_id="rail-1", start=datetime.now(UTC), interval=0.1, duration=60)
        await scene.order(QUICK, faults=(fault,))
        await scene.until(lambda: scene.readings("temp-sensor-001")[-1].alert_level == "critical")

        bridging.kill()
        bridging.start_simulated()
        await bridging.connected()
        before = last()
        await scene.until(lambda: last() > before + 300)
        mosquitto.kill()
        await bridging.until(lambda: bridging.source["connected_since"] is None)
        mosquitto.start()
        await bridging.connected()
        before = last()
        await scene.until(lambda: last() > before + 300, 60)
        status = bridging.status()
    # The simulator has ended in order: its edge nodes have told their deaths.
    await bridging.until(lambda: len(bridging.status()["sources"]) > 1)
    dead = {one["kind"] for one in bridging.status()["sources"][1:]}
    assert dead == {"node"}
    await bridging.drained()
    assert bridging.stop() == 0
    assert status["sources"][0]["reconnects"] == 1
    for sensor_id, spec in BUILT_IN.items():
        readings = scene.readings(sensor_id)
        assert (readings[0].location, readings[0].sensor_type) == (spec.location, spec.sensor_type)
        assert readings[0].unit
        assert [reading.metadata.reading_count for reading in readings] == list(range(1, len(readings) + 1))
        times = sorted(reading.timestamp for reading in readings)
        # Each was measured once, and none is missing between: the simulator measures every 100 ms.
        assert len(set(times)) == len(times)
        gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
        assert max(gaps) < 0.3, (sensor_id, max(gaps))


async def test_a_broker_that_does_not_answer_is_said(scene: Plant) -> None:
    code, err = await scene.run("simulate", "--as", "sparkplug", "--to", "mqtt://127.0.0.1:1")
    assert code == 3
    assert "no MQTT broker answers at mqtt://127.0.0.1:1" in err
