"""Simulated sensors as MQTT publishers: topics, payloads, and the file of the bridge that reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bridges.file import load_bridge
from bridges.tags import Tags
from controlroom.wire import Location, Metadata, Reading, SensorSpec, encode_reading
from controlroom.wire.reading import HEADER_FAULT
from simulator.bridge_file import bridge_file
from simulator.faults.delivery import damaged
from simulator.mqtt import TEMPLATE, Topics, payload_of
from simulator.plant import default_plant
from simulator.specification import limits_of, unit_of

AT = datetime(2026, 5, 1, 6, 0, 0, 250_000, UTC)
READING = Reading(AT, "a", "temperature", Location(), 21.5, "°C", "normal", 1.0, Metadata(7, 35.0, 40.0))


def test_a_payload_is_what_a_device_would_send_and_tells_the_truth() -> None:
    plain = json.loads(payload_of(encode_reading(READING), []))
    assert plain == {"value": 21.5, "unit": "°C", "time": 1_777_615_200_250}
    shaped = json.loads(
        payload_of(encode_reading(READING), [("simulated", b"1"), (HEADER_FAULT, b"f-1"), (HEADER_FAULT, b"f-2")])
    )
    assert shaped["faults"] == ["f-1", "f-2"]


def test_what_a_bridge_makes_of_it_is_the_sensor_that_is_simulated(tmp_path: Path) -> None:
    own = SensorSpec(
        sensor_id="oil/1",
        sensor_type="temperature",
        location=Location("", "press+1", ""),
        warning=60,
        critical=70,
        base=45,
    )
    specs = [*default_plant().sensors, own]
    (tmp_path / "bridge.toml").write_text(bridge_file("mqtt://127.0.0.1:1883", specs))
    file = load_bridge(tmp_path / "bridge.toml")
    tags = Tags("test", 100)
    tags.adopt(file.source[0].tag, file.sensors)
    for spec in specs:
        value = encode_reading(msgspec.structs.replace(READING, unit=unit_of(spec)))
        (draft,), timed = tags.drafts(Topics(TEMPLATE).of(spec), payload_of(value, []), datetime.now(UTC))
        limits, sensor = limits_of(spec), draft.sensor
        assert timed
        assert draft.at == AT
        assert (sensor.sensor_type, sensor.unit) == (spec.sensor_type, unit_of(spec))
        assert (sensor.warning, sensor.critical) == (limits.warning, limits.critical)
        if spec is own:
            assert (sensor.sensor_id, sensor.location.machine_id) == ("oil_1", "press_1")
        else:
            assert (sensor.sensor_id, sensor.location) == (spec.sensor_id, spec.location)
    assert tags.refusals.counts == {}


def test_what_a_fault_has_damaged_is_refused(tmp_path: Path) -> None:
    (spec,) = default_plant(1).sensors
    (tmp_path / "bridge.toml").write_text(bridge_file("mqtt://127.0.0.1:1883", [spec]))
    tags = Tags("test", 100)
    tags.adopt(load_bridge(tmp_path / "bridge.toml").source[0].tag, {})
    for number in range(8):
        payload = payload_of(damaged(READING, number), [])
        assert tags.drafts(Topics(TEMPLATE).of(spec), payload, AT) == ([], False)
    assert sum(tags.refusals.counts.values()) == 8
