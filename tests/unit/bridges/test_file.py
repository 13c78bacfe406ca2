"""The bridge's file: what is good, and the one line that says what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridges.errors import BridgeFileError
from bridges.file import load_bridge

GOOD = """\
[bridge]
name = "hall-3"

[[source]]
name = "line"
type = "mqtt"
url = "mqtt://broker:1883"

[[source.tag]]
topic = "plant/{section}/{machine}/{sensor}"

[[source]]
name = "lab"
type = "mqtt"
url = "mqtts://lab"

[[source.tag]]
topic = "lab/{sensor}"
payload = "json"
value_path = "v"
"""


def load(path: Path, text: str):
    (path / "bridge.toml").write_text(text)
    return load_bridge(path / "bridge.toml")


def test_a_short_file_is_enough(tmp_path):
    file = load(tmp_path, GOOD)
    assert [source.address for source in file.source] == [("broker", 1883), ("lab", 8883)]
    assert file.bridge.max_bytes == 1024**3
    assert file.source[0].qos == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "hall-3"', "", "line 1: bridge.name: is missing"),
        ('name = "hall-3"', 'name = "hall 3"', "line 2: bridge.name: string should match"),
        ('name = "hall-3"', 'name = "h"\nspol = "x"', "line 3: bridge.spol: there is no such key"),
        ('name = "hall-3"', 'name = "h"\nmax_bytes = "1 KiB"', "line 3: bridge.max_bytes: must be at least 1 MiB"),
        ('url = "mqtts://lab"', 'url = "http://lab"', "line 15: source[2].url: must be mqtt://host:port or, with TLS"),
        ('url = "mqtts://lab"', 'url = "mqtts://a:b@lab"', "line 15: source[2].url: a user is given by user and"),
        ('url = "mqtts://lab"', 'url = "mqtts://lab"\nqos = 2', "line 16: source[2].qos: must be 0 or 1"),
        ('type = "mqtt"\nurl = "mqtts', 'type = "mqqt"\nurl = "mqtts', "line 14: source[2].type: must be one of"),
        ('type = "mqtt"\nurl = "mqtts', 'url = "mqtts', "line 12: source[2].type: is missing"),
        ('topic = "lab/{sensor}"', 'topic = "lab/{sens"', "line 18: source[2].tag[1].topic: topic 'lab/{sens'"),
        ('topic = "lab/{sensor}"', 'topic = "lab/x"', "line 17: source[2].tag[1]: type is missing"),
        ('topic = "lab/{sensor}"', 'topic = "lab/{sensor}"\nid = "{machine}"', "line 17: source[2].tag[1]: id: there"),
        ('value_path = "v"', 'value_path = "v..x"', "line 20: source[2].tag[1].value_path: path 'v..x' is wrong"),
        ('payload = "json"\n', "", "line 17: source[2].tag[1]: value_path is for payload"),
        ('value_path = "v"', 'time_format = "ms"', "line 17: source[2].tag[1]: time_format needs time_path"),
        ('value_path = "v"', "warning = nan", "line 20: source[2].tag[1].warning: must be a finite number"),
        ('name = "lab"', 'name = "line"', "source: the name 'line' is used twice"),
        ('url = "mqtt://b', 'ca_file = "x"\nurl = "mqtt://b', "line 4: source[1]: ca_file, cert_file and key_file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_key(tmp_path, old, new, said):
    assert old in GOOD
    with pytest.raises(BridgeFileError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "bridge.toml"))
    assert "\n" not in str(caught.value)


def test_what_is_no_toml_or_not_there_is_said(tmp_path):
    with pytest.raises(BridgeFileError, match="not TOML: "):
        load(tmp_path, "[bridge")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(BridgeFileError, match="not UTF-8"):
        load_bridge(tmp_path / "latin.toml")
    with pytest.raises(BridgeFileError, match="No such file"):
        load_bridge(tmp_path / "missing.toml")


def test_sensors_stand_in_a_file_of_their_own_beside_it(tmp_path):
    (tmp_path / "sensors.toml").write_text('[sensor."m-7-temp"]\nunit = "°F"\n')
    text = GOOD.replace('name = "hall-3"', 'name = "hall-3"\nsensors_file = "sensors.toml"')
    assert load(tmp_path, text).sensors["m-7-temp"].unit == "°F"
    with pytest.raises(BridgeFileError, match="give it once"):
        load(tmp_path, text + '[sensor."m-7-temp"]\nunit = "K"\n')
    (tmp_path / "sensors.toml").write_text('[sensor."m-7-temp"]\nunits = "°F"\n')
    with pytest.raises(BridgeFileError, match=r"sensors.toml, line 2: sensor.m-7-temp.units: there is no such key"):
        load(tmp_path, text)


def test_a_password_is_in_the_environment_or_in_a_file_for_us_alone(tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    secret.chmod(0o600)
    text = GOOD.replace('url = "mqtts://lab"', 'url = "mqtts://lab"\nuser = "me"\npassword_file = "secret"')
    source = load(tmp_path, text).source[1]
    assert source.secret() == "hush"
    assert "hush" not in repr(source)
    secret.chmod(0o644)
    with pytest.raises(BridgeFileError, match="others may read it"):
        source.secret()
    monkeypatch.setenv("LAB_PASSWORD", "quiet")
    source = load(tmp_path, text.replace('password_file = "secret"', 'password_env = "LAB_PASSWORD"')).source[1]
    assert source.secret() == "quiet"
    monkeypatch.delenv("LAB_PASSWORD")
    with pytest.raises(BridgeFileError, match="no environment variable LAB_PASSWORD"):
        source.secret()
