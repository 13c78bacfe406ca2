r"""What the bridge's file says of Sparkplug nodes: `[[source]]` with `type = "sparkplug"`.

>>> tag = SparkplugTag(group="plant", metric="{line}/#")
>>> tag.template.match("plant/node 1/press/A/Temp/µ")["rest"]
'Temp/µ'
>>> tag.template.match("plant/node 1//A") == {
...     "group": "plant", "node": "node 1", "device": "", "metric": "A", "sensor": "A", "source": "node 1",
...     "path": "plant/node 1/A", "line": "A", "rest": ""}
True
>>> tag.template.match("other/node 1//A") is None
True
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bridges.mapping import TagTable, Template
from bridges.sources.mqtt_table import BrokerTable
from bridges.topics import TopicTemplate

_LEVEL = r"^[^/+#\x00]{1,128}$"
_Pattern = Annotated[str, Field(pattern=r"^[^/+#\x00]{1,128}$")]
#: What every metric has a name for.
_NAMES = ("group", "node", "device", "metric", "sensor", "source", "path")


def path_of(group: str, node: str, device: str, metric: str) -> str:
    """A metric as tags and messages name it; a node's own metric has no device: `plant/node//Temp`."""
    return f"{group}/{node}/{device}/{metric}"


class MetricTemplate:
    """Metrics of some groups, nodes and devices; patterns as in a shell (`press-*`).

    Raises:
        ValueError: the template of metric names is none.
    """

    def __init__(self, group: str, node: str, device: str | None, metric: str) -> None:
        self._patterns = (group, node, device)
        # A name that begins with $ is one like any other.
        self._metric = TopicTemplate(f"m/{metric}")
        self.names = (*_NAMES, *self._metric.names)
        if twice := set(_NAMES) & set(self._metric.names):
            raise ValueError(f"metric {metric!r}: {twice.pop()!r} is the name of something else")
        levels = ["+" if re.search(r"[*?\[]", one) else one for one in (group, node)]
        #: what to subscribe to
        self.filter = f"spBv1.0/{levels[0]}/+/{levels[1]}/#"

    def match(self, topic: str) -> dict[str, str] | None:
        """The names of a metric; None: it does not belong to this template."""
        group, node, device, metric = topic.split("/", 3)
        if not all(
            pattern is None or fnmatchcase(one, pattern)
            for one, pattern in zip((group, node, device), self._patterns, strict=True)
        ):
            return None
        found = self._metric.match(f"m/{metric}")
        if found is None:
            return None
        own = {
            "group": group,
            "node": node,
            "device": device,
            "metric": metric,
            "sensor": metric.rpartition("/")[2] or metric,
            "source": device or node,
            "path": "/".join(one for one in (group, node, device, metric) if one),
        }
        return own | found


class SparkplugTag(TagTable):
    """Metrics that are alike, and what sensors they are. Without any word it is all metrics."""

    topic: str = "#"
    group: _Pattern = "*"
    node: _Pattern = "*"
    device: Annotated[str, Field(pattern=r"^[^/+#\x00]{0,128}$")] | None = None
    metric: Annotated[str, Field(min_length=1, max_length=512)] = "#"
    limits: Literal["none", "range"] = "none"
    id: str | None = "{path}"
    section: str | None = "{group}"
    machine: str | None = "{source}"
    zone: str | None = "{node}"

    @field_validator("metric")
    @classmethod
    def _is_metric(cls, text: str) -> str:
        MetricTemplate("*", "*", None, text)
        return text

    @model_validator(mode="after")
    def _has_no_payload(self) -> Self:
        for key in ("topic", "payload", "value_path", "time_path", "time_format", "quality_path", "unit_path"):
            if key in self.model_fields_set:
                raise ValueError(f"{key} has no meaning for Sparkplug; name metrics by group, node, device and metric")
        return self

    @property
    def template(self) -> Template:
        """Its metrics."""
        return MetricTemplate(self.group, self.node, self.device, self.metric)

    @property
    def names(self) -> tuple[str, ...]:
        """What every value of the tag has a name for."""
        return MetricTemplate(self.group, self.node, self.device, self.metric).names


class SparkplugTable(BrokerTable):
    """`[[source]]` with `type = "sparkplug"`."""

    type: Literal["sparkplug"]
    version: Literal["3.1.1", "5"] = "3.1.1"
    host_id: Annotated[str, Field(pattern=_LEVEL)] | None = None
    reorder: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    rebirth_every: Annotated[float, Field(ge=1, le=3600)] = 5.0
    max_payload: Annotated[int, Field(ge=16, le=16 * 1024 * 1024)] = 4 * 1024 * 1024
    max_tags: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    max_nodes: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    tag: list[SparkplugTag] = Field(default_factory=lambda: [SparkplugTag()], min_length=1)
