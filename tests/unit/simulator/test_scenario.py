"""Files of drills: what they plan, and what is said of those that are wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from simulator.errors import ScenarioError
from simulator.scenario import Scenario, load_scenario

SENSORS = 'title = "A drill"\nduration = "2h"\nbuilt_in = 15\n'
FAULT = '[[faults]]\nat = "30m"\nfault = "{}"\n'


def load(tmp_path: Path, text: str) -> Scenario:
    file = tmp_path / "a-drill.toml"
    file.write_text(text, "utf-8")
    return load_scenario(file)


def test_a_pattern_gives_each_sensor_a_fault_of_its_own(tmp_path: Path) -> None:
    found = load(tmp_path, SENSORS + FAULT.format("drift") + 'sensor = "temp-*"\nmagnitude = 5\nduration = "10m"\n')
    assert [(fault.fault_id, list(fault.specs)) for fault in found.faults] == [
        ("drift-1", ["temp-sensor-001"]),
        ("drift-2", ["temp-sensor-002"]),
        ("drift-3", ["temp-sensor-003"]),
    ]
    (spec,) = found.faults[0].specs["temp-sensor-001"]
    assert (spec.fault_id, spec.magnitude, spec.duration) == ("drift-1", 5.0, 600.0)
    assert spec.start == found.start + timedelta(minutes=30)


def test_repeats_and_what_befalls_many(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        SENSORS
        + FAULT.format("spike") + 'sensor = "temp-sensor-001"\nrepeat = 3\nevery = "10m"\n'
        + FAULT.format("machine-failure") + 'machine = "machine-002"\n'
        + FAULT.format("gateway-outage") + 'zone = "zone-c"\nduration = "5m"\n',
    )  # fmt: skip
    starts = [fault.specs["temp-sensor-001"][0].start - found.start for fault in found.faults[:3]]
    assert starts == [timedelta(minutes=minutes) for minutes in (30, 40, 50)]
    failure, outage = found.faults[3:]
    assert (failure.fault_id, sorted(failure.specs)) == (
        "machine-failure-4", ["energy-sensor-002", "temp-sensor-002", "vib-sensor-002"],
    )  # fmt: skip
    assert (outage.fault_id, len(outage.specs)) == ("gateway-outage-5", 5)
    assert {spec.fault_id for specs in failure.specs.values() for spec in specs} == {"machine-failure-4"}


def test_its_commands_tell_every_sensor_all_that_will_befall_it(tmp_path: Path) -> None:
    found = load(tmp_path, SENSORS + FAULT.format("drift") + 'sensor = "temp-sensor-001"\n')
    commands = {command.spec.sensor_id: command for command in found.commands("ada")}
    assert len(commands) == 15
    assert [fault.fault_id for fault in commands["temp-sensor-001"].faults] == ["drift-1"]
    assert commands["vib-sensor-001"].faults == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('title = "x"\nduration = "1h"\n', "there are no sensors: give built_in or [[sensors]]"),
        ('title = "x"\nduration = "an hour"\nbuilt_in = 5\n', "duration: must be a valid number"),
        (SENSORS + FAULT.format("gremlin") + 'sensor = "*"\n', "faults[0]: unknown fault 'gremlin'"),
        (SENSORS + FAULT.format("drift") + 'machine = "machine-001"\n', "faults[0]: drift needs a sensor"),
        (SENSORS + FAULT.format("drift") + 'sensor = "boiler-*"\n', "faults[0]: there is no sensor for it: boiler-*"),
        (SENSORS + FAULT.format("gain") + 'sensor = "temp-*"\nmagnitude = 0\n', "faults[0]: gain: magnitude 0 is not"),
        (SENSORS + '[[faults]]\nat = "3h"\nfault = "drift"\nsensor = "temp-*"\n', "faults[0]: at: 10800 s is not"),
        (SENSORS + "start = 2126-01-01T00:00:00Z\n", "start: the drill must end before now"),
        (SENSORS + "[expect]\nfalse_alarm = 1\n", "expect.false_alarm: extra inputs are not permitted"),
        ("title = ", "Invalid value"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        load(tmp_path, text)
    assert str(raised.value).startswith("a-drill.toml: ")
    assert said in str(raised.value)
