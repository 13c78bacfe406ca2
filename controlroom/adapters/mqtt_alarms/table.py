"""The file that says on which MQTT brokers alarms are published (setting `mqtt_alarms_file`).

::

    [[broker]]
    name = "hall-3"
    url = "mqtts://broker.example:8883"
    user = "controlroom"
    password_env = "MQTT_PASSWORD"
    topic = "controlroom/alarms/{section}/{machine}/{sensor}"

    [[broker]]
    ...
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bridges.errors import BridgeError
from bridges.mapping import Model
from bridges.sources.mqtt_table import BrokerTable
from bridges.tls import tls_of
from bridges.toml_file import read_toml
from bridges.topics import TopicTemplate
from controlroom.core.records import SensorFacts
from controlroom.errors import ConfigError

_NAMES = ("sensor", "type", "section", "machine", "zone")
_LEVEL = re.compile(r"\{([a-z]+)\}")
#: What has a meaning in a topic, or in these levels.
_SPECIAL = frozenset("/+#$%")


class AlarmBroker(BrokerTable):
    """`[[broker]]`: an MQTT broker, and how alarms are published there."""

    version: Literal["3.1.1", "5"] = "5"
    topic: str = "controlroom/alarms/{section}/{machine}/{sensor}"
    """Of the message of a sensor; `{section}`, `{machine}`, `{zone}`, `{type}` and `{sensor}` are levels."""
    normal: Literal["message", "clear"] = "message"
    """When no alarm of a sensor stands any more: a message that says NORMAL, or no retained message."""
    status_topic: Annotated[str, Field(pattern=r"^[^+#\x00]{1,256}$")] | None = None
    """`online` and `offline`, retained; `offline` is also the last will. By default `controlroom/status/NAME`."""

    @field_validator("topic")
    @classmethod
    def _is_template(cls, text: str) -> str:
        template = TopicTemplate(text)
        if template.filter.count("+") != len(template.names) or "#" in template.filter:
            raise ValueError("'+' and '#' are for subscriptions; a level is plain text or a name in braces")
        if unknown := [name for name in template.names if name not in _NAMES]:
            raise ValueError(f"{{{unknown[0]}}} is none of {', '.join(_NAMES)}")
        if "sensor" not in template.names:
            raise ValueError("needs {sensor}: each sensor has a topic of its own")
        return text

    @model_validator(mode="after")
    def _status_is_apart(self) -> Self:
        if TopicTemplate(self.topic).match(self.status) is not None:
            raise ValueError(f"status_topic {self.status!r} is also the topic of a sensor")
        return self

    @property
    def status(self) -> str:
        """Where `online` and `offline` are published."""
        return self.status_topic or f"controlroom/status/{self.name}"

    @property
    def filter(self) -> str:
        """What to subscribe to, to have the messages of all sensors."""
        return TopicTemplate(self.topic).filter

    def topic_of(self, facts: SensorFacts) -> str:
        """The topic of a sensor, or of what has alarms and is none, such as a bridge."""
        place = facts.location
        values = {
            "sensor": facts.sensor_id,
            "type": facts.sensor_type,
            "section": place.factory_section,
            "machine": place.machine_id,
            "zone": place.zone,
        }
        return _LEVEL.sub(lambda found: as_level(values[found[1]]), self.topic)


class MqttAlarmsFile(Model):
    """All of it."""

    broker: tuple[AlarmBroker, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [broker.name for broker in self.broker]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"broker: the name {name!r} is used twice")
        return self


def load_mqtt_alarms(path: Path | None) -> MqttAlarmsFile:
    """The brokers that a file names; none without a file.

    Raises:
        ConfigError: it cannot be read, is wrong, or names a password or a certificate that cannot be read.
    """
    if path is None:
        return MqttAlarmsFile()
    try:
        found = read_toml(MqttAlarmsFile, path)
        for broker in found.broker:
            broker.secret()
            if broker.url.startswith("mqtts:"):
                tls_of(broker, broker.name)
    except BridgeError as error:
        raise ConfigError(str(error), hint="docs/alarms.md lists every key (setting mqtt_alarms_file)") from None
    return found


def as_level(text: str) -> str:
    """A text as one level of a topic: what has a meaning there, or is not printed, is percent-encoded.

    >>> as_level("temp-1"), as_level("source:b/mqtt"), as_level(""), as_level("100%")
    ('temp-1', 'source:b%2Fmqtt', '-', '100%25')
    """
    if not text:
        return "-"
    if text.isprintable() and not _SPECIAL.intersection(text):
        return text
    return "".join(
        one if one.isprintable() and one not in _SPECIAL else "".join(f"%{byte:02X}" for byte in one.encode())
        for one in text
    )
