"""What a plant refuses before anything is started; real starts are in tests/integration."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from controlroom.errors import NoSpace, NotRunning, PlantError
from controlroom.local import LocalPlant, locate


@pytest.fixture
def plant(tmp_path: Path) -> LocalPlant:
    return LocalPlant(tmp_path / "plant", cache=tmp_path / "cache")


def test_no_space_says_how_much_is_needed(plant: LocalPlant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10_000_000))
    with pytest.raises(NoSpace, match=r"10 MB left, the plant needs 600 MB.*--dir"):
        plant.start()


def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PlantError, match=r"cannot be made \(.*--dir"):
        LocalPlant(tmp_path / "file" / "plant", cache=tmp_path).start()


def test_a_directory_that_kafka_would_take_for_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlantError, match="comma"):
        LocalPlant(tmp_path / "a,b", cache=tmp_path).start()


def test_where_nothing_ever_ran_there_is_nothing(plant: LocalPlant) -> None:
    assert locate(plant.paths.root) is None
    assert plant.status().components == ()
    assert plant.status().stopped
    assert not plant.status().running
    assert plant.stop() == frozenset()
    assert not plant.exists()
    plant.clean()
    assert not plant.paths.root.exists()


def test_there_is_no_broker_4(plant: LocalPlant) -> None:
    with pytest.raises(PlantError, match="no broker 4"):
        plant.broker(4)


def test_a_broker_of_no_plant_neither_stops_nor_starts(plant: LocalPlant) -> None:
    for act in (plant.broker(1).stop, plant.broker(1).kill, plant.broker(1).start):
        with pytest.raises(NotRunning):
            act()


def test_a_damaged_state_file_is_told_and_cleaned_only_by_force(plant: LocalPlant) -> None:
    plant.paths.root.mkdir()
    plant.paths.state.write_text("not json")
    for act in (plant.start, plant.stop, plant.status, plant.clean, lambda: locate(plant.paths.root)):
        with pytest.raises(PlantError, match="damaged"):
            act()
    plant.clean(force=True)
    assert not plant.exists()


def test_clean_leaves_what_is_not_the_plant_s(plant: LocalPlant) -> None:
    plant.paths.root.mkdir()
    (plant.paths.root / "kafka").mkdir()
    mine = plant.paths.root / "thesis.txt"
    mine.write_text("years of work")
    plant.clean()
    assert mine.exists()
    assert not (plant.paths.root / "kafka").exists()
