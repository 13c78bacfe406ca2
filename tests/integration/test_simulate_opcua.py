"""`controlroom simulate --as opcua`: the simulated plant as an OPC UA server, through a bridge, to the topic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asyncua import Client

from controlroom.local import Endpoints, ports
from simulator.faults import FAULTS, new_fault
from tests.bridging import Bridging
from tests.conftest import MakeTopic
from tests.integration.simulated import BUILT_IN, QUICK, Plant, plant_of


@pytest.fixture
async def scene(endpoints: Endpoints, topics: MakeTopic) -> AsyncIterator[Plant]:
    async with plant_of(endpoints, topics) as plant:
        yield plant


@pytest.fixture
def bridging(scene: Plant, tmp_path: Path) -> Bridging:
    return Bridging(tmp_path, scene.brokers, scene.names.data, None)


async def test_its_sensors_arrive_with_place_unit_and_fault(scene: Plant, bridging: Bridging) -> None:
    url = f"opc.tcp://127.0.0.1:{ports.free_ports(1)[0]}/plant"
    to = ("--as", "opcua", "--to", url, "--interval", "0.1", "--bridge-file", str(bridging.file))
    try:
        async with scene.simulate(*to):
            await bridging.until(bridging.file.exists)
            bridging.start_simulated()
            await scene.until(lambda: {reading.sensor_id for reading in scene.readings()} == set(BUILT_IN), 60)
            fault = new_fault(FAULTS["rail"], fault_id="rail-1", start=datetime.now(UTC), interval=0.1, duration=60)
            await scene.order(QUICK, faults=(fault,))
            await scene.until(lambda: scene.readings("temp-sensor-001")[-1].alert_level == "critical")
            # Whoever looks for the truth finds it beside the value.
            async with Client(url) as client:
                index = await client.get_namespace_index("urn:controlroom:simulated-plant")
                place = QUICK.location
                path = "/".join(
                    [place.factory_section, place.zone, place.machine_id, "temperature", QUICK.sensor_id, "faults"]
                )
                assert await client.get_node(f"ns={index};s={path}").read_value() == "rail-1"
            await scene.until(lambda: all(len(scene.readings(sensor_id)) > 20 for sensor_id in BUILT_IN))
            await bridging.drained()
        await bridging.until(lambda: bridging.source["connected_since"] is None)  # the server has ended in order
        assert bridging.stop() == 0
    finally:
        if bridging.process is not None and bridging.process.poll() is None:
            bridging.kill()
    for sensor_id, spec in BUILT_IN.items():
        readings = scene.readings(sensor_id)
        assert (readings[0].location, readings[0].sensor_type) == (spec.location, spec.sensor_type)
        assert readings[0].unit
        assert [reading.metadata.reading_count for reading in readings] == list(range(1, len(readings) + 1))
        times = [reading.timestamp for reading in readings]
        assert times == sorted(set(times))
        # From the first to the last every value that was measured is there: one each tenth of a second.
        assert len(times) == round((times[-1] - times[0]).total_seconds() / 0.1) + 1, sensor_id


async def test_an_address_that_is_taken_or_wrong_is_said(scene: Plant) -> None:
    brokers_port = scene.brokers.split(",")[0].rpartition(":")[2]
    code, err = await scene.run("simulate", "--as", "opcua", "--to", f"opc.tcp://127.0.0.1:{brokers_port}/plant")
    assert code == 3
    assert "cannot listen at opc.tcp://127.0.0.1:" in err
    code, err = await scene.run("simulate", "--as", "opcua", "--to", "mqtt://127.0.0.1:1883")
    assert code == 4
    assert "must be opc.tcp://host:port/path" in err
