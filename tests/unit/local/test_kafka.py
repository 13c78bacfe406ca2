from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from controlroom.local import kafka
from controlroom.local.jars import JarStore
from controlroom.local.kafka import BrokerProcess, new_cluster_id
from controlroom.local.paths import PlantPaths
from controlroom.local.state import BrokerState


def test_a_cluster_id_is_16_bytes_and_never_looks_like_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([b"\xfb" + bytes(15), b"\xfa" + bytes(15), bytes(16)])
    monkeypatch.setattr(kafka.secrets, "token_bytes", lambda _count: next(drawn))
    assert base64.urlsafe_b64encode(b"\xfb").startswith(b"-")  # what the first two draws would begin with
    assert new_cluster_id() == "A" * 22


def test_every_listener_is_on_loopback_and_every_controller_is_known(tmp_path: Path) -> None:
    settings = configured(tmp_path, 2)
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9094,CONTROLLER://127.0.0.1:40002"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9094"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:40001,2@127.0.0.1:40002,3@127.0.0.1:40003"
    assert settings["node.id"] == "2"


def test_one_broker_may_die_with_nothing_stopped_and_nothing_lost(tmp_path: Path) -> None:
    settings = configured(tmp_path, 1)
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        assert settings[f"{topic}.replication.factor"] == "3"
    assert settings["default.replication.factor"] == "3"
    assert settings["min.insync.replicas"] == "2"
    assert settings["auto.create.topics.enable"] == "false"


def test_a_directory_s_name_reaches_kafka_whole(tmp_path: Path) -> None:
    (tmp_path / "Zürich 🏭 a\\b").mkdir()
    written = configured(tmp_path / "Zürich 🏭 a\\b", 1)["log.dirs"]
    assert written.isascii()
    units = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), written).replace("\\\\", "\\")
    read = units.encode("utf-16", "surrogatepass").decode("utf-16")
    assert read == str(tmp_path / "Zürich 🏭 a\\b" / "kafka" / "broker-1")


def configured(root: Path, number: int) -> dict[str, str]:
    paths = PlantPaths(root)
    (root / "kafka").mkdir()
    brokers = [BrokerState(id=n, port=9090 + 2 * n, controller_port=40000 + n) for n in (1, 2, 3)]
    BrokerProcess(paths, JarStore(root), number).configure(brokers)
    lines = paths.broker_properties(number).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_a_directory_is_formatted_like_another_broker_s(tmp_path: Path) -> None:
    paths = PlantPaths(tmp_path)
    first, second, third = (BrokerProcess(paths, JarStore(tmp_path), number) for number in (1, 2, 3))
    source = paths.broker_data(1)
    source.mkdir(parents=True)
    (source / "meta.properties").write_text("#\n#date\ncluster.id=c\ndirectory.id=d\nnode.id=1\nversion=1\n")
    (source / "bootstrap.checkpoint").write_bytes(b"\x00features")
    half = paths.broker_data(2) / "left-by-a-start-that-was-killed"
    half.parent.mkdir()
    half.touch()
    assert second.format_like(first)
    assert second.formatted()
    target = paths.broker_data(2)
    assert {path.name for path in target.iterdir()} == {"meta.properties", "bootstrap.checkpoint"}
    assert (target / "bootstrap.checkpoint").read_bytes() == b"\x00features"
    found = re.fullmatch(
        r"#\n#date\ncluster.id=c\ndirectory.id=(\S{22})\nnode.id=2\nversion=1\n",
        (target / "meta.properties").read_text(),
    )
    assert found is not None
    # What is not known here is left to Kafka's own tool.
    (source / "more").touch()
    assert not third.format_like(first)
    assert not third.formatted()
