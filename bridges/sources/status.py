"""What a source tells of itself: counters that only grow, and how it is at the moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class LostPart(NamedTuple):
    """A part of a source that is lost by itself, such as an edge node; its sensors' readings name it."""

    name: str
    kind: str
    #: seconds since 1970
    since: float
    why: str


@dataclass(slots=True)
class SourceStatus:
    """Written by the source's threads, read by whoever shows it."""

    kind: str
    #: seconds since 1970; None: not connected
    connected_since: float | None = None
    #: why it is not, or what was last amiss
    error: str = ""
    #: connections made after the first
    reconnects: int = 0
    messages: int = 0
    #: readings that are stored
    readings: int = 0
    #: messages that had come before, and were not taken twice
    repeated: int = 0
    #: retained messages that were passed over
    retained: int = 0
    #: messages and values that could not be taken, by reason
    refused: Mapping[str, int] = field(default_factory=dict)
    #: when the last value came, seconds since 1970
    last_at: float | None = None
    #: the source's time less ours, seconds, smoothed; None: it tells no time
    skew_s: float | None = None
    #: topics that became sensors
    tags: int = 0
    #: replaced as a whole
    lost: Sequence[LostPart] = ()

    def skewed(self, seconds: float) -> None:
        """A value came whose time was so far ahead of ours (behind: negative)."""
        self.skew_s = seconds if self.skew_s is None else self.skew_s + 0.1 * (seconds - self.skew_s)
