from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from controlroom.wire import SENSOR_TYPES
from simulator.errors import PlantFileError
from simulator.plant import default_plant, load_plant


def write(directory: Path, text: str) -> Path:
    path = directory / "plant.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_built_in_plant_has_three_sensors_of_each_type_on_three_machines() -> None:
    sensors = default_plant().sensors
    assert len({spec.sensor_id for spec in sensors}) == 15
    assert Counter(spec.sensor_type for spec in sensors) == dict.fromkeys(SENSOR_TYPES, 3)
    assert len({spec.location.machine_id for spec in sensors}) == 3
    assert len({spec.location.zone for spec in sensors}) == 3
    assert sensors[0].sensor_id == "temp-sensor-001"


@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_the_built_in_plant_scales(count: int) -> None:
    sensors = default_plant(count).sensors
    assert len({spec.sensor_id for spec in sensors}) == count
    assert sensors[:7] == default_plant(7).sensors[:count]


def test_a_file_names_sensors_and_groups(tmp_path: Path) -> None:
    plant = load_plant(
        write(
            tmp_path,
            """
            seed = 7
            [[sensors]]
            id = "oil"
            type = "temperature"
            interval = 2
            base = 45
            warning = 60
            critical = 70
            zone = "hall-a"
            [[sensors]]
            count = 3
            type = "vibration"
            prefix = "spindle"
            interval = [1, 2.5]
            machine_id = ["mill-1", "mill-2"]
            [[sensors]]
            count = 1
            type = "energy"
            """,
        )
    )
    assert plant.seed == 7
    assert [spec.sensor_id for spec in plant.sensors] == [
        "oil", "spindle-001", "spindle-002", "spindle-003", "energy-sensor-001",
    ]  # fmt: skip
    oil, *spindles, _ = plant.sensors
    assert (oil.interval, oil.base, oil.warning, oil.critical, oil.location.zone) == (2, 45, 60, 70, "hall-a")
    assert [spec.interval for spec in spindles] == [1, 2.5, 1]
    assert [spec.location.machine_id for spec in spindles] == ["mill-1", "mill-2", "mill-1"]


GOOD = '[[sensors]]\nid = "a"\ntype = "energy"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "plant.toml: sensors: field required"),
        ("sensors = []", "plant.toml: sensors: list should have at least 1 item"),
        ("bogus = 1\n" + GOOD, "plant.toml: bogus: extra inputs are not permitted"),
        (GOOD + GOOD.replace("energy", "flux"), "plant.toml: sensors[1]: type must be one of temperature, vib"),
        (GOOD + "interval = 0", "plant.toml: sensors[0].interval: must be greater than or equal to 0.01"),
        (GOOD + 'interval = "soon"', "plant.toml: sensors[0].interval: must be a valid number"),
        (GOOD + "interval = [1, 0]", "plant.toml: sensors[0].interval[1]: must be greater than or equal to 0.01"),
        (GOOD + "colour = 1", "plant.toml: sensors[0].colour: extra inputs are not permitted"),
        (GOOD + "count = 2", "plant.toml: sensors[0]: give either id (one sensor) or count (a group)"),
        ('[[sensors]]\ntype = "energy"', "plant.toml: sensors[0]: give either id"),
        (GOOD + 'prefix = "x"', "plant.toml: sensors[0]: prefix is for a group"),
        (GOOD + "warning = 20", "plant.toml: sensors[0]: base 100, warning 20 and critical 180 are not in order"),
        (GOOD + GOOD, "plant.toml: sensors[1]: id 'a' is used twice"),
        ("sensors = 1 1", "plant.toml: Expected newline or end of document after a statement"),
        (GOOD.replace('"a"', '"' + "a" * 200 + '"'), "plant.toml: sensors[0].id: string should have at most 128"),
        ('[[sensors]]\ncount = 2\ntype = "energy"\nprefix = "' + "a" * 128 + '"', "plant.toml: sensors[0]: "),
        (GOOD + "base = nan", "plant.toml: sensors[0].base: "),
    ],
)
def test_what_is_wrong_is_named_by_its_key_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PlantFileError) as caught:
        load_plant(write(tmp_path, text))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(PlantFileError, match=r"none\.toml: No such file"):
        load_plant(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'x = "\xe9"')
    with pytest.raises(PlantFileError, match=r"latin\.toml: "):
        load_plant(tmp_path / "latin.toml")
