"""Fetching with a downloader of the test's own: what is used, what is refused, what is fetched again."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from controlroom.errors import FetchFailed
from controlroom.local import jars
from controlroom.local.jars import Jar, JarStore
from controlroom.local.progress import Cancelled, Reporter, Step, silent

CONTENTS = {"a-1.jar": b"content of a", "b-2.jar": b"content of b"}


def manifest() -> bytes:
    entries = [
        {
            "coordinate": f"org.example:{name.removesuffix('.jar').replace('-', ':')}",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in CONTENTS.items()
    ]
    return json.dumps({"kafka": "0.0", "jars": entries}).encode()


class Registry:
    """Stands in for the client of the registry."""

    def __init__(self) -> None:
        self.contents = dict(CONTENTS)
        self.asked: list[str] = []

    def __call__(self, scratch: Path) -> Registry:
        self.scratch = scratch
        return self

    def download(self, jar: Jar) -> Path:
        self.asked.append(jar.name)
        path = self.scratch / jar.name
        path.write_bytes(self.contents[jar.name])
        return path


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    stand_in = Registry()
    monkeypatch.setattr(jars, "_Downloader", lambda scratch, _check: stand_in(scratch).download)
    return stand_in


@pytest.fixture
def store(tmp_path: Path) -> JarStore:
    return JarStore(tmp_path / "cache", manifest())


def test_fetches_what_is_missing_once(store: JarStore, registry: Registry) -> None:
    assert store.ensure(Reporter(silent)) is True
    assert sorted(registry.asked) == sorted(CONTENTS)
    assert store.ensure(Reporter(silent)) is False
    assert len(registry.asked) == 2
    assert store.verify() == []
    assert store.class_path == f"{store.directory}/a-1.jar:{store.directory}/b-2.jar"


def test_tells_how_far_it_is(store: JarStore, registry: Registry) -> None:
    told: list[Step] = []
    store.ensure(Reporter(told.append))
    assert any(step.text == "fetching 2/2 b-2.jar 0 kB" for step in told)
    assert told[-1].done


def test_a_wrong_hash_is_refused_and_the_file_not_used(store: JarStore, registry: Registry) -> None:
    registry.contents["b-2.jar"] = b"something else"
    with pytest.raises(FetchFailed, match=r"b-2\.jar has not the pinned hash"):
        store.ensure(Reporter(silent))
    assert not (store.directory / "b-2.jar").exists()
    assert leftovers(store) == []


def test_an_interrupted_fetch_goes_on_where_it_was(store: JarStore, registry: Registry) -> None:
    registry.contents["b-2.jar"] = b"cut off"
    with pytest.raises(FetchFailed):
        store.ensure(Reporter(silent))
    registry.contents, registry.asked = dict(CONTENTS), []
    assert (store.directory / "a-1.jar").exists()
    store.ensure(Reporter(silent))
    assert registry.asked == ["b-2.jar"]
    assert store.verify() == []


@pytest.mark.parametrize("content", [b"tampered!!!!", b"short"])
def test_a_file_changed_in_the_cache_is_fetched_again(store: JarStore, registry: Registry, content: bytes) -> None:
    store.ensure(Reporter(silent))
    registry.asked = []
    (store.directory / "a-1.jar").write_bytes(content)
    assert store.verify() == ["a-1.jar: wrong hash"]
    store.ensure(Reporter(silent))
    assert registry.asked == ["a-1.jar"]
    assert store.verify() == []


def test_a_file_that_was_only_touched_is_hashed_and_kept(store: JarStore, registry: Registry) -> None:
    store.ensure(Reporter(silent))
    registry.asked = []
    os.utime(store.directory / "a-1.jar", ns=(1, 1))
    assert store.ensure(Reporter(silent)) is False
    assert registry.asked == []


def test_a_change_that_keeps_size_and_time_is_found_by_verify(store: JarStore, registry: Registry) -> None:
    store.ensure(Reporter(silent))
    path = store.directory / "a-1.jar"
    before = path.stat()
    path.write_bytes(b"c0ntent of a")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.verify() == ["a-1.jar: wrong hash"]


def test_a_missing_file_is_told_and_fetched(store: JarStore, registry: Registry) -> None:
    store.ensure(Reporter(silent))
    (store.directory / "b-2.jar").unlink()
    assert store.verify() == ["b-2.jar: missing"]
    assert store.ensure(Reporter(silent)) is True
    assert store.verify() == []


def test_two_starters_fetch_each_file_once(store: JarStore, registry: Registry) -> None:
    threads = [threading.Thread(target=store.ensure, args=(Reporter(silent),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(registry.asked) == sorted(CONTENTS)
    assert store.verify() == []


def test_giving_up_leaves_no_half_file(store: JarStore, registry: Registry) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        store.ensure(Reporter(silent, cancel))
    assert leftovers(store) == []


def test_no_network_is_one_line_that_says_what_to_do(store: JarStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise requests.ConnectionError("a long story about pools")

    monkeypatch.setattr(requests, "request", refuse)
    with pytest.raises(FetchFailed, match=r"could not be fetched \(no connection\): the first start needs the network"):
        store.ensure(Reporter(silent))
    assert leftovers(store) == []


def test_a_download_under_way_is_given_up_in_its_middle(store: JarStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = threading.Event()

    class Endless:
        """A response that never ends by itself."""

        status_code = 200
        headers: ClassVar = {"content-length": "1000000000"}

        def iter_content(self, chunk_size: int) -> Iterator[bytes]:
            while True:
                cancel.set()
                yield bytes(chunk_size)

    monkeypatch.setattr(requests, "request", lambda *_arguments, **_options: Endless())
    with pytest.raises(Cancelled):
        store.ensure(Reporter(silent, cancel))
    assert leftovers(store) == []


def test_the_committed_manifest_pins_kafka_and_its_client_at_one_version(tmp_path: Path) -> None:
    store = JarStore(tmp_path)
    names = [jar.name for jar in store.manifest.jars]
    assert names[0] == f"kafka-clients-{store.manifest.kafka}.jar"
    assert f"kafka_2.13-{store.manifest.kafka}.jar" in names
    assert len(names) == len(set(names)) == 46
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in store.manifest.jars)


def leftovers(store: JarStore) -> list[Path]:
    """What a fetch must not leave in the cache: its scratch directories."""
    return [path for path in store.directory.parent.iterdir() if path.is_dir() and path != store.directory]
