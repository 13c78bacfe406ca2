"""The kinds of sources: a further one is entered here, and has a file of its own beside this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Protocol

from pydantic import Field

from bridges.errors import BridgeFileError
from bridges.mapping import SensorTable
from bridges.sources.kafka import KafkaSource
from bridges.sources.kafka_table import KafkaTable
from bridges.sources.mqtt import MqttSource
from bridges.sources.mqtt_table import MqttTable
from bridges.sources.opcua_table import OpcuaTable
from bridges.sources.sparkplug_table import SparkplugTable
from bridges.sources.status import SourceStatus
from bridges.values import Memory, Packet

#: A `[[source]]`: one of these, told apart by `type`.
SourceTable = Annotated[MqttTable | KafkaTable | OpcuaTable | SparkplugTable, Field(discriminator="type")]


class Source(Protocol):
    """What takes messages from elsewhere and puts packets; also the `Receiver` of its packets."""

    status: SourceStatus

    @property
    def name(self) -> str:
        """The source's name."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether the bridge numbers its readings."""
        ...

    def start(self) -> None:
        """Connect, and try until it works."""
        ...

    def adopt(self, table: Any, sensors: Mapping[str, SensorTable]) -> None:  # noqa: ANN401 - a kind's own
        """Go on by another table, of its own kind, that has the same connection."""
        ...

    def confirm(self, tokens: Sequence[object], readings: int, repeated: int) -> None:
        """These packets are on disk."""
        ...

    def stop(self, *, forget: bool = False) -> None:
        """Disconnect; with `forget` it will not come back."""
        ...


def make_source(
    table: SourceTable,
    sensors: Mapping[str, SensorTable],
    bridge: str,
    put: Callable[[Packet], None],
    *,
    live: bool = False,
    memory: Memory | None = None,
) -> Source:
    """The source that a table describes; `live` only looks, and leaves nothing behind.

    Raises:
        BridgeFileError: a certificate or a password cannot be read, or what the kind needs is not installed.
    """
    if isinstance(table, KafkaTable):
        return KafkaSource(table, sensors, bridge, put, live=live, memory=memory)
    if isinstance(table, OpcuaTable):
        if find_spec("asyncua") is None:
            raise BridgeFileError(f"source {table.name!r}: OPC UA is not installed: pip install 'controlroom[opcua]'")
        from bridges.sources.opcua import OpcuaSource

        return OpcuaSource(table, sensors, bridge, put)
    if isinstance(table, SparkplugTable):
        if find_spec("google") is None or find_spec("google.protobuf") is None:
            raise BridgeFileError(
                f"source {table.name!r}: Protocol Buffers are not installed: pip install 'controlroom[sparkplug]'"
            )
        from bridges.sources.sparkplug import SparkplugSource

        return SparkplugSource(table, sensors, bridge, put, live=live, memory=memory)
    return MqttSource(table, sensors, bridge, put, live=live, memory=memory)
