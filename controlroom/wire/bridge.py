"""How a bridge is: what it tells on the compacted topic `bridge-status`, and writes beside its spool.

The key is the bridge's name. A record without a value (a tombstone) makes the control room forget the bridge.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from controlroom.wire.codec import MAX_BYTES, BadMessage, Codec, Name, Quantity, Reason, Text

_SCHEMA_MAJOR = 1

#: Seconds since 1970.
Moment = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
_MOST_SOURCES = 1000
_MOST_REASONS = 64

#: The kinds of what is told as a source and is a part of one: an edge node or a device that has died.
NODE_KIND = "node"
DEVICE_KIND = "device"
PART_KINDS = frozenset({NODE_KIND, DEVICE_KIND})
#: The kind of what is told as a source and goes the other way: an MQTT broker on which alarms are published.
ALARMS_KIND = "alarms"


class SourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """One source. Counters are since the bridge was started."""

    name: Name
    kind: Name
    #: None: it is not connected
    connected_since: Moment | None
    #: since when it is not connected; None: it is
    down_since: Moment | None = None
    #: why it is not connected, or what was last amiss
    error: Text
    reconnects: _Count
    messages: _Count
    readings: _Count
    #: readings a second, over the last ten
    rate: Annotated[float, msgspec.Meta(ge=0, le=1e15)]
    repeated: _Count
    retained: _Count
    refused: Annotated[dict[Name, _Count], msgspec.Meta(max_length=_MOST_REASONS)]
    #: when the last value came
    last_at: Moment | None
    #: the source's time less the bridge's, seconds
    skew_s: Quantity | None
    tags: _Count


class BridgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """One bridge. Counters are since it was started."""

    name: Name
    pid: int
    host: Text
    at: Moment
    since: Moment
    topic: Text
    #: since when Kafka confirms readings; None: it does not
    kafka_since: Moment | None
    kafka_reconnects: _Count
    #: readings confirmed by Kafka
    sent: _Count
    #: readings on disk that Kafka has not confirmed, with their bytes, and since when the oldest waits
    buffered: _Count
    buffered_bytes: _Count
    oldest_at: Moment | None
    #: readings that were given up because the spool was full or they were too old, and when the last one was
    dropped: _Count
    dropped_at: Moment | None = None
    spool_error: Text
    sources: Annotated[tuple[SourceReport, ...], msgspec.Meta(max_length=_MOST_SOURCES)]
    #: sources that are not listed, so that the message stays small
    left_out: _Count = 0
    #: it has ended in order, and this is its last word
    stopped: bool = False
    #: "major.minor"; absent means 1.0
    schema_version: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def well(self) -> bool:
        """Whether every source and Kafka are connected, and the spool can be written."""
        connected = all(source.connected_since is not None for source in self.sources)
        return connected and self.kafka_since is not None and not self.spool_error


_CODEC = Codec(BridgeReport)


def encode_bridge_report(report: BridgeReport) -> bytes:
    """The report as JSON of at most `MAX_BYTES`: of very many sources those that are down come first."""
    raw = _CODEC.encode(report)
    sources = sorted(report.sources, key=lambda source: source.connected_since is not None)
    while len(raw) > MAX_BYTES and sources:
        # As many as would fit if they were all of one size, and one less.
        sources = sources[: max(0, len(sources) * MAX_BYTES // len(raw) - 1)]
        fewer = msgspec.structs.replace(
            report, sources=tuple(sources), left_out=report.left_out + len(report.sources) - len(sources)
        )
        raw = _CODEC.encode(fewer)
    return raw


def decode_bridge_report(raw: bytes | None) -> BridgeReport:
    """The report in `raw`.

    Raises:
        BadMessage: it is not one; the reason and the place are in the error.
    """
    report = _CODEC.decode(raw)
    version = report.schema_version
    if version is not msgspec.UNSET and version.partition(".")[0] != str(_SCHEMA_MAJOR):
        raise BadMessage(Reason.VERSION, f"schema_version {version[:20]!r}; this program reads {_SCHEMA_MAJOR}.x")
    return report
