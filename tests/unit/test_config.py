"""One order of precedence, and errors that name the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from controlroom.config import config_path, load_settings
from controlroom.errors import ConfigError


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KAFKA_BROKERS", "SENSOR_TOPIC", "CONTROLROOM_DSN", "CONTROLROOM_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "controlroom").mkdir()
    return config_path()


def test_defaults_are_the_documented_ones() -> None:
    settings = load_settings()
    assert (settings.topics.data, settings.topics.alerts) == ("sensor-data", "alerts")
    assert (settings.sensor_partitions, settings.replication_factor, settings.min_insync_replicas) == (3, 3, 2)
    assert settings.brokers is None
    assert settings.dsn is None


def test_the_command_line_wins_over_the_environment_over_the_file(
    own_configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_configuration.write_text('brokers = "file:1"\ngroup = "from-file"\nsensor_topic = "file-topic"\n')
    assert load_settings().brokers == "file:1"
    monkeypatch.setenv("KAFKA_BROKERS", "environment:2")
    monkeypatch.setenv("SENSOR_TOPIC", "environment-topic")
    assert load_settings().brokers == "environment:2"
    assert load_settings().topics.data == "environment-topic"
    assert load_settings(brokers="line:3").brokers == "line:3"
    assert load_settings(brokers=None).brokers == "environment:2"
    assert load_settings().group == "from-file"


def test_passwords_are_not_shown() -> None:
    settings = load_settings(dsn="postgresql://me:secret@host/db", sasl_password="hidden")
    assert "secret" not in repr(settings)
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("replication_factor = 0", "replication_factor"),
        ('brokers = "nowhere"', "not host:port"),
        ('brokers = "a:1,b:99999"', "'b:99999'"),
        ("colour = 1", "colour"),
        ("= 1", "config.toml"),
        ('store_readings = "some"', "store_readings"),
    ],
)
def test_a_wrong_file_is_refused_by_name(own_configuration: Path, text: str, names: str) -> None:
    own_configuration.write_text(text)
    with pytest.raises(ConfigError, match=names):
        load_settings()


def test_a_file_that_is_no_text(own_configuration: Path) -> None:
    own_configuration.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="mend the file"):
        load_settings()
