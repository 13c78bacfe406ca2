"""`controlroom config`: every setting, its value, where that came from, no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from controlroom.cli.config import config
from controlroom.config import Settings
from controlroom.errors import ConfigError


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KAFKA_BROKERS", "SENSOR_TOPIC", "CONTROLROOM_DSN", "CONTROLROOM_DIR", "CONTROLROOM_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "controlroom").mkdir()
    return tmp_path / "controlroom" / "config.toml"


def shown(*arguments: str) -> dict[str, dict[str, object]]:
    result = CliRunner().invoke(config, ["show", "--json", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, dict[str, object]] = json.loads(result.output)
    return found


def test_every_setting_is_there_with_its_source(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('group = "night"\nbrokers = "file:1"\n[ui]\ntheme = "grey-light"\n')
    monkeypatch.setenv("KAFKA_BROKERS", "environment:2")
    monkeypatch.setenv("CONTROLROOM_UI__REFRESH_RATE", "1")
    found = shown()
    assert {name.partition(".")[0] for name in found} == set(Settings.model_fields)
    assert found["brokers"] == {"value": "environment:2", "source": "KAFKA_BROKERS"}
    assert found["group"] == {"value": "night", "source": str(file)}
    assert found["alerts_topic"] == {"value": "alerts", "source": "default"}
    assert found["ui.theme"] == {"value": "grey-light", "source": str(file)}
    assert found["ui.refresh_rate"] == {"value": 1.0, "source": "CONTROLROOM_UI__REFRESH_RATE"}


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLROOM_DSN", "postgresql://mira:s3cret@db.example.org/plant?sslmode=verify-full")
    monkeypatch.setenv("CONTROLROOM_SASL_PASSWORD", "s3cret")
    for arguments in (["show"], ["show", "--json"]):
        output = CliRunner().invoke(config, arguments).output
        assert "s3cret" not in output
        assert "mira:********@db.example.org" in output
    monkeypatch.setenv("CONTROLROOM_DSN", "postgresql://db.example.org/plant?user=mira&password=s3cret")
    assert "s3cret" not in CliRunner().invoke(config, ["show"]).output


def test_another_file_can_be_named_and_then_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.toml"
    with pytest.raises(ConfigError, match=r"other\.toml"):
        CliRunner().invoke(config, ["show", "--config", str(other)], catch_exceptions=False)
    other.write_text('group = "other"\n')
    assert shown("--config", str(other))["group"]["source"] == str(other)
    monkeypatch.setenv("CONTROLROOM_CONFIG_FILE", str(other))
    assert shown()["group"]["value"] == "other"
    assert CliRunner().invoke(config, ["path"]).output == f"{other}\n"


def test_the_path_is_told_whether_or_not_the_file_is_there(file: Path) -> None:
    assert CliRunner().invoke(config, ["path"]).output == f"{file}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[ui]\ntheme = "pink"', "no theme 'pink'"),
        ('[ui.keymap]\n"alarm.akk" = "f"', "'alarm.ack'"),
        ("[ui]\nrefresh_rate = 900", "ui.refresh_rate"),
        ("[ui]\ncolour = 1", "ui.colour: there is no such setting"),
    ],
)
def test_what_is_wrong_is_named(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        CliRunner().invoke(config, ["show"], catch_exceptions=False)
    assert said in str(refusal.value)


def test_keys_are_listed_by_their_ids(file: Path) -> None:
    file.write_text('[ui.keymap]\n"alarm.ack" = "z"\n')
    lines = CliRunner().invoke(config, ["keys"], catch_exceptions=False).output.splitlines()
    assert any(line.split()[:2] == ["alarm.ack", "z"] for line in lines)
    assert any(line.split()[:2] == ["app.quit", "q"] for line in lines)
