"""The file of MQTT brokers that alarms are published on: what is wrong is said with its line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from controlroom.adapters.mqtt_alarms.table import load_mqtt_alarms
from controlroom.core.records import SensorFacts, facts_of_group
from controlroom.errors import ConfigError
from controlroom.wire import Location

GOOD = '[[broker]]\nname = "a"\nurl = "mqtt://h"\n'


def written(path: Path, text: str) -> Path:
    file = path / "alarms.toml"
    file.write_text(text)
    return file


def test_a_sensor_has_a_topic_by_its_place(tmp_path: Path) -> None:
    more = 'topic = "x/{zone}/{type}/{sensor}"'
    plain, other = load_mqtt_alarms(written(tmp_path, GOOD + GOOD.replace('"a"', '"b"') + more)).broker
    facts = SensorFacts("temp/1", "temp+", "°C", Location("hall", "", "zone #1"), None, None, simulated=False)
    assert plain.topic_of(facts) == "controlroom/alarms/hall/-/temp%2F1"
    assert other.topic_of(facts) == "x/zone %231/temp%2B/temp%2F1"
    assert plain.topic_of(facts_of_group("bridge:b\x00")) == "controlroom/alarms/-/-/bridge:b%00"
    assert (plain.filter, other.filter) == ("controlroom/alarms/+/+/+", "x/+/+/+")
    assert (plain.status, plain.normal) == ("controlroom/status/a", "message")
    assert load_mqtt_alarms(None).broker == ()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('topic = "a/{machine}"', "line 4: broker[1].topic: needs {sensor}"),
        ('topic = "a/+/{sensor}"', "line 4: broker[1].topic: '+' and '#' are for subscriptions"),
        ('topic = "a/{sensor}/#"', "line 4: broker[1].topic: '+' and '#' are for subscriptions"),
        ('topic = "a/{floor}/{sensor}"', "line 4: broker[1].topic: {floor} is none of sensor, type"),
        ('topic = "a/{sensor}"\nstatus_topic = "a/b"', "status_topic 'a/b' is also the topic of a sensor"),
        ('ca_file = "ca.pem"', "ca_file, cert_file and key_file need a url of mqtts://"),
        ('user = "me"\npassword_env = "THERE_IS_NO_SUCH_VARIABLE"', "no environment variable THERE_IS_NO_SUCH"),
        ("retain = true", "line 4: broker[1].retain: there is no such key"),
        (GOOD, "broker: the name 'a' is used twice"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        load_mqtt_alarms(written(tmp_path, GOOD + more))
    assert said in wrong.value.message
