"""`controlroom simulate --as mqtt` on a real mosquitto, through a bridge, to the topic of readings."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from controlroom.local import Endpoints
from simulator.faults import FAULTS, new_fault
from simulator.specification import limits_of, unit_of
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


async def test_the_simulated_plant_comes_back_through_a_bridge_with_its_faults(
    scene: Plant, bridging: Bridging
) -> None:
    mosquitto = bridging.mosquitto
    assert mosquitto is not None
    heard: list[MQTTMessage] = []
    listener = Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _client, _data, message: heard.append(message)
    listener.connect("127.0.0.1", mosquitto.port)
    listener.subscribe("plant/#", qos=1)
    listener.loop_start()
    try:
        to = ("--as", "mqtt", "--to", mosquitto.url, "--interval", "0.5", "--bridge-file", str(bridging.file))
        async with scene.simulate(*to) as process:
            await bridging.until(lambda: len({message.topic for message in heard}) == 15, patience=60)
            bridging.start_simulated()
            await bridging.connected()
            await scene.until(lambda: {reading.sensor_id for reading in scene.readings()} == set(BUILT_IN), 60)

            # A fault is ordered as ever, acts on the values, and is named in the messages and in the status.
            fault = new_fault(FAULTS["rail"], fault_id="rail-1", start=datetime.now(UTC), interval=0.1, duration=60)
            await scene.order(QUICK, faults=(fault,))
            await scene.until(lambda: scene.status("temp-sensor-001").faults == (fault,))
            limit = limits_of(QUICK).critical
            await scene.until(lambda: scene.readings("temp-sensor-001")[-1].alert_level == "critical")
            assert scene.readings("temp-sensor-001")[-1].value > limit
            truth = [json.loads(message.payload) for message in heard if b'"faults":["rail-1"]' in message.payload]
            assert truth
            assert {reading.value for reading in scene.readings("temp-sensor-001")} & {one["value"] for one in truth}

            # The broker stands away for a moment: what was taken meanwhile comes late, and once.
            mosquitto.stop()
            await bridging.until(lambda: bridging.source["connected_since"] is None)
            mosquitto.start()
            await bridging.connected()
            since = datetime.now(UTC)
            await scene.until(lambda: scene.readings("vib-sensor-001")[-1].timestamp > since, 60)

            process.send_signal(signal.SIGTERM)
            _, err = await process.communicate()
            assert process.returncode == 0, err.decode()
            assert "readings delivered in" in err.decode()
            assert "dropped" not in err.decode()
    finally:
        listener.disconnect()
        listener.loop_stop()
    await bridging.drained()
    assert bridging.stop() == 0
    for sensor_id, spec in BUILT_IN.items():
        readings = scene.readings(sensor_id)
        moments = [reading.timestamp for reading in readings]
        assert len(set(moments)) == len(moments)
        assert {(one.sensor_type, one.unit, one.location) for one in readings} == {
            (spec.sensor_type, unit_of(spec), spec.location)
        }
        assert {one.metadata.critical_threshold for one in readings} == {limits_of(spec).critical}
        assert [one.metadata.reading_count for one in readings] == list(range(1, len(readings) + 1))


async def test_so_many_readings_and_no_more(scene: Plant, bridging: Bridging) -> None:
    mosquitto = bridging.mosquitto
    assert mosquitto is not None
    to = ("--as", "mqtt", "--to", mosquitto.url, "--speed", "200", "--bridge-file", str(bridging.file))
    code, err = await scene.run("simulate", *to, "--readings", "1")
    assert (code, "1 readings delivered" in err) == (0, True), err
    bridging.start_simulated()
    await bridging.connected()
    code, err = await scene.run("simulate", *to, "--readings", "5000")
    assert (code, "5000 readings delivered" in err) == (0, True), err
    await bridging.until(lambda: bridging.status()["sent"] == 5000)
    assert bridging.stop() == 0


async def test_an_mqtt_broker_that_does_not_answer_is_said(scene: Plant) -> None:
    code, err = await scene.run("simulate", "--as", "mqtt", "--to", "mqtt://127.0.0.1:1")
    assert code == 3
    assert "no MQTT broker answers at mqtt://127.0.0.1:1" in err
