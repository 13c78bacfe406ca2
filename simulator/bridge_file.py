"""The file of a bridge that reads simulated sensors back: id, type, place and limits of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from controlroom.wire import SENSOR_TYPES, SensorSpec
from simulator.errors import OutletError
from simulator.mqtt import TEMPLATE, level
from simulator.specification import BadSpec, interval_ms, limits_of

#: The path of a sensor's variable in the simulated OPC UA server, from Objects on.
OPCUA_PATH = "{section}/{zone}/{machine}/{type}/{sensor}"
_HEAD = """\
# Reads the simulated sensors that `controlroom simulate --as {kind}` publishes: `controlroom bridge FILE`.
[bridge]
name = "simulated"

[[source]]
name = "{kind}"
type = "{kind}"
url = {url}
"""
_TAG = """
[[source.tag]]
topic = {topic}
id = "{{sensor}}"
type = "{type}"
payload = "json"
unit_path = "unit"
time_path = "time"
time_format = "ms"
warning = {warning!r}
critical = {critical!r}
"""
_SPARKPLUG_TAG = """
[[source.tag]]
metric = {topic}
id = "{{sensor}}"
type = "{type}"
section = "{{group}}"
zone = "{{node}}"
machine = "{{device}}"
warning = {warning!r}
critical = {critical!r}
"""
_OPCUA_TAG = """
[[source.tag]]
path = {topic}
id = "{{sensor}}"
type = "{type}"
warning = {warning!r}
critical = {critical!r}
"""
_SENSOR = """
[sensor.{id}]
warning = {warning!r}
critical = {critical!r}
"""


def bridge_file(url: str, specs: Sequence[SensorSpec], template: str = TEMPLATE) -> str:
    """TOML: a tag for each type that there is, and a table for each sensor that has limits of its own.

    Raises:
        OutletError: topics of this template do not say the type.
    """
    if "{type}" not in template.split("/"):
        raise OutletError(f"topic {template!r}: for the file of a bridge {{type}} has to be a level of it")
    return _text("mqtt", url, specs, _TAG, lambda name: template.replace("{type}", name))


def sparkplug_file(url: str, specs: Sequence[SensorSpec]) -> str:
    """The same for edge nodes of Sparkplug."""
    return _text("sparkplug", url, specs, _SPARKPLUG_TAG, lambda name: f"{name}/#")


def opcua_file(url: str, specs: Sequence[SensorSpec]) -> str:
    """The same for the simulated plant as an OPC UA server.

    Each of its sensors tells every reading with a time of its own. One that tells nothing is silent: it is not
    read again.
    """
    known = [interval_ms(spec) for spec in specs if spec.sensor_type in SENSOR_TYPES]
    more = f"sampling = {min(known, default=1000) / 2000:g}\nrefresh = 0\nqueue = 1000\nrescan = 5\n"
    return _text("opcua", url, specs, _OPCUA_TAG, lambda name: OPCUA_PATH.replace("{type}", name), more)


def _text(
    kind: str, url: str, specs: Sequence[SensorSpec], tag: str, topic_of: Callable[[str], str], more: str = ""
) -> str:
    parts = [_HEAD.format(kind=kind, url=json.dumps(url)), more]
    for name in dict.fromkeys(spec.sensor_type for spec in specs):
        known = SENSOR_TYPES.get(name)
        if known is not None:
            topic = json.dumps(topic_of(name))
            parts.append(tag.format(topic=topic, type=name, warning=known.warning, critical=known.critical))
    for spec in specs:
        known = SENSOR_TYPES.get(spec.sensor_type)
        try:
            limits = limits_of(spec)
        except BadSpec:
            continue  # the simulator refuses it, too
        if known is not None and (limits.warning, limits.critical) != (known.warning, known.critical):
            sensor_id = json.dumps(level(spec.sensor_id))
            parts.append(_SENSOR.format(id=sensor_id, warning=limits.warning, critical=limits.critical))
    return "".join(parts)
