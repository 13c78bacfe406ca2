"""How a bridge is: a document that it writes beside its spool each second, for `bridge status` and for metrics."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path

import msgspec

from bridges.errors import SpoolError

NAME = "status.json"
#: A status that is older is not of a bridge that runs.
FRESH_S = 10.0
_RATE_S = 10.0


class SourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """One source. Times are seconds since 1970, counters since the bridge was started."""

    name: str
    kind: str
    connected_since: float | None
    error: str
    reconnects: int
    messages: int
    readings: int
    #: readings a second, over the last ten
    rate: float
    repeated: int
    retained: int
    refused: dict[str, int]
    last_at: float | None
    #: the source's time less the bridge's, seconds
    skew_s: float | None
    tags: int


class BridgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """One bridge."""

    name: str
    pid: int
    host: str
    at: float
    since: float
    topic: str
    kafka_since: float | None
    kafka_reconnects: int
    #: readings confirmed by Kafka
    sent: int
    #: readings on disk that Kafka has not confirmed, with their bytes, and since when the oldest waits
    buffered: int
    buffered_bytes: int
    oldest_at: float | None
    dropped: int
    spool_error: str
    sources: tuple[SourceReport, ...]
    #: it has ended, and this is its last word
    stopped: bool = False

    @property
    def well(self) -> bool:
        """Whether every source and Kafka are connected, and the spool can be written."""
        connected = all(source.connected_since is not None for source in self.sources)
        return connected and self.kafka_since is not None and not self.spool_error


class Rates:
    """Readings a second of each source, over the last ten seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def of(self, name: str, count: int) -> float:
        """The rate of a source that has come to `count`."""
        now = time.monotonic()
        seen = self._seen.setdefault(name, deque())
        seen.append((now, count))
        while len(seen) > 2 and now - seen[1][0] >= _RATE_S:
            seen.popleft()
        (first_at, first), (last_at, last) = seen[0], seen[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else 0.0


_decode = msgspec.json.Decoder(BridgeReport).decode


def write_report(directory: Path, report: BridgeReport) -> None:
    """Replace the report in a bridge's directory."""
    path = directory / NAME
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(report))
    os.replace(new, path)  # noqa: PTH105 - one call, as the manual names it: it is atomic


def read_report(directory: Path) -> BridgeReport | None:
    """The last report of the bridge that has this directory; None: there never was one.

    Raises:
        SpoolError: it cannot be read.
    """
    path = directory / NAME
    try:
        return _decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise SpoolError(f"{path}: {error}") from None
