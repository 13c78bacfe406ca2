"""How a bridge is: a document that it writes beside its spool each second, for `bridge status` and for metrics.

The same document goes to the plant (`teller`).
"""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path

from bridges.errors import SpoolError
from bridges.sources.status import LostPart
from controlroom.wire import BadMessage, BridgeReport, SourceReport
from controlroom.wire.bridge import decode_bridge_report, encode_bridge_report

NAME = "status.json"
#: A status that is older is not of a bridge that runs.
FRESH_S = 10.0
_RATE_S = 10.0
_MOST_CHARACTERS = 500


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
        # A source that was set up anew begins at 0.
        return max(0.0, (last - first) / (last_at - first_at)) if last_at > first_at else 0.0


def short(text: str) -> str:
    r"""A text from elsewhere as the report can hold it.

    >>> short("a" * 600)[-3:], len(short("a" * 600)), short("x\x00\ud800")
    ('aaa', 500, 'x??')
    """
    return text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode().replace("\x00", "?")


class Downtimes:
    """Since when sources are not connected."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def of(self, name: str, *, connected: bool) -> float | None:
        """Since when the source is not connected, seconds since 1970; None: it is."""
        if connected:
            self._since.pop(name, None)
            return None
        return self._since.setdefault(name, time.time())


def lost_part(source: str, part: LostPart) -> SourceReport:
    """What is told of a part of a source that is lost: to the control room it is a source that is down."""
    return SourceReport(
        name=f"{source}/{part.name}",
        kind=part.kind,
        connected_since=None,
        down_since=part.since,
        error=short(part.why),
        reconnects=0,
        messages=0,
        readings=0,
        rate=0.0,
        repeated=0,
        retained=0,
        refused={},
        last_at=None,
        skew_s=None,
        tags=0,
    )


def write_report(directory: Path, report: BridgeReport) -> None:
    """Replace the report in a bridge's directory."""
    path = directory / NAME
    new = path.with_suffix(".new")
    new.write_bytes(encode_bridge_report(report))
    os.replace(new, path)  # noqa: PTH105 - one call, as the manual names it: it is atomic


def read_report(directory: Path) -> BridgeReport | None:
    """The last report of the bridge that has this directory; None: there never was one.

    Raises:
        SpoolError: it cannot be read.
    """
    path = directory / NAME
    try:
        return decode_bridge_report(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, BadMessage) as error:
        raise SpoolError(f"{path}: {error}") from None
