"""The topics: names, partitions, settings.

>>> [(spec.name, spec.partitions) for spec in topic_specs(TopicNames())]  # doctest: +NORMALIZE_WHITESPACE
[('sensor-data', 3), ('alerts', 2), ('sensor-commands', 1), ('sensor-status', 1), ('bridge-status', 1),
 ('sensor-data.dlt', 1), ('sensor-data.summary', 3)]
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class TopicNames(msgspec.Struct, frozen=True):
    """The names of the topics; every one is a setting."""

    data: str = "sensor-data"
    alerts: str = "alerts"
    commands: str = "sensor-commands"
    status: str = "sensor-status"
    bridges: str = "bridge-status"

    @property
    def dead_letters(self) -> str:
        """Where rejected records go, with the reason in their headers."""
        return f"{self.data}.dlt"

    @property
    def summary(self) -> str:
        """Where workers tell the last reading of every sensor, once a second."""
        return f"{self.data}.summary"


class TopicSpec(msgspec.Struct, frozen=True):
    """A topic as it should be. `config` holds Kafka's own topic settings."""

    name: str
    partitions: int
    config: Mapping[str, str]


_WEEK_MS = str(7 * 86_400 * 1000)
_KEPT_A_WEEK = {"cleanup.policy": "delete", "retention.ms": _WEEK_MS}
_COMPACTED = {"cleanup.policy": "compact"}
# Consoles read all of it when they open, so it is compacted soon; a sensor that was last heard a day ago is forgotten.
_SUMMARY = {
    "cleanup.policy": "compact,delete",
    "retention.ms": str(86_400 * 1000),
    "segment.bytes": str(16 * 1024 * 1024),
    "segment.ms": str(600 * 1000),
    "min.cleanable.dirty.ratio": "0.3",
    "message.timestamp.type": "LogAppendTime",
}


def topic_specs(names: TopicNames, *, data_partitions: int = 3, alert_partitions: int = 2) -> tuple[TopicSpec, ...]:
    """All topics of a plant, in the order in which they are made."""
    return (
        # Stamped by the brokers: lateness and silence are judged by one clock, not by each sensor's own.
        TopicSpec(names.data, data_partitions, {**_KEPT_A_WEEK, "message.timestamp.type": "LogAppendTime"}),
        TopicSpec(names.alerts, alert_partitions, _KEPT_A_WEEK),
        # One partition: the desired states stay in the order in which operators gave them.
        TopicSpec(names.commands, 1, _COMPACTED),
        TopicSpec(names.status, 1, _COMPACTED),
        # Stamped by the brokers: whether a bridge still tells anything is not judged by its own clock.
        TopicSpec(names.bridges, 1, {**_COMPACTED, "message.timestamp.type": "LogAppendTime"}),
        TopicSpec(names.dead_letters, 1, _KEPT_A_WEEK),
        TopicSpec(names.summary, data_partitions, _SUMMARY),
    )
