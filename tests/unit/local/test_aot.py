from __future__ import annotations

import os
from pathlib import Path

import pytest

from controlroom.local.aot import ClassCache
from controlroom.local.jars import JarStore


@pytest.fixture
def classes(tmp_path: Path) -> ClassCache:
    return ClassCache(tmp_path / "kafka.aot")


def train(classes: ClassCache, content: bytes = b"recorded classes", owner: str = "plant") -> None:
    """Write what a trainee writes when it ends."""
    (flag,) = [flag for flag in classes.train(owner) if flag.startswith("-XX:AOTCacheOutput=")]
    Path(flag.partition("=")[2]).write_bytes(content)


def test_no_cache_no_flags(classes: ClassCache) -> None:
    assert classes.use() == []
    assert classes.adopt("plant") is False


def test_what_a_trainee_wrote_is_used_from_then_on(classes: ClassCache) -> None:
    train(classes)
    assert classes.use() == []  # not before it is complete
    assert classes.adopt("plant") is True
    assert f"-XX:AOTCache={classes.file}" in classes.use()


@pytest.mark.parametrize("damage", [b"", b"rec", b"recorded cl4sses"])
def test_a_damaged_cache_is_removed_and_not_used(classes: ClassCache, damage: bytes) -> None:
    train(classes)
    classes.adopt("plant")
    classes.file.write_bytes(damage)
    assert classes.use() == []
    assert not classes.file.exists()


def test_a_touched_cache_is_still_used(classes: ClassCache) -> None:
    train(classes)
    classes.adopt("plant")
    os.utime(classes.file, ns=(1, 1))
    assert classes.use() != []


def test_two_plants_train_side_by_side_and_leftovers_go(classes: ClassCache) -> None:
    train(classes, b"one", "plant-1")
    train(classes, b"two", "plant-2")
    assert classes.adopt("plant-1") is True
    assert classes.file.read_bytes() == b"one"
    assert {path.name for path in classes.file.parent.iterdir()} == {"kafka.aot", "kafka.aot.json"}


def test_other_jars_or_another_java_have_another_cache(tmp_path: Path) -> None:
    store = JarStore(tmp_path)
    name = ClassCache.of(tmp_path, store).file.name
    assert store.key in name
    assert "java-25" in name
