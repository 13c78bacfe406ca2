"""The file of a bridge that reads simulated sensors back from MQTT, with the id, type, place and limits of each."""

from __future__ import annotations

import json
from collections.abc import Sequence

from controlroom.wire import SENSOR_TYPES, SensorSpec
from simulator.errors import OutletError
from simulator.mqtt import TEMPLATE, level
from simulator.specification import BadSpec, limits_of

_HEAD = """\
# Reads the simulated sensors that `controlroom simulate --as mqtt` publishes: `controlroom bridge FILE`.
[bridge]
name = "simulated"

[[source]]
name = "mqtt"
type = "mqtt"
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
    parts = [_HEAD.format(url=json.dumps(url))]
    for name in dict.fromkeys(spec.sensor_type for spec in specs):
        kind = SENSOR_TYPES.get(name)
        if kind is not None:
            topic = json.dumps(template.replace("{type}", name))
            parts.append(_TAG.format(topic=topic, type=name, warning=kind.warning, critical=kind.critical))
    for spec in specs:
        kind = SENSOR_TYPES.get(spec.sensor_type)
        try:
            limits = limits_of(spec)
        except BadSpec:
            continue  # the simulator refuses it, too
        if kind is not None and (limits.warning, limits.critical) != (kind.warning, kind.critical):
            sensor_id = json.dumps(level(spec.sensor_id))
            parts.append(_SENSOR.format(id=sensor_id, warning=limits.warning, critical=limits.critical))
    return "".join(parts)
